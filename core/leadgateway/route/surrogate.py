r"""Lone surrogates: JSON can carry them (`"\ud800"`), UTF-8 cannot.

Leads keep theirs all the way to the customer. Only what re2 and CEL are shown is a copy without them.
"""

from __future__ import annotations


def replace_surrogates(text: str) -> str:
    """Replace each lone surrogate by U+FFFD, the replacement character; other text comes back as it is."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
