"""Posts that arrive together share a commit; each is answered, in time, whatever becomes of the database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from leadgateway.store.errors import SchemaMismatch, StoreError, StoreUnavailable
from leadgateway_webhook.errors import DatabaseUnavailable, Defect, Overloaded
from leadgateway_webhook.writer import MAX_BATCH, BatchWriter, Limits


class Shelf:
    """A store that keeps what it is given, and does as the test wants."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.failure: Exception | None = None
        self.absence: StoreError | None = None
        self.intact = True
        self.connections = 0
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def connect(self) -> None:
        if self.absence is not None:
            raise self.absence
        self.connections += 1
        self.intact = True

    def is_intact(self) -> bool:
        return self.intact

    def check(self) -> None:
        if self.absence is not None:
            raise self.absence

    def write(self, batch: Sequence[int]) -> list[str]:
        self.entered.set()
        self.gate.wait(20)
        if self.failure is not None:
            raise self.failure
        self.batches.append(list(batch))
        return [f"stored {item}" for item in batch]

    def close(self) -> None:
        self.intact = False


Writer = BatchWriter[int, str]


def writing(
    test: Callable[[Writer], Awaitable[None]], shelf: Shelf, *, max_queued: int = 1000, answer_seconds: float = 5.0
) -> None:
    async def bounded() -> None:
        writer = Writer(shelf, limits=Limits(max_queued=max_queued, answer_seconds=answer_seconds))
        writer.start()
        try:
            async with asyncio.timeout(20):
                await test(writer)
        finally:
            shelf.gate.set()
            ended = await writer.stop(within=5.0)
        assert ended

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a condition of the code under test
        await asyncio.sleep(0.005)


async def available(writer: Writer) -> None:
    await until(lambda: writer.condition == "ok")


async def held_up(writer: Writer, shelf: Shelf) -> asyncio.Task[str]:
    """The writer's thread, stuck in a commit of item 0."""
    await available(writer)
    shelf.gate.clear()
    first = asyncio.create_task(writer.write(0, 1))
    await until(shelf.entered.is_set)
    return first


def test_an_item_is_answered_with_its_own_result() -> None:
    async def test(writer: Writer) -> None:
        await available(writer)
        answers = await asyncio.gather(*(writer.write(item, 1) for item in range(20)))

        assert answers == [f"stored {item}" for item in range(20)]

    writing(test, Shelf())


def test_what_queues_up_during_a_commit_shares_the_next_one() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        first = await held_up(writer, shelf)
        rest = [asyncio.create_task(writer.write(item, 1)) for item in range(1, 30)]
        await until(lambda: writer.queued == 29)
        shelf.gate.set()
        await asyncio.gather(first, *rest)

        assert shelf.batches == [[0], list(range(1, 30))]

    writing(test, shelf)


def test_a_batch_has_a_largest_number_and_a_largest_size() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        first = await held_up(writer, shelf)
        small = [asyncio.create_task(writer.write(item, 1)) for item in range(MAX_BATCH + 10)]
        large = [asyncio.create_task(writer.write(item, 3 * 1024 * 1024)) for item in range(4)]
        await until(lambda: writer.queued == MAX_BATCH + 14)
        shelf.gate.set()
        await asyncio.gather(first, *small, *large)

        assert [len(batch) for batch in shelf.batches] == [1, MAX_BATCH, 12, 2]

    writing(test, shelf)


def test_before_the_database_is_there_posts_are_refused_at_once() -> None:
    shelf = Shelf()
    shelf.absence = StoreUnavailable("away")

    async def test(writer: Writer) -> None:
        await until(lambda: writer.condition == "unreachable")
        with pytest.raises(DatabaseUnavailable):
            await writer.write(1, 1)

    writing(test, shelf)


def test_a_database_without_the_schema_is_told_from_one_that_is_away() -> None:
    shelf = Shelf()
    shelf.absence = SchemaMismatch("old")

    async def test(writer: Writer) -> None:
        await until(lambda: writer.condition == "not migrated")

    writing(test, shelf)


def test_the_writer_comes_back_with_the_database() -> None:
    shelf = Shelf()
    shelf.absence = StoreUnavailable("away")

    async def test(writer: Writer) -> None:
        await until(lambda: writer.condition == "unreachable")
        shelf.absence = None
        await available(writer)

        assert await writer.write(1, 1) == "stored 1"

    writing(test, shelf)


