"""The W3C trace context of a request (https://www.w3.org/TR/trace-context/), checked, to be passed on as it came.

Where the gateway records no spans (see `tracing`), it takes no part in the trace: by the recommendation (section 3.4)
it then forwards both headers unchanged, so that the customer's spans join the trace that the source began.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Section 3.2.2: version, trace-id, parent-id, flags. A later version may go on behind a hyphen.
_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?")
_MAX_PARENT = 128
# Section 3.3: visible ASCII and blanks; at least 512 characters have to be passed on.
_STATE = re.compile(r"[\t\x20-\x7e]{1,512}")


def trace_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that carry on the trace of a request; none if it carries no valid one.

    Args:
        headers: Of the request, by lower-case name.
    """
    parent = headers.get("traceparent", "").strip()
    if not _is_parent(parent):
        return {}
    state = headers.get("tracestate", "").strip()
    return {"traceparent": parent, "tracestate": state} if _STATE.fullmatch(state) else {"traceparent": parent}


def _is_parent(text: str) -> bool:
    found = _PARENT.fullmatch(text) if len(text) <= _MAX_PARENT else None
    return found is not None and (found[1] != "00" or found[2] is None)
