"""Finding a person in everything that is stored.

What to look for stands in no list that could be forgotten to grow: every column of every table that can hold text is
read, bodies, payloads and answers as well as any table that a later version adds. So the same search that finds the
leads of a person proves, after an erasure, that nothing is left.

A search reads the tables in pieces, each in a short transaction of its own, so that it can take its time beside
everything else. What is stored while it runs may be missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from leadgateway.person import EmailAddress, Person, PhoneNumber, is_in_value
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows, undone_on_error

_PAGES_AT_ONCE = 2000  # of 8 KiB, without what is stored out of line
_ROWS_AT_ONCE = 10  # a body may have 1 MiB and take a second to look at, and our sessions may idle for 15 s

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told while it goes on: the table, and how many of its pages are done of how many."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that was read, as `table.column`."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


@dataclass(frozen=True, slots=True)
class Traces:
    """Where a person was found.

    Attributes:
        columns: Every column that was read, with the number of its values the person is in; most have none.
        rows: Number of rows that were read, by table.
        lead_ids: The leads that these belong to.
        elsewhere: Values that belong to no lead.
    """

    columns: Mapping[Column, int]
    rows: Mapping[str, int]
    lead_ids: Sequence[int]
    elsewhere: int

    @property
    def count(self) -> int:
        """Number of the values."""
        return sum(self.columns.values())


def find_person(connection: Connection, person: Person, *, progress: Progress | None = None) -> Traces:
    """Look for a person in everything that is stored.

    Reads whole tables, which takes minutes where there are millions of leads.

    Args:
        connection: In autocommit, without a time limit for statements.
        person: Whom to look for.
        progress: Told how far it is.
    """
    columns: Counter[Column] = Counter()
    read: dict[str, int] = {}
    lead_ids: set[int] = set()
    elsewhere = 0
    for table in _tables(connection):
        columns.update(dict.fromkeys((Column(table.name, name) for name in table.columns), 0))
        read[table.name] = 0
        for piece in _pieces(table, progress):
            read[table.name] += _count(connection, table, piece)
            for lead_id, found in _found(connection, table, piece, person):
                columns.update(found)
                if lead_id is None:
                    elsewhere += len(found)
                else:
                    lead_ids.add(lead_id)
    return Traces(columns, read, sorted(lead_ids), elsewhere)


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    quoted: str
    pages: int
    has_lead: bool
    columns: Mapping[str, str]  # the expression of each by its name


_Piece: TypeAlias = tuple[int, int]


def _tables(connection: Connection) -> list[_Table]:
    found = groupby(rows(connection, _COLUMNS), key=lambda row: row[:4])
    return [
        _Table(name, quoted, pages, has_lead, {row[4]: row[5] for row in columns})
        for (name, quoted, pages, has_lead), columns in found
    ]


def _pieces(table: _Table, progress: Progress | None) -> Iterator[_Piece]:
    for first in range(0, table.pages, _PAGES_AT_ONCE):
        last = min(first + _PAGES_AT_ONCE, table.pages)
        yield first, last
        if progress is not None:
            progress(table.name, last, table.pages)


def _count(connection: Connection, table: _Table, piece: _Piece) -> int:
    query = f"SELECT count(*) FROM {table.quoted} WHERE {_WITHIN}"  # noqa: S608 - quoted by PostgreSQL
    return int(rows(connection, query, _bounds(piece))[0][0])


def _found(
    connection: Connection, table: _Table, piece: _Piece, person: Person
) -> Iterator[tuple[int | None, list[Column]]]:
    """The rows of a piece that a person is in, with the columns: first what may be one by SQL, then looked at."""
    lead = "lead_id" if table.has_lead else "NULL"
    whole = ", ".join(_as_text(expression) for expression in table.columns.values())
    query = (
        f"SELECT {lead}, {', '.join(table.columns.values())} FROM {table.quoted}"  # noqa: S608 - quoted by PostgreSQL
        f" WHERE {_WITHIN} AND {_MAY_HOLD[type(person)].format(text=f'concat_ws(chr(10), {whole})')}"
    )
    parameters = {**_bounds(piece), "literal": person.literal}
    columns = [Column(table.name, name) for name in table.columns]
    with undone_on_error(connection):
        rows(connection, f"BEGIN READ ONLY; DECLARE piece NO SCROLL CURSOR FOR {query}", parameters)
        while candidates := rows(connection, f"FETCH {_ROWS_AT_ONCE} FROM piece"):
            for lead_id, *values in candidates:
                pairs = zip(columns, values, strict=True)
                found = [column for column, value in pairs if value is not None and _holds(person, value)]
                if found:
                    yield lead_id, found
        rows(connection, "COMMIT")


def _holds(person: Person, value: memoryview | str) -> bool:
    return is_in_value(person, value if isinstance(value, str) else bytes(value))


def _as_text(expression: str) -> str:
    return f"encode({expression}, 'escape')" if expression.endswith("::bytea") else expression


def _bounds(piece: _Piece) -> dict[str, object]:
    return {"first": f"({piece[0]},0)", "last": f"({piece[1]},0)"}


_WITHIN = "ctid >= %(first)s::tid AND ctid < %(last)s::tid"

# Every column of a base table but those of types that can hold no text: numbers, times, truth values, our own enums,
# UUIDs. Whatever else there is or will be is read as text, `bytea` as bytes.
_COLUMNS = """
SELECT c.relname, replace(quote_ident(c.relname), '%', '%%'),
       (pg_relation_size(c.oid) / current_setting('block_size')::int)::int,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'lead_id' AND NOT attisdropped),
       a.attname,
       replace(quote_ident(a.attname), '%', '%%') || CASE WHEN t.typname = 'bytea' THEN '::bytea' ELSE '::text' END
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND coalesce(e.typcategory, t.typcategory) NOT IN ('N', 'D', 'T', 'B', 'E')
  AND coalesce(e.typname, t.typname) <> 'uuid'
ORDER BY c.relname, a.attnum
"""

# Sound, not exact: escapes of ASCII characters (\\u0040) are looked at in any case. `bytea` as text has its backslashes
# doubled and other bytes than ASCII as three octal digits, which must not count as digits of a number.
_MAY_HOLD: Mapping[type[Person], str] = {
    EmailAddress: r"(position(%(literal)s in lower({text})) > 0 OR {text} ~ '\\u00[2-7]')",
    PhoneNumber: (
        r"(position(%(literal)s in regexp_replace({text}, '\\+u[0-9a-fA-F]{{4}}|\\[0-7]{{3}}|[^0-9]', '', 'g')) > 0"
        r" OR {text} ~ '\\u00[2-7]')"
    ),
}
