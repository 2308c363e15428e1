"""A part that dies is started again, at once at first, then more and more patiently."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from leadgateway.dev.keeper import Died, Keeper, Restarted, pause_before_restart
from leadgateway.dev.server import StartError


@dataclass
class FragilePart:
    """A part whose life and death the test decides."""

    running: bool = True
    starts: int = 0
    refuses: bool = False

    def start(self) -> None:
        self.starts += 1
        if self.refuses:
            raise StartError("the disk is full")
        self.running = True

    def stop(self) -> None:
        self.running = False


@pytest.mark.parametrize(("deaths", "pause"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 15.0), (99, 15.0)])
def test_the_pause_doubles_with_every_death_in_a_row_up_to_15_seconds(deaths: int, pause: float) -> None:
    assert pause_before_restart(deaths) == pause


def test_a_part_that_runs_is_left_alone() -> None:
    part = FragilePart()

    assert Keeper("worker", part).look(0.0) is None
    assert part.starts == 0


def test_a_part_that_died_is_started_again_after_the_pause() -> None:
    part = FragilePart(running=False)
    keeper = Keeper("worker", part)

    assert keeper.look(10.0) == Died("worker", 0.5, "it ended by itself")
    assert keeper.look(10.4) is None
    assert keeper.look(10.5) == Restarted("worker")
    assert keeper.look(10.6) is None
    assert part.starts == 1


def test_a_part_that_cannot_be_started_is_tried_again_with_the_reason_told() -> None:
    part = FragilePart(running=False, refuses=True)
    keeper = Keeper("postgresql", part)
    keeper.look(10.0)

    assert keeper.look(10.5) == Died("postgresql", 1.0, "the disk is full")
    part.refuses = False
    assert keeper.look(11.5) == Restarted("postgresql")


def test_a_part_that_ran_steadily_begins_with_the_shortest_pause_again() -> None:
    part = FragilePart(running=False)
    keeper = Keeper("worker", part)
    keeper.look(0.0)
    keeper.look(0.5)
    part.running = False
    assert keeper.look(1.0) == Died("worker", 1.0, "it ended by itself")
    keeper.look(2.0)

    part.running = False

    assert keeper.look(30.0) == Died("worker", 0.5, "it ended by itself")
