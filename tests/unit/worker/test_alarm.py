"""Timers of the pump's loop."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import uvloop

from leadgateway_worker.alarm import Alarm


def test_what_falls_due_together_is_one_call_and_none_is_early() -> None:
    async def calls() -> tuple[float, list[float]]:
        loop = asyncio.get_running_loop()
        rung: list[float] = []
        enough = asyncio.Event()

        def ring() -> None:
            rung.append(loop.time())
            if len(rung) > 1:
                enough.set()

        alarm, began = Alarm(ring), loop.time()
        for _ in range(1000):
            alarm.set(timedelta(milliseconds=50))
        alarm.set(timedelta(milliseconds=300))
        async with asyncio.timeout(5):
            await enough.wait()
        return began, rung

    began, rung = uvloop.run(calls())

    assert 2 <= len(rung) <= 3  # the thousand take a moment to set, which may reach into the next tenth
    assert rung[0] - began >= 0.049
    assert rung[-1] - began >= 0.15
