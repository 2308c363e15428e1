from __future__ import annotations

from typing import Any

import pytest

from leadgateway.route.surrogate import replace_surrogates


@pytest.mark.parametrize(
    ("text", "replaced"),
    [("zip", "zip"), ("Straße 😀", "Straße 😀"), ("a\ud800b", "a�b"), ("\udc00\ud800", "��"), ("\ud83d\ude00", "😀")],
)
def test_only_lone_surrogates_are_replaced(text: Any, replaced: Any) -> None:
    assert replace_surrogates(text) == replaced
