"""Workers are woken after a commit, and nobody waits for that."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from leadgateway_webhook.wakeups import Wakeups
from tests.building.waiting import eventually


class CountingBell:
    """Counts its rings; each takes as long as the gate is shut."""

    def __init__(self) -> None:
        self.rings = 0
        self.failure: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def ring(self) -> bool:
        self.rings += 1
        self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        return True


@contextmanager
def wakeups(bell: CountingBell) -> Iterator[Wakeups]:
    waking = Wakeups(bell)
    waking.start()
    try:
        yield waking
    finally:
        bell.gate.set()
        waking.stop(within=5)


def test_a_commit_rings_the_bell() -> None:
    bell = CountingBell()

    with wakeups(bell) as waking:
        waking.announce()

        eventually(lambda: bell.rings == 1)


def test_a_bell_that_hangs_holds_nobody_up() -> None:
    bell = CountingBell()
    bell.gate.clear()

    with wakeups(bell) as waking:
        started = time.monotonic()
        for _ in range(1000):
            waking.announce()

        assert time.monotonic() - started < 0.5
        eventually(lambda: bell.rings == 1)


def test_a_commit_during_a_ring_is_announced_by_the_next_one() -> None:
    bell = CountingBell()
    bell.gate.clear()

    with wakeups(bell) as waking:
        waking.announce()
        eventually(lambda: bell.rings == 1)
        waking.announce()
        bell.gate.set()

        eventually(lambda: bell.rings == 2)


def test_many_commits_are_few_rings() -> None:
    bell = CountingBell()

    with wakeups(bell) as waking:
        for _ in range(1000):
            waking.announce()
        eventually(lambda: bell.rings >= 1)

    assert bell.rings <= 10


def test_what_was_announced_last_is_rung_before_the_end() -> None:
    bell = CountingBell()

    with wakeups(bell) as waking:
        waking.announce()

    assert bell.rings >= 1


def test_without_a_commit_nothing_is_rung() -> None:
    bell = CountingBell()

    with wakeups(bell):
        pass

    assert bell.rings == 0


def test_a_defect_in_the_bell_does_not_silence_it_for_ever() -> None:
    bell = CountingBell()
    bell.failure = ZeroDivisionError()

    with wakeups(bell) as waking:
        waking.announce()
        eventually(lambda: bell.rings == 1)
        waking.announce()

        eventually(lambda: bell.rings == 2)
