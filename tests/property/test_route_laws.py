"""The laws of paths, patterns and durations."""

from __future__ import annotations

import re
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from leadgateway.json import JsonValue
from leadgateway.route.duration import DURATION_PATTERN, InvalidDuration, format_duration, parse_duration
from leadgateway.route.path import MISSING, DotPath, InvalidPath
from leadgateway.route.pattern import InvalidPattern, Pattern
from leadgateway.route.surrogate import replace_surrogates
from tests.property.strategies import json_values, texts

segments = st.sampled_from(["a", "b", "0", "1", "00", "zip", "٣"]) | texts(6).filter(
    lambda text: text and "." not in text
)


@given(st.lists(segments, min_size=1, max_size=5))
def test_a_path_is_its_text(keys: list[str]) -> None:
    """A path made of keys reads as they were joined, and its segments write them again."""
    path = DotPath.parse(".".join(keys))

    assert str(path) == ".".join(keys)
    assert [str(segment) for segment in path.segments] == keys


@given(st.lists(segments, min_size=1, max_size=5), json_values())
def test_what_is_put_at_a_path_is_found_there(keys: list[str], value: JsonValue) -> None:
    """A value nested under the keys of a path, in objects, is what the path finds."""
    nested = value
    for key in reversed(keys):
        nested = {key: nested}

    assert DotPath.parse(".".join(keys)).lookup(nested) == value


@given(st.lists(st.integers(0, 3), min_size=1, max_size=4), json_values())
def test_digits_index_lists(indices: list[int], value: JsonValue) -> None:
    """A value nested in lists is found by its indices, and nothing is found beyond their ends."""
    nested = value
    for index in reversed(indices):
        nested = [None] * index + [nested]
    path = ".".join(map(str, indices))

    assert DotPath.parse(path).lookup(nested) == value
    assert DotPath.parse(f"{indices[0] + 1}").lookup(nested) is MISSING


@given(st.text(max_size=300) | st.from_regex(r"[a.]{0,8}", fullmatch=True), json_values())
def test_a_path_never_raises(text: str, value: JsonValue) -> None:
    """Any text is a path or refused with a sentence, and a path looks into any JSON value."""
    with suppress(InvalidPath):
        DotPath.parse(text).lookup(value)


@given(json_values() | texts(8) | st.from_regex(r"66[0-9]{2,4}", fullmatch=True))
def test_a_zip_of_the_saarland(value: JsonValue) -> None:
    """A value passes ^66\\d{3}$ if and only if it is a string of five ASCII digits that begins with 66."""
    expected = isinstance(value, str) and bool(re.fullmatch(r"66[0-9]{3}", value, re.ASCII))

    assert Pattern.parse(r"^66\d{3}$").matches(value) == expected


@given(st.text(max_size=40) | st.from_regex(r"[a(){},0-9*+?\\|\[\]^$.:=!<>d-]{0,20}", fullmatch=True), json_values())
def test_a_pattern_never_raises(text: str, value: JsonValue) -> None:
    """Any text is a pattern or refused with a sentence, and a pattern judges any JSON value."""
    with suppress(InvalidPattern):
        assert Pattern.parse(text).matches(value) in (True, False)


@given(texts(20))
def test_anchors_change_nothing(value: str) -> None:
    """A pattern matches the whole value with and without anchors."""
    for pattern in ("[a-z]+", "a|b", "", ".*", "(?s).*"):
        assert Pattern.parse(pattern).matches(value) == Pattern.parse(f"^(?:{pattern})$").matches(value)


@given(st.integers(0, 10_000_000), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_a_duration_survives_writing(number: int, unit: str) -> None:
    """Reading what was written gives the same duration."""
    duration = parse_duration(f"{number}{unit}")

    assert parse_duration(format_duration(duration)) == duration


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{0,9}(ms|s|m|h|d|w)?", fullmatch=True))
def test_a_duration_is_what_the_crd_says(text: str) -> None:
    """A text is a duration if and only if the pattern in the CRD matches it."""
    try:
        parse_duration(text)
    except InvalidDuration:
        assert not re.fullmatch(DURATION_PATTERN, text)
    else:
        assert re.fullmatch(DURATION_PATTERN, text)


@given(texts(20))
def test_replacing_surrogates(text: str) -> None:
    """What is left can be encoded, replacing again changes nothing, and no character is lost or gained."""
    replaced = replace_surrogates(text)

    assert replaced.encode().decode() == replaced == replace_surrogates(replaced)
    assert len(replaced) == len(text)
    assert all(new in (old, "�") for new, old in zip(replaced, text, strict=True))
