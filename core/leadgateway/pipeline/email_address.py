"""E-mail addresses: what is one, and how it is written."""

from __future__ import annotations

import re

_LONGEST = 254
"""In characters: RFC 5321's limit of 256 octets for a path, without its angle brackets."""

# The rule that browsers apply to <input type=email> (WHATWG HTML, "valid e-mail address"), with two changes: letters
# and digits of any script (RFC 6531, müller@käse.example), and at least one dot in the domain (nobody can be reached
# at localhost). Each label is bounded and dots separate them, so no input makes the match slow.
_LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
_ADDRESS = re.compile(rf"[\w.!#$%&'*+/=?^`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")


def is_email_address(text: str) -> bool:
    """Whether a text is, in full, one e-mail address: no display name, no angle brackets, no white space."""
    return "@" in text and len(text) <= _LONGEST and _ADDRESS.fullmatch(text) is not None


def to_email_address(text: str) -> str | None:
    """Write an e-mail address in lower case, without white space around it; None if the text isn't one."""
    address = text.strip().lower()
    return address if is_email_address(address) else None
