"""Finding leads: by where they stand, when they came, who they are about, and what they hold.

The newest come first, a page at a time; a page begins below the last lead of the one before it (keyset pagination), so
leads that arrive meanwhile shift nothing. A page costs about the same wherever it is.

Two questions are asked, as one plan is not right for all values: the newest few thousand leads are looked through one
by one, which fills a page whenever one lead in a hundred or more is meant. Only if it doesn't, the rest is looked up by
what is rarest: terms, route, reject code. PostgreSQL has no statistics to tell these cases apart beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from leadgateway.pipeline.search_terms import LONGEST_PATH, LONGEST_VALUE, email_terms, phone_terms, value_term
from leadgateway.route.snapshot import RouteKey
from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import INDEX_LOOKUPS, records, rows
from leadgateway.store.search_index import catch_up
from leadgateway.store.status import WAITING, LeadStatus

LARGEST_PAGE = 500
"""Leads of a page at the most."""

MOST_FIELDS = 10
"""Values of the body that can be asked for at once."""

_LOOKED_THROUGH = 5000
_HIGHEST = 2**63 - 1
# Numbers grow with time, give or take the length of a transaction and a step of the server's clock.
_OUT_OF_ORDER = timedelta(minutes=10)
# Of the function search_keys in the database: what is written together stands together in the index.
_STRETCH_BITS = 17
_KEY_BITS = 43
_KEY_MASK = 2**_KEY_BITS - 1


class InvalidFilter(ValueError):
    """Nothing can be found by this.

    Attributes:
        field: The part of the filter that is wrong.
        sentence: What is wrong and what to write instead; repeats nothing of what was asked for.
    """

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class BodyField:
    """A value that a lead must have at a path of its body, see `pipeline.search_terms`."""

    path: str
    value: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> BodyField:
        """Read `path=value`.

        Raises:
            InvalidFilter: It isn't that, or too long to be in the index.
        """
        path, equals, value = text.partition("=")
        path = path.strip()
        if not equals or not path:
            raise InvalidFilter("field", "write path=value, such as address.zip=66123")
        if len(path) > LONGEST_PATH or len(value.strip()) > LONGEST_VALUE:
            longest = f"a path of {LONGEST_PATH} and a value of {LONGEST_VALUE} characters"
            raise InvalidFilter("field", f"longer than what leads are found by: at the most {longest}")
        return cls(path, value.strip())


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Which leads are meant: those that fulfil everything that is given.

    Attributes:
        route: Whose customer gets it.
        statuses: It has one of them; empty: any.
        reject_code: Why it is REJECTED.
        received_from: It was accepted then or later.
        received_before: It was accepted earlier.
        email: An e-mail address that stands somewhere in its body.
        phone: A phone number that stands somewhere in its body.
        correlation_id: From intake.
        fields: Values of its body.
    """

    route: RouteKey | None = None
    statuses: frozenset[LeadStatus] = frozenset()
    reject_code: str | None = None
    received_from: datetime | None = None
    received_before: datetime | None = None
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    correlation_id: UUID | None = None
    fields: tuple[BodyField, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what nothing can be found by.

        Raises:
            InvalidFilter: By field.
        """
        if self.email is not None and not email_terms(self.email):
            raise InvalidFilter("email", "not an e-mail address; write the whole of it, such as ann@example.com")
        if self.phone is not None and not phone_terms(self.phone):
            raise InvalidFilter("phone", "not a phone number; write the whole of it, such as +49 681 9876543")
        if len(self.fields) > MOST_FIELDS:
            raise InvalidFilter("field", f"at the most {MOST_FIELDS} values can be asked for at once")
        for name, moment in (("received_from", self.received_from), ("received_before", self.received_before)):
            if moment is not None and moment.tzinfo is None:
                raise InvalidFilter(name, "a time without its zone; add Z or an offset, such as +01:00")
        if self.received_from and self.received_before and self.received_from >= self.received_before:
            raise InvalidFilter("received_before", "not later than received_from, so no lead can be meant")

    def standing(self, statuses: frozenset[LeadStatus]) -> LeadFilter:
        """The same, but for where the leads stand."""
        return replace(self, statuses=statuses)

    @property
    def is_personal(self) -> bool:
        """Whether what is asked for says something about a person, so that asking is a look at personal data."""
        return self.email is not None or self.phone is not None or bool(self.fields)


@dataclass(frozen=True, slots=True)
class FoundLead:
    """Where a lead stands, without its contents.

    Attributes:
        lead_id: The lead.
        status: Where it stands.
        reject_code: Why it is REJECTED; None if it isn't.
        route: Whose customer gets it.
        arrived_at_route: Where it was posted, if that was another route.
        received_at: When it was accepted.
        updated_at: When it came to where it stands.
        due_at: When a worker looks at it next; None at an end.
        leased_until: A worker is on it, until then at the longest.
        lease_holder: That worker.
        round: Its delivery round.
        failures: Failed attempts of this round.
        attempts: All attempts.
        last_attempt: What kind the last one was; None: there was none.
        last_response_status: What the customer answered; None: nothing.
        last_error: What went wrong, in a sentence.
        correlation_id: From intake.
        contents_removed_at: When body, headers, payloads and answers were removed; None: they are there.
        contents_removed_by: By what.
    """

    lead_id: int
    status: LeadStatus
    reject_code: str | None
    route: RouteKey
    arrived_at_route: RouteKey | None
    received_at: datetime
    updated_at: datetime
    due_at: datetime | None
    leased_until: datetime | None
    lease_holder: str | None
    round: int
    failures: int
    attempts: int
    last_attempt: str | None
    last_response_status: int | None
    last_error: str | None
    correlation_id: UUID
    contents_removed_at: datetime | None
    contents_removed_by: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the leads that are meant, the newest first.

    Attributes:
        leads: These.
        next_before: Where the next page begins, as `before` of `search`; None: there is none.
        is_complete: Whether everything that was accepted can be found yet. If not, workers are still at it: some of the
            newest may be missing, or of the oldest, soon after an upgrade from a version without an index.
    """

    leads: tuple[FoundLead, ...]
    next_before: int | None
    is_complete: bool


def search(connection: Connection, leads: LeadFilter, *, limit: int = 50, before: int | None = None) -> Page:
    """Find leads, the newest first.

    Args:
        connection: In autocommit.
        leads: Which.
        limit: How many at the most, from 1 to `LARGEST_PAGE`.
        before: Only those with lower numbers than this: where the page before this one ended.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidFilter("limit", f"from 1 to {LARGEST_PAGE}")
    is_complete = catch_up(connection) and is_backfilled(connection)
    found = matching_ids(connection, leads, limit=limit + 1, before=before)
    more = len(found) > limit
    return Page(tuple(leads_by_id(connection, found[:limit])), found[limit - 1] if more else None, is_complete)


def is_backfilled(connection: Connection) -> bool:
    """Whether the leads from before there was an index are in it."""
    return not rows(connection, "SELECT 1 FROM search_progress WHERE backfilled_down_to > 0")


def matching_ids(connection: Connection, leads: LeadFilter, *, limit: int, before: int | None = None) -> list[int]:
    """The numbers of indexed leads that are meant, the highest first; see `search`."""
    keys = _keys(connection, leads)
    where = _Where(leads, before, keys)
    found: list[int] = []
    if not where.is_selective:
        [(looked_through, lowest, newest)] = rows(
            connection,
            INDEX_LOOKUPS + where.newest(),
            {**where.parameters, "limit": limit, "looked_through": _LOOKED_THROUGH},
        )
        found = newest
        if len(found) >= limit or looked_through < _LOOKED_THROUGH:
            return found
        where = _Where(leads, lowest, keys)
    rest = rows(connection, where.anywhere(), {**where.parameters, "limit": limit - len(found)})
    return found + [lead_id for (lead_id,) in rest]


def all_matching_ids(
    connection: Connection, leads: LeadFilter, *, batch: int, before: int | None = None
) -> Iterator[list[int]]:
    """The numbers of all indexed leads that are meant, the highest first, in batches; each is a query of its own."""
    while found := matching_ids(connection, leads, limit=batch, before=before):
        yield found
        before = found[-1]


def count_matching(connection: Connection, leads: LeadFilter) -> int:
    """How many indexed leads are meant, exactly. Among a million that takes up to half a second."""
    where = _Where(leads, None, _keys(connection, leads))
    return int(rows(connection, where.count(), where.parameters)[0][0])


def numbers_between(connection: Connection, received_from: datetime, received_before: datetime) -> tuple[int, int]:
    """Between which numbers, both left out, the indexed leads lie that were accepted in a period; there may be others.

    Asked beforehand, so that the planner knows how small a part of a large table is meant.
    """
    period = {"received_from": received_from, "received_before": received_before}
    parameters = {**period, "out_of_order": _OUT_OF_ORDER, "highest": _HIGHEST}
    [(after, before)] = rows(connection, f"{INDEX_LOOKUPS}SELECT {_LAST_BEFORE}, {_FIRST_AFTER}", parameters)
    return after, before


def leads_by_id(connection: Connection, lead_ids: list[int]) -> list[FoundLead]:
    """Where these leads stand, in the order of the numbers given; without those that are no longer kept."""
    parameters = {"lead_ids": arrays.number_array(lead_ids)}
    found = records(connection, INDEX_LOOKUPS + _OVERVIEW, parameters)
    return [FoundLead(**record | {"status": LeadStatus(record["status"])}) for record in found]


def bodies_by_id(connection: Connection, lead_ids: list[int]) -> dict[int, bytes]:
    """The bodies of these leads as posted; empty of those whose contents were removed."""
    found = rows(connection, INDEX_LOOKUPS + _BODIES, {"lead_ids": arrays.number_array(lead_ids)})
    return {lead_id: bytes(body) for lead_id, body in found}


_BODIES = "SELECT lead_id, body FROM inbound_lead WHERE lead_id = ANY (%(lead_ids)s::bigint[])"

_OVERVIEW = """
SELECT o.lead_id, o.status, o.reject_code, o.route, o.arrived_at_route, o.received_at, o.updated_at, o.due_at,
       o.leased_until, o.lease_holder, o.round, o.failures, o.attempts, o.last_attempt, o.last_response_status,
       o.last_error, o.correlation_id, o.contents_removed_at, o.contents_removed_by
FROM unnest(%(lead_ids)s::bigint[]) WITH ORDINALITY AS a (lead_id, n) JOIN lead_overview AS o USING (lead_id)
ORDER BY n
"""


class _Where:
    """A filter as conditions on `x` (lead_search) and `s` (lead_state)."""

    def __init__(self, leads: LeadFilter, before: int | None, keys: Sequence[str]) -> None:
        self.parameters: dict[str, object] = {}
        self._bounds = ["x.lead_id < %(before)s"]
        self._conditions: list[str] = []
        self._in_index: list[str] = []
        self.parameters |= {"before": _HIGHEST if before is None else min(before, _HIGHEST), "highest": _HIGHEST}
        self.is_selective = {leads.email, leads.phone, leads.correlation_id} != {None}
        self._about_arrival(leads)
        self._about_state(leads)
        self._about_contents(leads)
        self._about_keys(keys)

    def newest(self) -> str:
        bounds, conditions = " AND ".join(self._bounds), " AND ".join(["true", *self._conditions])
        return _NEWEST.replace("{bounds}", bounds).replace("{conditions}", conditions)

    def anywhere(self) -> str:
        return f"SELECT lead_id {self._meant()} ORDER BY lead_id DESC LIMIT %(limit)s"

    def count(self) -> str:
        if not self._conditions:  # of where leads stand nothing is asked
            return f"SELECT count(*) FROM lead_search AS x WHERE {' AND '.join(self._bounds)}"  # noqa: S608
        return f"SELECT count(*) {self._meant()}"

    def _meant(self) -> str:
        conditions = " AND ".join([*self._bounds, *self._conditions, *self._in_index])
        return "FROM lead_search AS x JOIN lead_state AS s USING (lead_id) WHERE " + conditions

    def _about_arrival(self, leads: LeadFilter) -> None:
        if leads.route is not None:
            self._bounds.append("x.route = %(route)s")
            self.parameters["route"] = arrays.storable(leads.route)
        if leads.received_from is not None:
            self._bounds += ["x.received_at >= %(received_from)s", f"x.lead_id > {_LAST_BEFORE}"]
            self.parameters |= {"received_from": leads.received_from, "out_of_order": _OUT_OF_ORDER}
        if leads.received_before is not None:
            self._bounds += ["x.received_at < %(received_before)s", f"x.lead_id < {_FIRST_AFTER}"]
            self.parameters |= {"received_before": leads.received_before, "out_of_order": _OUT_OF_ORDER}
        if leads.correlation_id is not None:
            self._bounds.append(
                "x.lead_id IN (SELECT lead_id FROM inbound_lead WHERE correlation_id = %(correlation_id)s)"
            )
            self.parameters["correlation_id"] = leads.correlation_id.hex

    def _about_state(self, leads: LeadFilter) -> None:
        if leads.statuses:
            self._conditions.append("s.status = ANY (%(statuses)s::lead_status[])")
            self.parameters["statuses"] = arrays.text_array(sorted(leads.statuses))
            # What follows from it, as the indexes have it
            if leads.statuses <= WAITING:
                self._conditions.append("s.due_at IS NOT NULL")
            elif leads.statuses == {LeadStatus.REJECTED}:
                self._conditions.append("s.reject_code IS NOT NULL")
            elif leads.statuses == {LeadStatus.PERMANENTLY_FAILED}:
                given_up = "SELECT lead_id FROM status_transition WHERE to_status = 'PERMANENTLY_FAILED'"
                self._conditions.append(f"s.lead_id IN ({given_up})")
        if leads.reject_code is not None:
            self._conditions.append("s.reject_code = %(reject_code)s")
            self.parameters["reject_code"] = arrays.storable(leads.reject_code)

    def _about_contents(self, leads: LeadFilter) -> None:
        for n, alternatives in enumerate(_terms(leads)):
            self._conditions.append(f"x.terms && %(terms_{n})s::bigint[]")
            self.parameters[f"terms_{n}"] = arrays.number_array(sorted(alternatives))

    def _about_keys(self, keys: Sequence[str]) -> None:
        # Said once more as the index has it: cheap there, and dear for a row that is met elsewhere.
        for n, alternatives in enumerate(keys):
            self._in_index.append(f"search_keys(x.lead_id, x.terms) && %(keys_{n})s::bigint[]")
            self.parameters[f"keys_{n}"] = alternatives


def _terms(leads: LeadFilter) -> list[frozenset[int]]:
    """What is asked of the contents of leads: of each set, a lead must have a term."""
    wanted = [frozenset((value_term(field.path, field.value),)) for field in leads.fields]
    if leads.email is not None:
        wanted.append(email_terms(leads.email))
    if leads.phone is not None:
        wanted.append(phone_terms(leads.phone))
    return wanted


def _keys(connection: Connection, leads: LeadFilter) -> list[str]:
    """What is asked of the contents of leads as the index has it: each term once for each stretch of leads.

    So of a billion leads 7,600 places of the index are looked at, where one index over all terms would have one; but
    that one would be written all over, some random pages a lead (see migration 0008).
    """
    wanted = _terms(leads)
    if not wanted:
        return []
    [(highest,)] = rows(connection, "SELECT read_up_to FROM search_progress")
    stretches = range((highest >> _STRETCH_BITS) + 1)
    return [
        arrays.number_array(stretch << _KEY_BITS | term & _KEY_MASK for term in sorted(terms) for stretch in stretches)
        for terms in wanted
    ]


# Of `_Where`'s conditions, which are written there and hold nothing of what is asked for.
_NEWEST = """
WITH x AS MATERIALIZED (
    SELECT * FROM lead_search AS x WHERE {bounds} ORDER BY x.lead_id DESC LIMIT %(looked_through)s
)
SELECT (SELECT count(*) FROM x), (SELECT min(lead_id) FROM x), ARRAY(
    SELECT lead_id FROM x JOIN lead_state AS s USING (lead_id) WHERE {conditions}
    ORDER BY lead_id DESC LIMIT %(limit)s
)
"""

_LAST_BEFORE = """coalesce((
    SELECT lead_id FROM lead_search WHERE received_at < %(received_from)s - %(out_of_order)s
    ORDER BY received_at DESC LIMIT 1
), 0)"""

_FIRST_AFTER = """coalesce((
    SELECT lead_id FROM lead_search WHERE received_at > %(received_before)s + %(out_of_order)s
    ORDER BY received_at LIMIT 1
), %(highest)s)"""
