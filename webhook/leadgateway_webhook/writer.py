"""Leads that arrive together share a commit: a thread writes whatever has queued up since the last one.

The loop's side (`write`) never blocks and always answers: with the result after the commit, or with a refusal once the
queue is full, the database is away, or it has not answered in time. The thread's side owns the one connection and
brings it back by itself. A post that was refused for time while its commit was under way may still be stored: the
source can't know, and asks again (an Idempotency-Key makes that harmless).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

import structlog

from leadgateway.store.errors import SchemaMismatch, StoreError, StoreTimeout
from leadgateway_webhook.defect import describe
from leadgateway_webhook.errors import DatabaseUnavailable, Defect, Overloaded, Refusal

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_contra = TypeVar("Item_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)

MAX_BATCH = 500
_MAX_BATCH_BYTES = 4 * 1024 * 1024
"""A statement with more than this gains nothing by being one."""
_IDLE_SECONDS = 1.0
"""An idle connection is looked at this often, so that its end is known before the next lead finds it out."""
_RECONNECT_SECONDS = 0.25

_log = structlog.get_logger(__name__)


class Store(Protocol[Item_contra, Result_co]):
    """Where batches go: used by the writer's thread alone."""

    def connect(self) -> None:
        """Make ready to write, or raise `StoreError`. Also called after a failure."""

    def is_intact(self) -> bool:
        """Whether the idle connection still looks usable; asks nobody, so that it may precede every batch."""

    def check(self) -> None:
        """Ask the other side, or raise `StoreError`."""

    def write(self, batch: Sequence[Item_contra]) -> Sequence[Result_co]:
        """Store a batch durably and return a result for each, in order; or raise `StoreError`."""

    def close(self) -> None:
        """End the connection, if there is one; never raises."""


def _reason(error: StoreError) -> str:
    if isinstance(error, SchemaMismatch):
        return "not migrated"
    return "too slow" if isinstance(error, StoreTimeout) else "unreachable"


