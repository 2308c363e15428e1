"""Writes what became of leads: one commit for all results that have come, and none is given up while there is hope."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import structlog

from leadgateway.store.claims import Claim
from leadgateway.store.connection import Engine
from leadgateway.store.errors import RowRefused, StoreError
from leadgateway.store.outcomes import Outcome, finish
from leadgateway.telemetry.tracing import NO_TRACE
from leadgateway_worker import metrics
from leadgateway_worker.halving import by_halves
from leadgateway_worker.naming import names

_BATCH = 500
# Results that come within this time share a commit. It delays what the audit shows, not the next delivery.
_GATHER_SECONDS = 0.01
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 2.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a claimed lead.

    Attributes:
        claim: The lead.
        outcome: What became of it.
        trace_ids: Of the span in which it did, for the log; none where none is recorded.
    """

    claim: Claim
    outcome: Outcome
    trace_ids: Mapping[str, str] = field(default_factory=lambda: NO_TRACE)


class ResultsWriter:
    """Takes results from the event loop and writes them in a thread, in the order they came.

    While the database is away they are kept, also past the end of their leases: the lease's token decides in the
    database whether they still count, and one that does spares the customer a repeat.
    """

    def __init__(self, engine: Engine, *, worker: str, written: Callable[[Result], None]) -> None:
        """Make a writer for the running loop.

        Args:
            engine: Of the store.
            worker: This process's name, under which the leads were claimed.
            written: Is told each result that was written, in the loop.
        """
        self._engine = engine
        self._worker = worker
        self._written = written
        self._queue: deque[Result] = deque()
        self._writing: Sequence[Result] = ()
        self._come = asyncio.Event()
        self._flowing = True
        self._empty = asyncio.Event()
        self._empty.set()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="results")
        self._refused: set[int] = set()
        metrics.unwritten.set_function(lambda: self.unwritten)

    @property
    def unwritten(self) -> int:
        """Results that the database does not have yet."""
        return len(self._queue) + len(self._writing)

    def put(self, *results: Result) -> None:
        """Hand over results to be written."""
        if results:
            self._queue.extend(results)
            self._empty.clear()
            self._come.set()

    @property
    def flowing(self) -> bool:
        """Whether results can be written.

        While they can't, no leads may be claimed: our own leases may have run out meanwhile, and to claim such a lead
        again would void the result that is about to be written.
        """
        return self._flowing

    async def run(self) -> None:
        """Write results as they come, for ever."""
        while True:
            await self._come.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._come.clear()
            while self._queue:
                self._writing = self._next_batch()
                await self._write_in_the_end(self._writing)
                self._writing = ()
            self._empty.set()

    async def drain(self, *, seconds: float) -> None:
        """Wait until everything is written; what is not by then is given up, visibly.

        Args:
            seconds: How long to wait at the most.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            metrics.results_dropped.labels("stopped").inc(self.unwritten)
            _log.error("results.dropped", results=self.unwritten, reason="the worker stops and the database is away")

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _next_batch(self) -> Sequence[Result]:
        # A lead may come twice, under an old lease and a new one: never in the same statement.
        batch: dict[int, Result] = {}
        while self._queue and len(batch) < _BATCH and self._queue[0].claim.lead_id not in batch:
            result = self._queue.popleft()
            batch[result.claim.lead_id] = result
        return list(batch.values())

    async def _write_in_the_end(self, batch: Sequence[Result]) -> None:
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                written = await asyncio.get_running_loop().run_in_executor(self._thread, self._write, batch)
                break
            except StoreError as error:
                if self._flowing:
                    _log.warning("results.waiting", results=self.unwritten, error=str(error))
                self._flowing = False
                await asyncio.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        if not self._flowing:
            _log.info("results.flowing")
            self._flowing = True
        self._tell(batch, written)

    def _write(self, batch: Sequence[Result]) -> set[int]:
        with self._engine.connect() as connection:

            def write(some: Sequence[Result]) -> list[int]:
                return list(finish(connection, [result.outcome for result in some], worker=self._worker))

            return set(by_halves(write, batch, refused=self._tell_refused))

    def _tell(self, batch: Sequence[Result], written: set[int]) -> None:
        for result in batch:
            if result.claim.lead_id in written:
                self._written(result)
            elif result.claim.lead_id not in self._refused:
                metrics.fenced.labels("writing").inc()
                _log.warning("lead.fenced", when="writing", outcome=_outcome(result), **names(result.claim))
        self._refused.clear()

    def _tell_refused(self, result: Result, error: RowRefused) -> None:
        self._refused.add(result.claim.lead_id)
        metrics.results_dropped.labels("refused").inc()
        _log.error("result.refused", error=str(error), outcome=_outcome(result), **names(result.claim))


def _outcome(result: Result) -> str:
    return type(result.outcome).__name__
