"""Array literals: what PostgreSQL reads is what was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows
from tests.building.stored_leads import store_engine


@pytest.fixture(scope="module")
def database(store_database: str) -> Iterator[Connection]:
    engine = store_engine(store_database)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="module")
def read(database: Connection) -> Any:
    def read(literal: str, element_type: str, expression: str = "x") -> list[Any]:
        sql = f"SELECT {expression} FROM unnest(%(literal)s::{element_type}[]) WITH ORDINALITY AS u (x, n) ORDER BY n"
        return [value for (value,) in rows(database, sql, {"literal": literal})]

    return read


def lists(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | values, max_size=20)


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(values=lists(TEXT))
def test_text_that_postgresql_can_hold_is_read_as_it_was(read: Any, values: Sequence[str | None]) -> None:
    assert read(arrays.text_array(values), "text") == values


@settings(max_examples=40, deadline=None)
@given(values=lists(st.text(alphabet=st.sampled_from("a\x00\ud800\udfff\\\"{},' NULL"))))
def test_what_text_can_not_hold_is_replaced_and_nothing_else(read: Any, values: Sequence[str | None]) -> None:
    expected = [value and "".join("\ufffd" if c in "\x00\ud800\udfff" else c for c in value) for value in values]

    assert read(arrays.text_array(values), "text") == expected


@settings(max_examples=40, deadline=None)
@given(values=lists(st.binary()))
def test_bytes_are_read_as_they_were(read: Any, values: Sequence[bytes | None]) -> None:
    found = read(arrays.hex_array(values), "text", "decode(x, 'hex')")

    assert [value if value is None else bytes(value) for value in found] == values


@settings(max_examples=40, deadline=None)
@given(values=lists(st.integers(-(2**63), 2**63 - 1)))
def test_numbers_are_read_as_they_were(read: Any, values: Sequence[int | None]) -> None:
    assert read(arrays.number_array(values), "bigint") == values


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5), max_size=20))
def test_arrays_of_numbers_are_read_as_they_were(read: Any, values: Sequence[Sequence[int]]) -> None:
    assert read(arrays.number_arrays(values), "text", "x::bigint[]") == values


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.none() | st.uuids(), max_size=20))
def test_uuids_are_read_as_they_were(read: Any, values: Sequence[Any]) -> None:
    assert read(arrays.uuid_array(values), "uuid") == values


@settings(max_examples=40, deadline=None)
@given(values=lists(st.timedeltas(timedelta(days=-3650), timedelta(days=3650))))
def test_intervals_lose_nothing(read: Any, values: Sequence[timedelta | None]) -> None:
    microseconds = "(extract(epoch FROM x) * 1000000)::bigint"

    expected = [None if value is None else value // timedelta(microseconds=1) for value in values]
    assert read(arrays.interval_array(values), "interval", microseconds) == expected


@settings(max_examples=40, deadline=None)
@given(values=lists(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))))  # noqa: DTZ001 - hypothesis adds the zone
def test_times_lose_nothing(read: Any, values: Sequence[datetime | None]) -> None:
    assert read(arrays.time_array(values), "timestamptz") == values


@settings(max_examples=40, deadline=None)
@given(values=lists(st.dictionaries(st.text(), JSON, max_size=4)))
def test_any_json_can_be_stored_as_jsonb(read: Any, values: Sequence[Any]) -> None:
    found = read(arrays.json_array(values), "text", "x::jsonb")

    assert [value is None for value in found] == [value is None for value in values]


@settings(max_examples=40, deadline=None)
@given(values=lists(st.dictionaries(TEXT, TEXT, max_size=4)))
def test_storable_json_is_stored_as_it_was(read: Any, values: Sequence[Any]) -> None:
    assert read(arrays.json_array(values), "text", "x::jsonb") == values


@settings(max_examples=40, deadline=None)
@given(values=lists(st.dictionaries(st.text(), st.text(), max_size=4)))
def test_verbatim_json_keeps_everything(read: Any, values: Sequence[Any]) -> None:
    assert read(arrays.verbatim_json_array(values), "text", "x::json") == values


@pytest.mark.parametrize("span", [timedelta(minutes=36), timedelta(days=3650), -timedelta(days=3650)])
def test_an_interval_has_no_field_beyond_32_bits_which_postgresql_14_refuses(span: timedelta) -> None:
    numbers = re.findall(r"\d+", arrays.interval_array([span]))

    assert max(map(int, numbers)) < 2**31
