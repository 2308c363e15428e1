"""From due leads to what may be sent: claim, check, map, and write down as READY before anything leaves."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from traceback import format_tb
from uuid import UUID

import structlog

from leadgateway.json import JsonValue
from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.pipeline.outcome import Mapped
from leadgateway.pipeline.outcome import Rejected as RejectedByRoute
from leadgateway.pipeline.payload import encode_payload
from leadgateway.pipeline.process import decide
from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway.store.backlog import Waiting
from leadgateway.store.claims import POISONED, Claim, claim
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import RowRefused, StoreError
from leadgateway.store.outcomes import Rejected, Released
from leadgateway.store.rounds import Ready, mark_ready
from leadgateway.store.sent_headers import sent_headers
from leadgateway.store.status import LeadStatus
from leadgateway.telemetry.trace_context import trace_headers
from leadgateway.telemetry.tracing import NO_TRACE, TraceHeaders
from leadgateway_worker import metrics
from leadgateway_worker.delivery import Parcel
from leadgateway_worker.frontier import Frontier
from leadgateway_worker.halving import by_halves
from leadgateway_worker.naming import names
from leadgateway_worker.results import Result
from leadgateway_worker.spans import NO_SPANS, LeadSpan, LeadSpans

# Of the lease that a claim gives; the rest is for marking the leads ready, which renews it.
_DECIDING_SHARE = 0.5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Consignment:
    """A lead that is READY in the database under our lease: it may be sent.

    Attributes:
        claim: The lead.
        route: The version of its route that is delivered by.
        parcel: What is sent.
        ready_at: When it became READY, by the database's clock.
        ready_clock: When we knew of it, by our monotonic clock.
        send_before: By our monotonic clock: after it the lease might not outlast the exchange.
        trace: The trace that the lead came with, if it was asked for.
    """

    claim: Claim
    route: RouteSnapshot
    parcel: Parcel
    ready_at: datetime
    ready_clock: float
    send_before: float
    trace: TraceHeaders = field(default_factory=lambda: NO_TRACE)

    def database_time(self, clock: float) -> datetime:
        """The database's time at a moment of our monotonic clock."""
        return self.ready_at + timedelta(seconds=max(clock - self.ready_clock, 0.0))


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one look for due leads brought.

    Attributes:
        consignments: To be sent, the longest due first.
        results: Of leads that are not: rejected ones, and those there was no time for, to be given back.
        claimed: Leads taken, by route, whatever became of them.
    """

    consignments: Sequence[Consignment] = ()
    results: Sequence[Result] = ()
    claimed: Mapping[RouteKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Draft:
    claim: Claim
    route: RouteSnapshot
    ready: Ready
    parcel: Parcel
    trace: TraceHeaders


class Preparation:
    """Takes due leads from the database and prepares them. Blocking, for a thread of its own."""

    def __init__(
        self,
        engine: Engine,
        *,
        worker: str,
        lease_margin: timedelta,
        pass_trace_context: bool = False,
        spans: LeadSpans = NO_SPANS,
    ) -> None:
        """See `take`.

        Args:
            engine: Of the store.
            worker: This process's name, unique among all workers.
            lease_margin: How much longer a lease is than the exchange's deadline: for what comes before and after.
            pass_trace_context: Whether the trace context that a lead came with is sent on.
            spans: Records a span for each decision.
        """
        self._engine = engine
        self._worker = worker
        self._margin = lease_margin
        self._reads_traces = pass_trace_context or spans.are_wanted
        self._spans = spans
        self._frontier = Frontier()
        self._oldest: Mapping[RouteKey, datetime] = {}

    def waiting(self, loaded: Iterable[RouteKey]) -> Waiting:
        """The routes that have leads waiting, due or not; cheap.

        Args:
            loaded: The routes that are loaded.

        Raises:
            StoreError: The database is not there, or without our tables.
        """
        with self._engine.connect() as connection:
            waiting = self._frontier.look(connection, loaded)
        self._oldest = waiting.oldest
        return waiting

    def take(self, routes: Mapping[RouteKey, RouteSnapshot], slots: Mapping[RouteKey, int], limit: int) -> Prepared:
        """Claim due leads and prepare them.

        Two commits: the claim's comes before the lead is looked at, so that a lead which kills the worker is counted
        by its lease; that of READY comes before anything is sent.

        Args:
            routes: The routes that are loaded, at least those that have slots.
            slots: How many leads of each to take at the most.
            limit: How many to take in all.

        Raises:
            StoreError: Nothing was claimed, or it can't be known; what was claimed comes back when its lease is over.
        """
        with self._engine.connect() as connection:
            leases = dict.fromkeys(slots, self._margin)
            claims = claim(connection, slots=slots, lease=leases, worker=self._worker, limit=limit, since=self._oldest)
            leads = [lead for lead in claims if not _told_poisoned(lead)]
            _count_claimed(leads)
            traces = _traces(connection, leads) if self._reads_traces and leads else {}
            decided = self._decide_in_time(leads, routes, traces)
            drafts = [one for one in decided if isinstance(one, _Draft)]
            return Prepared(
                consignments=self._mark_ready(connection, drafts),
                results=[one for one in decided if isinstance(one, Result)],
                claimed=Counter(lead.route for lead in claims),
            )

    def _decide_in_time(
        self,
        leads: Sequence[Claim],
        routes: Mapping[RouteKey, RouteSnapshot],
        traces: Mapping[int, TraceHeaders],
    ) -> list[_Draft | Result | None]:
        """Decide about leads while their leases are safe; costly rules must not let those of other routes run out."""
        end = monotonic() + self._margin.total_seconds() * _DECIDING_SHARE
        return [
            self._prepare(lead, routes[lead.route], traces.get(lead.lead_id, NO_TRACE))
            if monotonic() < end
            else Result(lead, Released(lead.lead_id, lead.token, routes[lead.route].config_hash))
            for lead in leads
        ]

    def _prepare(self, lead: Claim, route: RouteSnapshot, trace: TraceHeaders) -> _Draft | Result | None:
        if lead.payload is not None and lead.idempotency_key is not None:
            parcel = Parcel(lead.payload, str(lead.idempotency_key), str(lead.correlation_id))
            return self._repeat(lead, route, parcel, trace)
        return self._decide(lead, route, trace)

    def _decide(self, lead: Claim, route: RouteSnapshot, trace: TraceHeaders) -> _Draft | Result | None:
        span = self._spans.decision(lead, trace)
        try:
            decision = decide(parse_lead(lead.body), route)
        except InvalidLead as error:
            return _rejected(lead, route, metrics.INVALID_LEAD, {"message": error.sentence}, span)
        except Exception as error:
            # The lead is left to its lease: it comes again, and after the fifth time it is given up as poisoned.
            metrics.defects.inc()
            metrics.pipeline_outcomes.labels("defect").inc()
            where = format_tb(error.__traceback__)
            _log.error("lead.defect", error_type=type(error).__name__, where=where, **names(lead), **span.ids)
            span.decided("defect")
            return None
        if isinstance(decision, RejectedByRoute):
            detail = {"field": decision.field, "message": decision.message}
            return _rejected(lead, route, decision.code, detail, span)
        metrics.pipeline_mapped.inc()
        span.decided("mapped")
        return self._first(lead, route, decision, trace)

    def _repeat(self, lead: Claim, route: RouteSnapshot, parcel: Parcel, trace: TraceHeaders) -> _Draft:
        ready = Ready(lead.lead_id, lead.token, self._lease(route), route.config_hash)
        return _Draft(lead, route, ready, parcel, trace)

    def _first(self, lead: Claim, route: RouteSnapshot, mapped: Mapped, trace: TraceHeaders) -> _Draft:
        payload, key = encode_payload(mapped.payload), _new_key()
        ready = Ready(
            lead.lead_id,
            lead.token,
            self._lease(route),
            route.config_hash,
            payload=payload,
            idempotency_key=key,
            omitted={omission.target: omission.reason for omission in mapped.omitted},
        )
        return _Draft(lead, route, ready, Parcel(payload, str(key), str(lead.correlation_id)), trace)

    def _lease(self, route: RouteSnapshot) -> timedelta:
        return route.endpoint.timeout + self._margin

    def _mark_ready(self, connection: Connection, drafts: Sequence[_Draft]) -> list[Consignment]:
        if not drafts:
            return []
        asked = monotonic()
        try:
            marked = by_halves(lambda some: self._write(connection, some), drafts, refused=_tell_refused)
        except StoreError as error:
            # Whether they are READY can't be known, so none is sent; each comes again when its lease is over.
            _log.warning("leads.not_marked_ready", leads=len(drafts), error=str(error))
            return []
        ready_at, known = dict(marked), monotonic()
        send_before = asked + self._margin.total_seconds() / 2  # the other half is for writing the result
        _tell_fenced([draft.claim for draft in drafts if draft.claim.lead_id not in ready_at])
        return [
            Consignment(
                draft.claim,
                draft.route,
                draft.parcel,
                ready_at[draft.claim.lead_id],
                known,
                send_before,
                draft.trace,
            )
            for draft in drafts
            if draft.claim.lead_id in ready_at
        ]

    def _write(self, connection: Connection, drafts: Sequence[_Draft]) -> list[tuple[int, datetime]]:
        return list(mark_ready(connection, [draft.ready for draft in drafts], worker=self._worker).items())


def _new_key() -> UUID:
    # Unique and no secret: like correlation ids it need not come from the kernel.
    return UUID(int=random.getrandbits(128), version=4)


def _traces(connection: Connection, leads: Sequence[Claim]) -> Mapping[int, TraceHeaders]:
    try:
        came_with = sent_headers(connection, [lead.lead_id for lead in leads])
    except StoreError as error:
        # A trace is a courtesy, and no lead waits for it.
        _log.warning("leads.without_trace_context", leads=len(leads), error=str(error))
        return {}
    return {lead_id: trace_headers(headers) for lead_id, headers in came_with.items()}


def _count_claimed(leads: Sequence[Claim]) -> None:
    for status, count in Counter(lead.status for lead in leads).items():
        metrics.claimed.labels(status).inc(count)


def _told_poisoned(lead: Claim) -> bool:
    if lead.poisoned:
        metrics.leads_finished.inc(lead.route, LeadStatus.PERMANENTLY_FAILED)
        _log.error("lead.given_up", code=POISONED, leases_expired=lead.expired, **names(lead))
    return lead.poisoned


def _rejected(lead: Claim, route: RouteSnapshot, code: str, detail: Mapping[str, JsonValue], span: LeadSpan) -> Result:
    metrics.pipeline_outcomes.labels("rejected").inc()
    metrics.rejected(code)
    span.decided("rejected", code=code)
    return Result(lead, Rejected(lead.lead_id, lead.token, route.config_hash, code, detail), span.ids)


def _tell_refused(draft: _Draft, error: RowRefused) -> None:
    metrics.defects.inc()
    _log.error("lead.not_marked_ready", error=str(error), **names(draft.claim))


def _tell_fenced(leads: Sequence[Claim]) -> None:
    for lead in leads:
        metrics.fenced.labels("before_sending").inc()
        _log.warning("lead.fenced", when="before_sending", **names(lead))
