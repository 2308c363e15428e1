"""The routes that a process runs: one immutable table, replaced as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leadgateway.route.snapshot import RouteKey, RouteSnapshot


@dataclass(frozen=True, slots=True)
class Unknown:
    """No route has this path."""


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """A route may have this path, and is not ready to serve: try again."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A published version that can't be run yet, for want of its credentials or of a form that can be read.

    An older version of the same route may run meanwhile.

    Attributes:
        path: What it claims, as far as that can be told.
        default: Whether it claims posts without a path.
        reason: Why it isn't run, for people.
    """

    path: str
    default: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All routes of one moment.

    Attributes:
        by_key: Every route that runs.
        by_path: Those that take posts; of two that claim a path, the one that had it.
        default: Takes posts without a path.
        pending: By key, the published version that does not run yet.
        broken: By key, why a published version does not run; an older one of the same route may.
        is_loaded: Whether every shard has been seen once. Until then, nobody can say that a path is unknown.
    """

    by_key: Mapping[RouteKey, RouteSnapshot] = field(default_factory=dict)
    by_path: Mapping[str, RouteSnapshot] = field(default_factory=dict)
    default: RouteSnapshot | None = None
    pending: Mapping[RouteKey, Pending] = field(default_factory=dict)
    broken: Mapping[RouteKey, str] = field(default_factory=dict)
    is_loaded: bool = False

    def find(self, path: str | None) -> RouteSnapshot | Unknown | NotLoaded:
        """Find the route of a post.

        Args:
            path: The segment behind `/webhooks/leads/`; None: there is none.
        """
        found = self.default if path is None else self.by_path.get(path)
        if found is not None:
            return found
        claimed = any(route.default if path is None else route.path == path for route in self.pending.values())
        return NotLoaded() if claimed or not self.is_loaded else Unknown()

    def hashes(self) -> dict[RouteKey, str]:
        """The hash of what runs, by route."""
        return {key: route.config_hash for key, route in self.by_key.items()}


def make_table(
    routes: Iterable[RouteSnapshot],
    *,
    before: RouteTable,
    pending: Mapping[RouteKey, Pending],
    broken: Mapping[RouteKey, str],
    is_loaded: bool,
) -> RouteTable:
    """Make the table that follows another one.

    Args:
        routes: What can be run; each key once.
        before: Decides who keeps a path that two claim.
        pending: What can't be run yet.
        broken: By key, why a newer version isn't run.
        is_loaded: See `RouteTable`.
    """
    by_key = {route.key: route for route in sorted(routes, key=lambda route: route.key)}
    by_path: dict[str, RouteSnapshot] = {}
    displaced = dict(broken)
    for route in by_key.values():
        holder = by_path.get(route.path)
        if holder is not None and not _holds(before.by_path.get(route.path), route):
            displaced[route.key] = _taken(f"the path {route.path}", holder)
            continue
        if holder is not None:
            displaced[holder.key] = _taken(f"the path {route.path}", route)
        by_path[route.path] = route
    default = _default(by_key.values(), before.default, displaced)
    return RouteTable(by_key, by_path, default, dict(pending), displaced, is_loaded)


def _default(
    routes: Iterable[RouteSnapshot], before: RouteSnapshot | None, displaced: dict[RouteKey, str]
) -> RouteSnapshot | None:
    claimants = [route for route in routes if route.default]
    if not claimants:
        return None
    chosen = next((route for route in claimants if _holds(before, route)), claimants[0])
    for route in claimants:
        if route is not chosen:
            displaced.setdefault(route.key, _taken("the place of the default route", chosen))
    return chosen


def _holds(holder: RouteSnapshot | None, route: RouteSnapshot) -> bool:
    return holder is not None and holder.key == route.key


def _taken(what: str, holder: RouteSnapshot) -> str:
    return f"{what} is held by {holder.key}"
