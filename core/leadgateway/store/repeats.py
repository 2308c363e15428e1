"""Which leads of a batch are stored and which repeat another one: decided from who holds their keys, without I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from leadgateway.route.snapshot import RouteKey
from leadgateway.store.arrival import Answer, Duplicate, KeyReused, NewLead, Stored
from leadgateway.store.keys import Granted, Holder, KeyKind, Wish


@dataclass(frozen=True, slots=True)
class Reassigned:
    """An Idempotency-Key whose post proved to be a duplicate: it must name the first lead."""

    route: RouteKey
    digest: bytes
    first: Duplicate


class Repeats:
    """The leads of one batch while their keys are being taken: first Idempotency-Keys, then deduplication keys.

    Attributes:
        leads: The batch. Leads go by their index in it.
        ids: Of the leads that have one; all have after the first keys.
    """

    def __init__(self, leads: Sequence[NewLead]) -> None:
        self.leads = leads
        self.ids: dict[int, int] = {}
        self._decided: dict[int, Duplicate | KeyReused] = {}
        self._twins: dict[int, int] = {}  # of a lead: the earlier one of this batch that it repeats
        self._named: list[int] = []  # leads that hold an Idempotency-Key

    def wishes(self, kind: KeyKind) -> dict[int, Wish]:
        """What to ask for: of equal keys only the first one's. Empty if no lead has such a key.

        While the leads have no ids, those without a key are among the wishes too, for an id.
        """
        firsts = {members[0] for members in self._groups(kind).values()}
        if not firsts:
            return {}
        asking = firsts if self.ids else range(len(self.leads))
        return {i: self._wish(i, kind if i in firsts else None) for i in sorted(asking)}

    def settle(self, kind: KeyKind, granted: Mapping[int, Granted]) -> None:
        """Draw the consequences of what became of the wishes."""
        self.ids |= {i: grant.lead_id for i, grant in granted.items()}
        for (first, *rest), grant in ((members, granted[members[0]]) for members in self._groups(kind).values()):
            assert grant.holder is not None, "whoever wants a key learns who holds it"
            if not grant.won:
                self._decided |= {i: self._repeat_of(grant.holder, i) for i in (first, *rest)}
                continue
            if kind == "I":
                self._named.append(first)
            for i in rest:
                if _same_body(self.leads[i], grant.holder):
                    self._twins[i] = first
                else:
                    self._decided[i] = KeyReused()

    def answers(self) -> list[Answer]:
        """What becomes of each lead, once all keys are settled."""
        return [self._answer(i) for i in range(len(self.leads))]

    def reassigned_keys(self) -> list[Reassigned]:
        """The Idempotency-Keys that name a lead which is not going to exist."""
        answers = [(self.leads[i], self._answer(i)) for i in self._named]
        return [
            Reassigned(lead.route, _idempotency_digest(lead) or b"", answer)
            for lead, answer in answers
            if isinstance(answer, Duplicate)
        ]

    def _groups(self, kind: KeyKind) -> dict[tuple[RouteKey, bytes], list[int]]:
        groups: dict[tuple[RouteKey, bytes], list[int]] = {}
        for i, lead in enumerate(self.leads):
            digest = _digest(lead, kind)
            if digest is not None and i not in self._decided and i not in self._twins:
                groups.setdefault((lead.route, digest), []).append(i)
        return groups

    def _wish(self, index: int, kind: KeyKind | None) -> Wish:
        lead = self.leads[index]
        return Wish(
            lead_id=self.ids.get(index),
            route=lead.route,
            digest=None if kind is None else _digest(lead, kind),
            correlation_id=lead.correlation_id,
            body_digest=sha256(lead.body).digest() if kind == "I" else None,
            window=lead.idempotency_window if kind == "I" else lead.dedup_window,
        )

    def _repeat_of(self, holder: Holder, index: int) -> Duplicate | KeyReused:
        if _same_body(self.leads[index], holder):
            return Duplicate(holder.lead_id, holder.correlation_id)
        return KeyReused()

    def _answer(self, index: int) -> Answer:
        if index in self._decided:
            return self._decided[index]
        if index not in self._twins:
            return Stored(self.ids[index], self.leads[index].correlation_id)
        first = self._answer(self._twins[index])
        return Duplicate(first.lead_id, first.correlation_id) if isinstance(first, Stored) else first


def _digest(lead: NewLead, kind: KeyKind) -> bytes | None:
    return lead.dedup_key if kind == "D" else _idempotency_digest(lead)


def _idempotency_digest(lead: NewLead) -> bytes | None:
    # Hashed: a source may send any bytes, of any length
    key = lead.idempotency_key
    return None if key is None else sha256(key.encode("utf-8", "surrogatepass")).digest()


def _same_body(lead: NewLead, holder: Holder) -> bool:
    return holder.body_digest is None or holder.body_digest == sha256(lead.body).digest()
