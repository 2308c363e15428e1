"""The route table follows the mounted shards, and nothing that happens to them takes a good route away."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from leadgateway.route.directory import publish, replace
from leadgateway.route.shard import MANIFEST, shard_of
from leadgateway.route.snapshot import Credentials, RouteSnapshot
from leadgateway.route.table import NotLoaded, RouteTable, Unknown
from leadgateway.route.watcher import RouteTableWatcher
from tests.building.routes import RouteToPublish, a_spec, publish_routes, rendered

WITH_TOKEN = a_spec(endpoint={"url": "https://customer.example/", "token": {"name": "solar", "key": "token"}})


def solar(token: str | None = None, **changes: Any) -> RouteToPublish:
    if token is None:
        return RouteToPublish("solar", a_spec(**changes))
    return RouteToPublish("solar", WITH_TOKEN | changes, Credentials(token=token))


def served(table: RouteTable, path: str | None) -> RouteSnapshot:
    found = table.find(path)
    assert isinstance(found, RouteSnapshot), found
    return found


@pytest.fixture
def watcher(tmp_path: Path) -> RouteTableWatcher:
    return RouteTableWatcher(tmp_path)


def test_before_anything_is_mounted_no_path_is_called_unknown(watcher: RouteTableWatcher) -> None:
    watcher.look()

    assert not watcher.table.is_loaded
    assert watcher.table.find("solar") == NotLoaded()
    assert watcher.table.find(None) == NotLoaded()


def test_a_path_is_unknown_only_once_every_shard_was_seen(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    first, second = rendered([solar()])
    publish(tmp_path, [first])
    watcher.look()
    assert watcher.table.find("nobody") == NotLoaded()

    publish(tmp_path, [second])
    watcher.look()
    assert watcher.table.find("nobody") == Unknown()


def test_a_published_route_is_served_by_path_and_by_default(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    publish_routes(tmp_path, solar(path="dach", default=True))

    assert watcher.look()

    assert served(watcher.table, "dach").key == "default/solar"
    assert served(watcher.table, None).key == "default/solar"
    assert watcher.table.find("solar") == Unknown()


def test_nothing_is_read_again_while_nothing_changes(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    publish_routes(tmp_path, solar())
    watcher.look()
    before = watcher.table

    publish_routes(tmp_path, solar())

    assert not watcher.look()
    assert watcher.table is before


def test_a_changed_route_gets_a_new_hash_and_its_neighbours_keep_theirs(
    tmp_path: Path, watcher: RouteTableWatcher
) -> None:
    publish_routes(tmp_path, solar(), RouteToPublish("roof"))
    watcher.look()
    before = watcher.table.hashes()

    publish_routes(tmp_path, solar(paused=True), RouteToPublish("roof"))
    watcher.look()
    after = watcher.table.hashes()

    assert after["default/solar"] != before["default/solar"]
    assert after["default/roof"] == before["default/roof"]
    assert served(watcher.table, "solar").paused


def test_a_deleted_route_is_gone(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    publish_routes(tmp_path, solar(), RouteToPublish("roof"))
    watcher.look()

    publish_routes(tmp_path, RouteToPublish("roof"))
    watcher.look()

    assert watcher.table.find("solar") == Unknown()
    assert set(watcher.table.by_key) == {"default/roof"}


def test_a_route_never_serves_without_its_credentials(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    for shard in rendered([solar("one")]):
        replace(tmp_path / f"routes-{shard.index}", shard.routes)
    watcher.look()
    assert watcher.table.find("solar") == NotLoaded()
    assert "credentials" in watcher.table.pending["default/solar"].reason

    publish_routes(tmp_path, solar("one"))
    watcher.look()
    assert served(watcher.table, "solar").credentials.token == "one"


@pytest.mark.parametrize("first", ["routes", "credentials"])
def test_while_a_rotation_is_half_refreshed_the_old_version_serves(
    tmp_path: Path, watcher: RouteTableWatcher, first: str
) -> None:
    publish_routes(tmp_path, solar("one"))
    watcher.look()
    for shard in rendered([solar("two", paused=True)]):
        files = shard.routes if first == "routes" else shard.credentials
        replace(tmp_path / f"{first}-{shard.index}", files)

    watcher.look()
    half = served(watcher.table, "solar")
    publish_routes(tmp_path, solar("two", paused=True))
    watcher.look()
    whole = served(watcher.table, "solar")

    assert (half.credentials.token, half.paused) == ("one", False)
    assert (whole.credentials.token, whole.paused) == ("two", True)


def test_a_new_path_that_waits_for_its_credentials_is_not_called_unknown(
    tmp_path: Path, watcher: RouteTableWatcher
) -> None:
    publish_routes(tmp_path, solar("one"))
    watcher.look()
    for shard in rendered([solar("two", path="dach")]):
        replace(tmp_path / f"routes-{shard.index}", shard.routes)
    watcher.look()

    assert watcher.table.find("dach") == NotLoaded()
    assert served(watcher.table, "solar").credentials.token == "one"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"spec": 1}', b"\xff", b"[" * 100_000])
def test_a_broken_entry_keeps_the_last_good_version_and_is_told(
    tmp_path: Path, watcher: RouteTableWatcher, content: bytes
) -> None:
    publish_routes(tmp_path, solar(), RouteToPublish("roof"))
    watcher.look()
    before = watcher.table.hashes()

    for shard in rendered([solar(), RouteToPublish("roof", a_spec(paused=True))]):
        files = {name: content if name == "default.solar.json" else data for name, data in shard.routes.items()}
        replace(tmp_path / f"routes-{shard.index}", files)
    watcher.look()

    assert watcher.table.hashes()["default/solar"] == before["default/solar"]
    assert watcher.table.by_key["default/roof"].paused
    assert set(watcher.table.broken) == {"default/solar"}


@pytest.mark.parametrize("change", [{"name": "No Name"}, {"namespace": ""}, {"name": "roof"}, {"credentials": "ü"}])
def test_an_entry_that_lies_about_itself_takes_no_other_down(
    tmp_path: Path, watcher: RouteTableWatcher, change: dict[str, str]
) -> None:
    (shard,) = rendered([solar(), RouteToPublish("roof")], count=1)
    entry = json.dumps(json.loads(shard.routes["default.solar.json"]) | change).encode()
    replace(tmp_path / "credentials-0", shard.credentials)
    replace(tmp_path / "routes-0", dict(shard.routes) | {"default.solar.json": entry})

    watcher.look()

    assert set(watcher.table.by_key) == {"default/roof"}
    assert watcher.table.find("solar") == NotLoaded()


def test_other_folders_beside_the_shards_are_left_alone(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    for name in ("routes-00", "routes-x", "routes-", "routes-٣", "credentials", "lost+found"):
        replace(tmp_path / name, {"a": b"b"})
    (tmp_path / "routes-1").write_text("a file")
    publish_routes(tmp_path, solar(), count=1)

    watcher.look()

    assert watcher.table.is_loaded
    assert set(watcher.faults) == {"routes-1"}


def test_a_route_whose_credentials_alone_change_is_swapped(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    publish_routes(tmp_path, solar("one"), RouteToPublish("roof"))
    watcher.look()
    before = watcher.table

    publish_routes(tmp_path, solar("two"), RouteToPublish("roof"))
    watcher.look()

    assert served(watcher.table, "solar").credentials.token == "two"
    assert served(watcher.table, "solar").config_hash != served(before, "solar").config_hash
    assert served(watcher.table, "roof") is served(before, "roof"), "what did not change is not made again"


def test_a_thousand_routes_load_in_seconds_and_one_change_in_much_less(
    tmp_path: Path, watcher: RouteTableWatcher
) -> None:
    routes = [RouteToPublish(f"route-{number}", WITH_TOKEN, Credentials(token="t")) for number in range(1000)]
    publish_routes(tmp_path, *routes, count=8)
    started = time.process_time()
    watcher.look()
    whole = time.process_time() - started

    publish_routes(tmp_path, RouteToPublish("route-0"), *routes[1:], count=8)
    started = time.process_time()
    watcher.look()
    one = time.process_time() - started

    assert len(watcher.table.by_key) == 1000
    assert whole < 5
    assert one < whole / 4


def test_a_spec_that_does_not_compile_names_its_field(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    shards = rendered([solar()], count=1)
    entry = json.loads(shards[0].routes["default.solar.json"])
    entry["spec"]["validation"]["rules"][1]["matches"] = "("
    entry["spec"]["path"] = "dach"
    replace(tmp_path / "credentials-0", shards[0].credentials)
    replace(tmp_path / "routes-0", dict(shards[0].routes) | {"default.solar.json": json.dumps(entry).encode()})

    watcher.look()

    assert "spec.validation.rules[1].matches" in watcher.table.broken["default/solar"]
    assert watcher.table.find("dach") == NotLoaded()


@pytest.mark.parametrize("harm", ["emptied", "unmounted", "no manifest", "cut short", "wrong shard", "unreadable"])
def test_a_shard_that_vanishes_or_breaks_drops_no_route(tmp_path: Path, watcher: RouteTableWatcher, harm: str) -> None:
    publish_routes(tmp_path, solar("one"))
    watcher.look()
    index = shard_of("default/solar", 2)
    folder = tmp_path / f"routes-{index}"
    shard = rendered([solar("one")])[index]
    match harm:
        case "emptied":
            replace(folder, {})
        case "unmounted":
            shutil.rmtree(folder)
        case "no manifest":
            replace(folder, {name: data for name, data in shard.routes.items() if name != MANIFEST})
        case "cut short":
            replace(folder, {MANIFEST: shard.routes[MANIFEST]})
        case "wrong shard":
            replace(folder, rendered([])[1 - index].routes)
        case "unreadable":
            replace(folder, dict(shard.routes) | {MANIFEST: b"["})

    watcher.look()

    assert served(watcher.table, "solar").credentials.token == "one"
    assert folder.name in watcher.faults


def test_lost_credentials_do_not_take_a_running_route_away(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    publish_routes(tmp_path, solar("one"))
    watcher.look()
    replace(tmp_path / f"credentials-{shard_of('default/solar', 2)}", {})
    watcher.look()

    assert served(watcher.table, "solar").credentials.token == "one"


def test_a_shard_that_returns_is_followed_again(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    publish_routes(tmp_path, solar())
    watcher.look()
    for index in range(2):
        replace(tmp_path / f"routes-{index}", {})
    watcher.look()

    publish_routes(tmp_path, RouteToPublish("roof"))
    watcher.look()

    assert set(watcher.table.by_key) == {"default/roof"}
    assert not watcher.faults


@pytest.mark.parametrize(("newcomer", "holder"), [("aaa", "solar"), ("zzz", "solar")])
def test_of_two_that_claim_a_path_the_one_that_had_it_keeps_it(
    tmp_path: Path, watcher: RouteTableWatcher, newcomer: str, holder: str
) -> None:
    publish_routes(tmp_path, RouteToPublish(holder, a_spec(path="dach", default=True)))
    watcher.look()

    both = [RouteToPublish(name, a_spec(path="dach", default=True)) for name in (newcomer, holder)]
    publish_routes(tmp_path, *both)
    watcher.look()

    assert served(watcher.table, "dach").name == holder
    assert served(watcher.table, None).name == holder
    assert holder in watcher.table.broken[f"default/{newcomer}"]
    assert f"default/{newcomer}" in watcher.table.by_key, "its waiting leads are delivered all the same"


def test_a_path_moves_when_its_holder_gives_it_up(tmp_path: Path, watcher: RouteTableWatcher) -> None:
    publish_routes(tmp_path, RouteToPublish("old", a_spec(path="dach")))
    watcher.look()

    publish_routes(tmp_path, RouteToPublish("old", a_spec(path="keller")), RouteToPublish("new", a_spec(path="dach")))
    watcher.look()

    assert served(watcher.table, "dach").name == "new"
    assert served(watcher.table, "keller").name == "old"


@pytest.mark.parametrize(("before", "after"), [(2, 5), (5, 2)])
def test_changing_the_number_of_shards_loses_no_route_on_the_way(
    tmp_path: Path, watcher: RouteTableWatcher, before: int, after: int
) -> None:
    routes = [RouteToPublish(f"route-{number}") for number in range(20)]
    publish_routes(tmp_path, *routes, count=before)
    watcher.look()

    for shard in rendered(routes, count=after):
        publish(tmp_path, [shard])
        watcher.look()
        assert len(watcher.table.by_key) == 20
    publish_routes(tmp_path, *routes[1:], count=after)
    watcher.look()

    assert set(watcher.table.by_key) == {f"default/route-{number}" for number in range(1, 20)}


def test_a_folder_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    watcher = RouteTableWatcher(tmp_path / "later")
    watcher.look()
    assert watcher.table.find("solar") == NotLoaded()

    publish_routes(tmp_path / "later", solar())
    watcher.look()
    assert served(watcher.table, "solar").name == "solar"


def test_a_watch_that_never_began_can_be_stopped(watcher: RouteTableWatcher) -> None:
    watcher.stop()

    assert watcher.table == RouteTable()


def test_the_thread_swaps_within_its_interval_and_tells(tmp_path: Path) -> None:
    swapped = threading.Event()
    watcher = RouteTableWatcher(tmp_path, on_swap=lambda _: swapped.set(), interval=0.05)
    watcher.start()
    try:
        publish_routes(tmp_path, solar())
        assert swapped.wait(5)
        assert served(watcher.table, "solar").name == "solar"
    finally:
        watcher.stop()


def test_a_defect_in_whoever_is_told_does_not_end_the_watch(tmp_path: Path) -> None:
    told = threading.Event()

    def fail(table: RouteTable) -> None:
        if table.by_key["default/solar"].paused:
            told.set()
        raise RuntimeError

    watcher = RouteTableWatcher(tmp_path, on_swap=fail, interval=0.02)
    publish_routes(tmp_path, solar())
    watcher.start()
    try:
        publish_routes(tmp_path, solar(paused=True))
        assert told.wait(5)
    finally:
        watcher.stop()
