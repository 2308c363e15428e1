"""How deep a body nests, told before anything is parsed: a parser's own limit is a crash, or far away."""

from __future__ import annotations

import re
from itertools import accumulate

_STRING = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # one down, one up: -1 as a signed byte
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def is_deeper_than(levels: int, body: bytes) -> bool:
    """Tell whether more than `levels` brackets are open at once anywhere in a body, valid JSON or not.

    A string ends at its quotation mark, or with the body; brackets inside of strings don't count. Every step over
    the body is taken by C code, since a source chooses how many brackets it sends.
    """
    if body.count(b"{") + body.count(b"[") <= levels:
        return False
    steps = _STRING.sub(b"", body).translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(memoryview(steps).cast("b")), default=0) > levels
