"""How deep a body nests, counted byte by byte: what the pipeline's quick way must agree with."""

from __future__ import annotations


def deepest_nesting(body: bytes) -> int:
    """Return how many brackets are open at once at most, outside of strings."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in body:
        if in_string:
            in_string = escaped or byte != ord('"')
            escaped = not escaped and byte == ord("\\")
        elif byte == ord('"'):
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
