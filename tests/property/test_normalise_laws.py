"""The laws of normalisation."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st

from leadgateway.json import JsonValue, is_equal
from leadgateway.pipeline.boolean import to_boolean
from leadgateway.pipeline.email_address import is_email_address
from leadgateway.pipeline.lead import parse_lead
from leadgateway.pipeline.normalise import normalise
from leadgateway.pipeline.process import encode_payload
from leadgateway.route.path import MISSING, DotPath
from tests.property.strategies import Lead, leads, paths, scalars, texts

boolean_fields = st.lists(paths(), max_size=4)
white_space = st.text(" \t\r\n\u00a0\u2003", max_size=3)


def texts_in(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for element in value:
            yield from texts_in(element)
    elif isinstance(value, dict):
        yield from texts_in(list(value.values()))


def shape(value: JsonValue) -> object:
    """The value with its leaves taken off."""
    if isinstance(value, list):
        return [shape(element) for element in value]
    if isinstance(value, dict):
        return {key: shape(element) for key, element in value.items()}
    return None


@given(leads())
@example({"x": " TRUE "})
@example({"email": "İ@EXAMPLE.com"})
@example({"email": "ΟΔΟΣ@EXAMPLE.COM"})
def test_idempotence(lead: Lead) -> None:
    """Normalising twice is normalising once."""
    once = normalise(lead)

    assert is_equal(normalise(once), once)


@given(leads(), boolean_fields)
def test_idempotence_with_boolean_fields(lead: Lead, booleans: list[DotPath]) -> None:
    """Normalising twice is normalising once, whichever fields are booleans."""
    once = normalise(lead, booleans)

    assert is_equal(normalise(once, booleans), once)


@given(leads(), boolean_fields)
def test_shape(lead: Lead, booleans: list[DotPath]) -> None:
    """Normalising keeps every key and every element where it is."""
    assert shape(normalise(lead, booleans)) == shape(lead)


@given(leads(), boolean_fields)
def test_innocence(lead: Lead, booleans: list[DotPath]) -> None:
    """Normalising leaves the lead that it was given as it was."""
    before = copy.deepcopy(lead)

    normalise(lead, booleans)

    assert is_equal(lead, before)


@given(leads())
def test_trimmed(lead: Lead) -> None:
    """No string of a normalised lead begins or ends with white space."""
    assert all(text == text.strip() for text in texts_in(normalise(lead)))


@given(leads())
def test_addresses(lead: Lead) -> None:
    """Each e-mail address of a normalised lead is in lower case."""
    assert all(text == text.lower() for text in texts_in(normalise(lead)) if is_email_address(text))


@given(leads())
def test_literals(lead: Lead) -> None:
    """No string of a normalised lead is the word true or false."""
    assert not {"true", "false"} & {text.lower() for text in texts_in(normalise(lead))}


@given(st.text(max_size=3), scalars().filter(lambda value: not isinstance(value, str)))
def test_what_is_no_string(key: str, value: JsonValue) -> None:
    """What is no string stays what it is."""
    assert normalise({key: value})[key] is value


@given(texts(), white_space, white_space)
def test_padding(text: str, before: str, after: str) -> None:
    """White space around a string is of no account."""
    assert is_equal(normalise({"field": before + text + after}), normalise({"field": text}))


@given(st.from_regex(r"[a-z0-9.+]{1,10}@[a-z0-9]{1,10}\.[a-z]{2,5}", fullmatch=True))
def test_case_of_addresses(address: str) -> None:
    """The case of an e-mail address is of no account, whichever field holds it."""
    assert normalise({"x": address.upper()}) == normalise({"x": address}) == {"x": address}


@given(texts())
def test_text(text: str) -> None:
    """A string is kept but for the white space around it, unless it is an e-mail address, true or false."""
    trimmed = text.strip()
    special = is_email_address(trimmed) or trimmed.lower() in ("true", "false")

    assert (normalise({"x": text})["x"] == trimmed) or special


@given(leads(), boolean_fields)
def test_boolean_fields(lead: Lead, booleans: list[DotPath]) -> None:
    """A boolean field becomes the boolean that it can be read as, or stays as it is."""
    with_booleans, without = normalise(lead, booleans), normalise(lead)
    for path in booleans:
        plain = path.lookup(without)
        read = None if plain is MISSING else to_boolean(plain)
        assert path.lookup(with_booleans) == (plain if read is None else read)


@given(leads())
def test_transport(lead: Lead) -> None:
    """A normalised lead survives being sent."""
    normalised = normalise(lead)

    assert is_equal(parse_lead(encode_payload(normalised)), normalised)


@given(leads(), leads())
def test_independence(one: Lead, other: Lead) -> None:
    """How a field is normalised does not depend on the fields beside it."""
    assert is_equal(normalise(one | other), normalise(one) | normalise(other))
