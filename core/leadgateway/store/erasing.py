"""Erasing a person whole: what is stored of them is found, erased, and looked for again, which proves that it is gone.

For the command line and the console alike. The steps are those of `erasure` and `traces`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from leadgateway.person import EmailAddress, Person, PhoneNumber
from leadgateway.store import erasure
from leadgateway.store.connection import Connection
from leadgateway.store.erasure import Erased
from leadgateway.store.traces import Progress, find_person

_ROUNDS = 3
"""How often what came meanwhile is erased too."""
_PAUSE_SECONDS = 0.2

SoughtBy: TypeAlias = Literal["email", "phone", "id"]


@dataclass(frozen=True, slots=True)
class Sought:
    """Whose data is meant: a person's, or that of some leads.

    Attributes:
        person: Whom to look for; None: the leads are known.
        lead_ids: These, where nobody is looked for.
    """

    person: Person | None
    lead_ids: Sequence[int] = ()

    @property
    def by(self) -> SoughtBy:
        """By what the person is sought, as the record of an erasure has it."""
        match self.person:
            case EmailAddress():
                return "email"
            case PhoneNumber():
                return "phone"
            case None:
                return "id"


@dataclass(frozen=True, slots=True)
class Found:
    """What is there.

    Attributes:
        lead_ids: The leads.
        columns: How many values hold it, by `table.column`; 0 too.
        rows: How many rows were read, by table; nothing where the leads were known.
    """

    lead_ids: Sequence[int]
    columns: Mapping[str, int]
    rows: Mapping[str, int]

    @property
    def count(self) -> int:
        """Number of the values."""
        return sum(self.columns.values())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done.

    Attributes:
        erasure_id: The number of the record of it.
        erased: What became of the leads.
        left: What is there still: nothing, if all went well.
    """

    erasure_id: int
    erased: Erased
    left: Found


def look(connection: Connection, sought: Sought, *, progress: Progress | None = None) -> Found:
    """Find what is stored. Looking for a person reads every table, which takes minutes for millions of leads.

    Args:
        connection: In autocommit, without a time limit for statements.
        sought: Whose data.
        progress: Told how far it is.
    """
    if sought.person is None:
        present = erasure.leads_present(connection, sought.lead_ids)
        return Found(present, erasure.contents_left(connection, present), {})
    traces = find_person(connection, sought.person, progress=progress)
    return Found(traces.lead_ids, {str(column): count for column, count in traces.columns.items()}, traces.rows)


def erase_whole(
    connection: Connection,
    sought: Sought,
    found: Found,
    *,
    person: str,
    reference: str | None,
    wait: float,
    progress: Progress | None = None,
) -> Outcome:
    """Erase what was found, and what came meanwhile, and keep the fact.

    Args:
        connection: As for `look`.
        sought: Whose data.
        found: What `look` found.
        person: Who erases.
        reference: Of the request, such as the number of a ticket; no personal data.
        wait: How long to wait for leads that are being delivered right now, in seconds.
        progress: Told how far erasing is, and then how far looking again is.
    """
    number = erasure.begin_erasure(
        connection, sought=sought.by, leads=len(found.lead_ids), person=person, reference=reference
    )
    deadline = time.monotonic() + wait
    done: set[int] = set()
    ended: set[int] = set()
    for _ in range(_ROUNDS):
        erased = _erase_once(connection, number, found.lead_ids, person=person, deadline=deadline, progress=progress)
        done.update(erased.done)
        ended.update(erased.ended)
        found = look(connection, sought, progress=progress)
        if not found.lead_ids or not found.count or erased.in_flight:
            break
    erasure.finish_erasure(connection, number, traces_left=found.count)
    return Outcome(number, Erased(tuple(sorted(done)), tuple(sorted(ended)), erased.in_flight), found)


def _erase_once(
    connection: Connection,
    number: int,
    lead_ids: Sequence[int],
    *,
    person: str,
    deadline: float,
    progress: Progress | None,
) -> Erased:
    erased = erasure.erase(connection, number, lead_ids, person=person, progress=progress)
    while erased.in_flight and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
        more = erasure.erase(connection, number, list(erased.in_flight), person=person)
        erased = Erased(erased.done + more.done, erased.ended + more.ended, more.in_flight)
    return erased
