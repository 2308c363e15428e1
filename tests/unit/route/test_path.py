from __future__ import annotations

from typing import Any

import pytest

from leadgateway.route.path import MISSING, DotPath, InvalidPath

LEAD: dict[str, Any] = {
    "address": {"zip": "66123", "": 1},
    "answers": ["yes", {"text": "no"}],
    "codes": {"0": "zero", "007": "bond"},
    "none": None,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("address.zip", "66123"),
        ("answers.0", "yes"),
        ("answers.1.text", "no"),
        ("codes.0", "zero"),
        ("codes.007", "bond"),
        ("none", None),
        ("address", {"zip": "66123", "": 1}),
    ],
)
def test_a_path_finds_what_it_points_at(path: Any, found: Any) -> None:
    assert DotPath.parse(path).lookup(LEAD) == found


@pytest.mark.parametrize(
    "path",
    [
        "street",
        "address.street",
        "address.zip.first",
        "answers.2",
        "answers.-1",
        "answers.00",
        "answers.text",
        "none.x",
        "answers.٠",
    ],
)
def test_a_path_that_leads_nowhere_is_missing(path: Any) -> None:
    assert DotPath.parse(path).lookup(LEAD) is MISSING


def test_a_path_may_hold_anything_but_dots() -> None:
    assert DotPath.parse("what's your zip?.ü ").lookup({"what's your zip?": {"ü ": 1}}) == 1


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b"])
def test_an_empty_segment_is_refused_with_a_sentence(path: Any) -> None:
    with pytest.raises(InvalidPath, match="write keys joined by single dots"):
        DotPath.parse(path)


def test_a_path_is_bounded() -> None:
    with pytest.raises(InvalidPath, match="at most 256 characters, this one has 257"):
        DotPath.parse("a" * 257)


def test_a_path_reads_as_it_was_written() -> None:
    assert str(DotPath.parse("a.0.b")) == "a.0.b"
    assert DotPath.parse("a.0").segments == ("a", 0)


def test_missing_is_falsy_and_names_itself() -> None:
    assert not MISSING
    assert repr(MISSING) == "missing"
