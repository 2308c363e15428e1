"""Folders are replaced as kubelet replaces a mounted ConfigMap: a reader sees the old files or the new ones."""

from __future__ import annotations

import threading
from pathlib import Path

from leadgateway.route.directory import DATA, publish, replace
from tests.building.routes import RouteToPublish, a_spec, rendered


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("..")}


def test_files_appear_as_links_through_the_data_link(tmp_path: Path) -> None:
    assert replace(tmp_path / "a", {"x": b"1", "y": b"2"})

    assert contents(tmp_path / "a") == {"x": b"1", "y": b"2"}
    assert (tmp_path / "a" / DATA).is_symlink()
    assert (tmp_path / "a" / "x").readlink() == Path("..data/x")


def test_a_change_moves_the_data_link_and_removes_what_was_before(tmp_path: Path) -> None:
    replace(tmp_path, {"x": b"1", "gone": b"2"})
    before = (tmp_path / DATA).readlink()

    assert replace(tmp_path, {"x": b"3", "new": b"4"})

    assert contents(tmp_path) == {"x": b"3", "new": b"4"}
    assert (tmp_path / DATA).readlink() != before
    assert not (tmp_path / before).exists()


def test_the_same_contents_are_left_as_they_are(tmp_path: Path) -> None:
    replace(tmp_path, {"x": b"1"})
    before = (tmp_path / DATA).readlink()

    assert not replace(tmp_path, {"x": b"1"})
    assert (tmp_path / DATA).readlink() == before


def test_a_link_left_over_by_a_killed_process_does_not_stop_the_next(tmp_path: Path) -> None:
    replace(tmp_path, {"x": b"1"})
    (tmp_path / "..data_tmp").symlink_to("..nowhere")

    replace(tmp_path, {"x": b"2"})

    assert contents(tmp_path) == {"x": b"2"}


def test_a_folder_can_be_emptied_and_filled_again(tmp_path: Path) -> None:
    replace(tmp_path, {"x": b"1"})
    replace(tmp_path, {})
    assert contents(tmp_path) == {}

    replace(tmp_path, {"x": b"1"})
    assert contents(tmp_path) == {"x": b"1"}


def test_a_reader_never_sees_a_half_written_folder(tmp_path: Path) -> None:
    replace(tmp_path, {"x": b"0", "y": b"0"})
    torn: list[tuple[bytes, bytes]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            target = tmp_path / (tmp_path / DATA).readlink()
            try:
                x, y = (target / "x").read_bytes(), (target / "y").read_bytes()
            except FileNotFoundError:
                continue  # replaced meanwhile, as a whole
            if x != y:
                torn.append((x, y))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 100):
        replace(tmp_path, {"x": b"%d" % number, "y": b"%d" % number})
    done.set()
    reader.join()

    assert torn == []


def test_credentials_are_for_their_owner_only(tmp_path: Path) -> None:
    publish(tmp_path, rendered([RouteToPublish("solar")], count=1))

    assert (tmp_path / "credentials-0" / "fingerprint-key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "routes-0" / "shard.json").stat().st_mode & 0o444 == 0o444


def test_only_shards_that_changed_are_written(tmp_path: Path) -> None:
    routes = [RouteToPublish(f"route-{number}") for number in range(8)]
    publish(tmp_path, rendered(routes, count=4))
    before = {path.name: (path / DATA).readlink() for path in tmp_path.iterdir()}

    publish(tmp_path, rendered([RouteToPublish("route-0", a_spec(paused=True)), *routes[1:]], count=4))
    after = {path.name: (path / DATA).readlink() for path in tmp_path.iterdir()}

    assert sum(before[name] != after[name] for name in before) == 1
