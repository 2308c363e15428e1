"""The data folder of a development stack: held by one, found again, never in the way."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from leadgateway.dev import home
from leadgateway.dev.account import Account
from leadgateway.dev.home import DATABASE_VARIABLES, Home, InUse, is_given


def test_a_folder_that_another_stack_holds_is_refused_with_its_process_and_a_way_out(tmp_path: Path) -> None:
    with Home(tmp_path / "data").held(), pytest.raises(InUse) as refused, Home(tmp_path / "data").held():
        pytest.fail("held twice")

    assert f"process {os.getpid()}" in str(refused.value)
    assert "--data DIR" in str(refused.value)


def test_a_folder_that_was_given_back_can_be_held_again(tmp_path: Path) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        stack.write_environment({"DATABASE_URL": "postgresql://x"})

    with stack.held():
        assert not stack.ended_badly


def test_the_environment_of_a_running_stack_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        stack.write_environment({"DATABASE_URL": "postgresql://u:p@/d?host=/x&a=b", "REDIS_URL": "unix://x"})

        assert stack.read_environment() == {
            "DATABASE_URL": "postgresql://u:p@/d?host=/x&a=b",
            "REDIS_URL": "unix://x",
        }
        assert stat.S_IMODE((tmp_path / "data" / "environment").stat().st_mode) == 0o600

    assert stack.read_environment() == {}


def test_a_stack_that_was_killed_is_known_by_what_it_left(tmp_path: Path) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        stack.write_environment({"DATABASE_URL": "x"})
        left = (tmp_path / "data" / "environment").read_text()
    (tmp_path / "data" / "environment").write_text(left)

    assert stack.ended_badly


def test_the_fingerprint_key_stays_the_same(tmp_path: Path) -> None:
    stack = Home(tmp_path / "data")
    with stack.held():
        first = stack.fingerprint_key()

        assert Home(tmp_path / "data").fingerprint_key() == first
    assert len(first) == 32


def test_servers_are_in_the_folder_where_their_account_may_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "account_for", lambda _: None)
    stack = Home(tmp_path / "data")
    with stack.held():
        assert stack.servers() == tmp_path / "data" / "servers"


@pytest.fixture
def out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A stack whose folder the servers' account may not enter."""
    monkeypatch.setattr(home, "account_for", lambda _: Account(54321, 54321))
    monkeypatch.setattr(home, "SHARED", tmp_path / "shared")
    (tmp_path / "closed").mkdir(mode=0o700)
    return Home(tmp_path / "closed" / "data")


def test_servers_go_elsewhere_where_their_account_may_not_enter_and_a_link_tells(out_of_reach: Home) -> None:
    with out_of_reach.held():
        place = out_of_reach.servers()

        assert place.parent.name == "shared"
        assert (out_of_reach.folder / "servers").resolve() == place
        assert out_of_reach.servers() == place


def test_a_stack_begun_anew_gets_new_servers_and_the_old_ones_are_removed(out_of_reach: Home) -> None:
    with out_of_reach.held():
        old = out_of_reach.servers()
        (out_of_reach.folder / "servers").unlink()

        new = out_of_reach.servers()

    assert new != old
    assert not old.exists()


def test_a_link_to_servers_that_are_gone_is_replaced(out_of_reach: Home) -> None:
    with out_of_reach.held():
        (out_of_reach.folder / "servers").symlink_to("/nowhere/at/all")

        assert out_of_reach.servers().is_dir()


@pytest.mark.parametrize("variable", DATABASE_VARIABLES)
def test_any_one_of_the_variables_counts_and_an_empty_one_does_not(variable: str) -> None:
    assert is_given(DATABASE_VARIABLES, {variable: "x"})
    assert not is_given(DATABASE_VARIABLES, {variable: "", "PATH": "/bin"})
