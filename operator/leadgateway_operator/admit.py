"""Who may have what: paths, the default route and room in a shard are each held by one LeadRoute at a time.

The holder keeps what it runs with; what is free goes to the oldest that asks, then by name. So an older LeadRoute that
is edited onto a younger one's path does not take over its leads, and any two operators come to the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leadgateway.route.snapshot import RouteKey

Claim = str
DEFAULT: Claim = "default"
"""The claim of the one route that also takes posts without a path; paths are claimed with their prefix."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one version of a LeadRoute takes.

    Attributes:
        claims: Names that only one LeadRoute can have.
        shard: The shard it lives in.
        size: Bytes it takes there in the ConfigMap.
        credentials_size: Bytes it takes there in the Secret.
    """

    claims: tuple[Claim, ...]
    shard: int
    size: int
    credentials_size: int


@dataclass(frozen=True, slots=True)
class Claimant:
    """A LeadRoute that wants to run.

    Attributes:
        created: RFC 3339 in UTC.
        running: What it runs with now: its last accepted version; None if it never ran.
        wanted: What it would run with: its current version; None if that is the running one or can't be run.
    """

    key: RouteKey
    created: str
    running: Need | None
    wanted: Need | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another LeadRoute holds a claim."""

    claim: Claim
    holder: RouteKey


@dataclass(frozen=True, slots=True)
class Crowded:
    """The shard has no room for it.

    Attributes:
        need: Bytes it takes in the part of the shard that is too small.
        room: Bytes that are free there for it.
    """

    shard: int
    need: int
    room: int


Denial = Conflict | Crowded


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer.

    Attributes:
        admitted: LeadRoutes whose wanted version runs from now on.
        kept: LeadRoutes whose running version goes on.
        denied: Why the wanted version of a LeadRoute can't run (or its running one, if even that lost its claim).
    """

    admitted: frozenset[RouteKey]
    kept: frozenset[RouteKey]
    denied: Mapping[RouteKey, Denial]


def admit(claimants: Iterable[Claimant], *, soft_limit: int, hard_limit: int) -> Admission:
    """Decide which version of each LeadRoute runs.

    Args:
        claimants: All LeadRoutes that have a version to run.
        soft_limit: Bytes up to which a shard's ConfigMap, or its Secret, takes in something new.
        hard_limit: Bytes up to which it holds what runs already: a longer secret must not end a route.
    """
    ordered = sorted(claimants, key=lambda claimant: (claimant.created, claimant.key))
    ledger = _Ledger(soft_limit, hard_limit)
    for claimant in ordered:
        ledger.resume(claimant)
    admitted: set[RouteKey] = set()
    moved = True
    while moved:
        # What one LeadRoute gives up by moving on may be what an earlier one in this order waits for.
        moved = False
        for claimant in ordered:
            if claimant.key not in admitted and ledger.advance(claimant):
                admitted.add(claimant.key)
                moved = True
            elif claimant.key not in ledger.holdings and ledger.resume(claimant):
                moved = True
    denials = {claimant.key: ledger.denial(claimant) for claimant in ordered if claimant.key not in admitted}
    denied = {key: denial for key, denial in denials.items() if denial is not None}
    return Admission(frozenset(admitted), frozenset(ledger.holdings) - admitted, denied)


@dataclass(slots=True)
class _Ledger:
    """Who holds what while an admission is decided."""

    soft_limit: int
    hard_limit: int
    holders: dict[Claim, RouteKey] = field(default_factory=dict)
    holdings: dict[RouteKey, Need] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    credentials_sizes: dict[int, int] = field(default_factory=dict)

    def resume(self, claimant: Claimant) -> bool:
        """Give a LeadRoute what it runs with, if it runs and nobody else has it."""
        if claimant.running is None or self._obstacle(claimant.key, claimant.running, self.hard_limit):
            return False
        self._take(claimant.key, claimant.running)
        return True

    def advance(self, claimant: Claimant) -> bool:
        """Give a LeadRoute what it wants in place of what it holds, if that is free."""
        if claimant.wanted is None or self._obstacle(claimant.key, claimant.wanted, self.soft_limit):
            return False
        self._take(claimant.key, claimant.wanted)
        return True

    def denial(self, claimant: Claimant) -> Denial | None:
        """Say what keeps a LeadRoute from what it wants, or from running at all."""
        if claimant.wanted is not None:
            return self._obstacle(claimant.key, claimant.wanted, self.soft_limit)
        if claimant.running is not None and claimant.key not in self.holdings:
            return self._obstacle(claimant.key, claimant.running, self.hard_limit)
        return None

    def _obstacle(self, key: RouteKey, need: Need, limit: int) -> Denial | None:
        for claim in need.claims:
            holder = self.holders.get(claim, key)
            if holder != key:
                return Conflict(claim, holder)
        held = self.holdings.get(key)
        for used, mine, size in (
            (self.sizes, held.size if held else 0, need.size),
            (self.credentials_sizes, held.credentials_size if held else 0, need.credentials_size),
        ):
            room = limit - used.get(need.shard, 0) + mine
            # What shrinks, or stays as it is, is never refused: the shard holds it already.
            if size > max(room, mine):
                return Crowded(need.shard, size, max(room, 0))
        return None

    def _take(self, key: RouteKey, need: Need) -> None:
        held = self.holdings.pop(key, None)
        if held is not None:
            for claim in held.claims:
                del self.holders[claim]
            self._grow(held, -1)
        self.holdings[key] = need
        self.holders.update(dict.fromkeys(need.claims, key))
        self._grow(need, 1)

    def _grow(self, need: Need, sign: int) -> None:
        self.sizes[need.shard] = self.sizes.get(need.shard, 0) + sign * need.size
        self.credentials_sizes[need.shard] = self.credentials_sizes.get(need.shard, 0) + sign * need.credentials_size
