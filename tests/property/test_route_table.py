"""The laws of the route table, whatever the order in which kubelet refreshes what is mounted."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leadgateway.route.directory import publish, replace
from leadgateway.route.shard import Shard
from leadgateway.route.snapshot import Credentials
from leadgateway.route.table import RouteTable, Unknown
from leadgateway.route.watcher import RouteTableWatcher
from tests.building.routes import RouteToPublish, a_spec, rendered

COUNT = 2
SECRET = {"name": "s", "key": "k"}


def a_route(name: str, path: str, secret: str | None, *, paused: bool) -> RouteToPublish:
    changes: dict[str, Any] = {"path": path, "paused": paused}
    if secret is None:
        return RouteToPublish(name, a_spec(**changes))
    return RouteToPublish(name, a_spec(source={"sharedSecrets": [SECRET]}, **changes), Credentials((secret,)))


routes = st.lists(
    st.builds(
        a_route,
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from(["p", "q", "r"]),
        st.none() | st.sampled_from(["one", "two"]),
        paused=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda route: route.name,
)
refreshes = st.lists(
    st.tuples(st.sampled_from(["routes", "credentials"]), st.integers(0, COUNT - 1), st.booleans()), max_size=4
)
steps = st.lists(st.tuples(routes, refreshes), min_size=1, max_size=5)


def refresh(root: Path, shards: Sequence[Shard], what: str, index: int, *, emptied: bool) -> None:
    files = shards[index].routes if what == "routes" else shards[index].credentials
    replace(root / f"{what}-{index}", {} if emptied else files)


def state(table: RouteTable) -> dict[str, tuple[str, Credentials]]:
    return {key: (route.config_hash, route.credentials) for key, route in table.by_key.items()}


@given(steps)
def test_refreshes_in_any_order(history: list[tuple[list[RouteToPublish], list[tuple[str, int, bool]]]]) -> None:
    """No route serves without its secret, none that stays is lost on the way, and in the end all is as published."""
    with tempfile.TemporaryDirectory() as folder:
        root, seen = Path(folder), RouteTableWatcher(Path(folder))
        before: set[str] = set()
        for published, partial in history:
            shards = rendered(published, count=COUNT)
            staying = before & {f"default/{route.name}" for route in published}
            for what, index, emptied in partial:
                refresh(root, shards, what, index, emptied=emptied)
                seen.look()
                assert staying <= seen.table.by_key.keys()
                for route in seen.table.by_key.values():
                    assert len(route.credentials.shared_secrets) == len(route.intake.shared_secrets)
            publish(root, shards)
            seen.look()
            before = set(seen.table.by_key)

        fresh = RouteTableWatcher(root)
        fresh.look()
        assert state(seen.table) == state(fresh.table)
        assert seen.table.by_path.keys() == fresh.table.by_path.keys()
        assert {f"default/{route.name}" for route in history[-1][0]} == seen.table.by_key.keys()
        assert not seen.table.pending
        assert not seen.faults


@given(routes)
def test_every_path_is_served_or_unknown(published: list[RouteToPublish]) -> None:
    """A path that somebody claims is served by one that claims it; every other one is unknown."""
    with tempfile.TemporaryDirectory() as folder:
        publish(Path(folder), rendered(published, count=COUNT))
        watcher = RouteTableWatcher(Path(folder))
        watcher.look()

        for path in ("p", "q", "r", "nobody"):
            claimants = {route.name for route in published if route.spec["path"] == path}
            found = watcher.table.find(path)
            assert found == Unknown() if not claimants else getattr(found, "name", None) in claimants