class _Entry(Generic[Item, Result]):
    """One lead on its way: `item` is dropped once nobody waits for it any more."""

    __slots__ = ("answer", "item", "size", "timer")

    def __init__(self, item: Item, size: int, answer: asyncio.Future[Result]) -> None:
        self.item: Item | None = item
        self.size = size
        self.answer = answer
        self.timer: asyncio.TimerHandle | None = None

    def settle(self, result: Result) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if not self.answer.done():
            self.answer.set_result(result)

    def fail(self, cause: type[Refusal]) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.item = None
        if not self.answer.done():
            self.answer.set_exception(cause())


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a writer takes on.

    Attributes:
        max_queued: Leads that wait for a commit; the next is refused.
        answer_seconds: How long one waits before it is refused.
    """

    max_queued: int
    answer_seconds: float


class BatchWriter(Generic[Item, Result]):
    """Writes items in batches from a thread of its own, for one event loop."""

    def __init__(
        self,
        store: Store[Item, Result],
        *,
        limits: Limits,
        on_commit: Callable[[int, float], None] = lambda _size, _seconds: None,
        on_change: Callable[[bool], None] = lambda _available: None,
    ) -> None:
        """Nothing happens before `start`.

        Args:
            store: Where batches go.
            limits: How much is taken on.
            on_commit: Told, in the thread, the size of each batch stored and the seconds it took.
            on_change: Told, in the thread, when the store becomes available and when it ceases to be.
        """
        self._store = store
        self._limits = limits
        self._on_commit = on_commit
        self._on_change = on_change
        self._queue: SimpleQueue[_Entry[Item, Result] | None] = SimpleQueue()
        self._stopping = threading.Event()
        self._available = False
        self._reason = "connecting"
        self._busy_since: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)

    def start(self) -> None:
        """Begin, for the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self, within: float) -> bool:
        """Write what has queued up, then end.

        Args:
            within: The most seconds to wait for that.

        Returns:
            Whether the thread ended in time.
        """
        self._stopping.set()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join, within)
        return not self._thread.is_alive()

    @property
    def queued(self) -> int:
        """Leads that wait for a commit."""
        return self._queue.qsize()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs; it only ends by `stop`, or by a defect."""
        return self._thread.is_alive()

    @property
    def condition(self) -> str:
        """`ok`, or in a word or two why nothing can be stored now."""
        if self._is_hanging():
            return "does not answer"
        return "ok" if self._available else self._reason

    async def write(self, item: Item, size: int) -> Result:
        """Store one item; return once it is committed.

        Args:
            item: What to store.
            size: About how many bytes it has.

        Raises:
            DatabaseUnavailable: It can't be stored now, or was not within the time.
            Overloaded: Too many wait already.
            Defect: The store failed by a fault of ours.
        """
        if not self._available or self._is_hanging():
            raise DatabaseUnavailable
        if self._queue.qsize() >= self._limits.max_queued or self._stopping.is_set():
            raise Overloaded
        loop = asyncio.get_running_loop()
        entry = _Entry[Item, Result](item, size, loop.create_future())
        entry.timer = loop.call_later(self._limits.answer_seconds, entry.fail, DatabaseUnavailable)
        self._queue.put(entry)
        return await entry.answer

    def _is_hanging(self) -> bool:
        since = self._busy_since
        return since is not None and time.monotonic() - since > self._limits.answer_seconds

    # What follows runs in the thread.

    def _run(self) -> None:
        while True:
            if not self._available and not self._connect():
                if self._stopping.wait(_RECONNECT_SECONDS):
                    break
                continue
            batch = self._next_batch()
            if batch:
                self._write(batch)
            elif self._stopping.is_set():
                break
            else:
                self._guarded(self._store.check)
        self._store.close()

    def _connect(self) -> bool:
        if self._guarded(self._store.connect):
            self._available = True
            self._on_change(True)
            _log.info("database.available")
        return self._available

    def _guarded(self, step: Callable[[], None]) -> bool:
        self._busy_since = time.monotonic()
        try:
            step()
        except StoreError as error:
            self._lose(_reason(error))
            return False
        except Exception as error:
            _log.error("database.defect", **describe(error))
            self._lose("defect")
            return False
        finally:
            self._busy_since = None
        return True

    def _lose(self, reason: str) -> None:
        if self._available or reason != self._reason:
            _log.warning("database.unavailable", reason=reason)
        if self._available:
            self._on_change(False)
        self._available, self._reason = False, reason
        self._store.close()
        self._call(self._fail, self._drain(), DatabaseUnavailable)

    def _next_batch(self) -> list[_Entry[Item, Result]]:
        batch: list[_Entry[Item, Result]] = []
        size, wait = 0, 0.0 if self._stopping.is_set() else _IDLE_SECONDS
        while len(batch) < MAX_BATCH and size < _MAX_BATCH_BYTES:
            try:
                entry = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
            except Empty:
                break
            wait = 0.0
            if entry is not None and not entry.answer.done():
                batch.append(entry)
                size += entry.size
        return batch

    def _drain(self) -> list[_Entry[Item, Result]]:
        entries: list[_Entry[Item, Result]] = []
        while True:
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return entries
            if entry is not None:
                entries.append(entry)

    def _write(self, batch: list[_Entry[Item, Result]]) -> None:
        if not self._store.is_intact() and not self._guarded(self._store.connect):
            self._call(self._fail, batch, DatabaseUnavailable)
            return
        waiting = [(entry, item) for entry in batch if (item := entry.item) is not None]
        entries = [entry for entry, _ in waiting]
        started = self._busy_since = time.monotonic()
        try:
            results = self._store.write([item for _, item in waiting])
        except StoreError as error:
            self._lose(_reason(error))
            self._call(self._fail, entries, DatabaseUnavailable)
        except Exception as error:
            _log.error("intake.defect", leads=len(entries), **describe(error))
            self._lose("defect")
            self._call(self._fail, entries, Defect)
        else:
            self._call(self._settle, entries, results)
            self._on_commit(len(entries), time.monotonic() - started)
        finally:
            self._busy_since = None

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        assert self._loop is not None  # the thread is started by `start`
        self._loop.call_soon_threadsafe(function, *arguments)

    # What follows runs in the loop.

    @staticmethod
    def _settle(entries: Sequence[_Entry[Item, Result]], results: Sequence[Result]) -> None:
        for entry, result in zip(entries, results, strict=True):
            entry.settle(result)

    @staticmethod
    def _fail(entries: Sequence[_Entry[Item, Result]], cause: type[Refusal]) -> None:
        for entry in entries:
            entry.fail(cause)