def test_a_batch_that_fails_with_the_connection_is_refused_and_never_written_twice() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        await available(writer)
        shelf.failure = StoreUnavailable("the server ended")
        with pytest.raises(DatabaseUnavailable):
            await writer.write(1, 1)
        shelf.failure = None
        await available(writer)
        await writer.write(2, 1)

        assert shelf.batches == [[2]]
        assert shelf.connections == 2

    writing(test, shelf)


def test_a_connection_that_ended_while_idle_costs_no_post() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        await available(writer)
        shelf.intact = False

        assert await writer.write(1, 1) == "stored 1"
        assert shelf.connections == 2

    writing(test, shelf)


def test_an_idle_writer_finds_out_by_itself_that_the_database_went_away() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        await available(writer)
        shelf.absence = StoreUnavailable("away")

        await until(lambda: writer.condition == "unreachable")

    writing(test, shelf)


def test_a_commit_that_hangs_is_refused_in_time_and_the_next_posts_at_once() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        first = await held_up(writer, shelf)
        second = asyncio.create_task(writer.write(2, 1))
        with pytest.raises(DatabaseUnavailable):
            await first
        with pytest.raises(DatabaseUnavailable):
            await second
        with pytest.raises(DatabaseUnavailable):
            writer.write(3, 1).send(None)  # its first step refuses: it awaits nothing

        assert writer.condition == "does not answer"

    writing(test, shelf, answer_seconds=0.2)


def test_a_post_that_was_refused_for_time_is_not_written_afterwards() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        first = await held_up(writer, shelf)
        with pytest.raises(DatabaseUnavailable):
            await writer.write(1, 1)
        with pytest.raises(DatabaseUnavailable):
            await first
        shelf.gate.set()
        await available(writer)
        await writer.write(2, 1)

        assert shelf.batches == [[0], [2]]

    writing(test, shelf, answer_seconds=0.2)


def test_a_full_queue_refuses_the_next_post() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        first = await held_up(writer, shelf)
        rest = [asyncio.create_task(writer.write(item, 1)) for item in range(1, 6)]
        await until(lambda: writer.queued == 5)
        with pytest.raises(Overloaded):
            await writer.write(6, 1)
        shelf.gate.set()
        await asyncio.gather(first, *rest)

    writing(test, shelf, max_queued=5)


def test_a_defect_is_answered_as_one_and_the_writer_lives_on() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        await available(writer)
        shelf.failure = ZeroDivisionError()
        with pytest.raises(Defect):
            await writer.write(1, 1)
        shelf.failure = None
        await available(writer)

        assert await writer.write(2, 1) == "stored 2"

    writing(test, shelf)


def test_stopping_writes_what_has_queued_up() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        first = await held_up(writer, shelf)
        rest = [asyncio.create_task(writer.write(item, 1)) for item in range(1, 40)]
        await until(lambda: writer.queued == 39)
        stopping = asyncio.create_task(writer.stop(within=10))
        await asyncio.sleep(0)
        shelf.gate.set()

        assert await stopping
        assert await asyncio.gather(first, *rest) == [f"stored {item}" for item in range(40)]
        with pytest.raises(Overloaded):
            await writer.write(41, 1)

    writing(test, shelf)


def test_stopping_ends_also_while_the_database_is_away() -> None:
    shelf = Shelf()
    shelf.absence = StoreUnavailable("away")

    async def test(writer: Writer) -> None:
        assert await writer.stop(within=5)
        assert not writer.is_alive

    writing(test, shelf)


def test_a_stuck_commit_does_not_hold_up_stopping_for_ever() -> None:
    shelf = Shelf()

    async def test(writer: Writer) -> None:
        first = await held_up(writer, shelf)

        assert not await writer.stop(within=0.1)
        shelf.gate.set()
        await first

    writing(test, shelf)


def test_commits_and_changes_are_reported() -> None:
    shelf, sizes, changes = Shelf(), list[int](), list[bool]()

    async def test() -> None:
        writer = Writer(
            shelf,
            limits=Limits(max_queued=10, answer_seconds=5),
            on_commit=lambda size, _seconds: sizes.append(size),
            on_change=changes.append,
        )
        writer.start()
        await available(writer)
        await writer.write(1, 1)
        shelf.failure = StoreUnavailable("away")
        with pytest.raises(DatabaseUnavailable):
            await writer.write(2, 1)
        shelf.failure = None
        await available(writer)
        await writer.stop(within=5)

    asyncio.run(test())

    assert sizes == [1]
    assert changes == [True, False, True]
