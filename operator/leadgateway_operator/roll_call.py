"""Asks each webhook and worker pod which version of each route it has loaded, and which circuit breakers are open."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Self

import aiohttp
import orjson

from leadgateway.route.snapshot import RouteKey
from leadgateway_operator.fleet import Fleet, Pod, Report

_TIMEOUT = aiohttp.ClientTimeout(total=3, sock_connect=1)
_AT_ONCE = 16
_MAX_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer; 100,000 routes take about eight million."""
_FORGET_SECONDS = 15.0
"""For so long the last answer of a pod stands in for one that does not come: a busy moment is no change."""


_log = logging.getLogger(__name__)


class NoAnswer(Exception):
    """A pod did not say what it has loaded; the message says why."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the status port says of routes; as in `fleet.Report`."""

    loaded: Mapping[RouteKey, str] | None = None
    open_breakers: Mapping[RouteKey, datetime] = field(default_factory=dict)


class RollCall:
    """Remembers the last answers, so that ten thousand unchanged ones cost no parsing."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._parsed: dict[bytes, _Answer] = {}
        self._last: dict[Pod, tuple[float, bytes]] = {}

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=_AT_ONCE)
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, pods: Iterable[Pod]) -> Fleet:
        """Ask all pods at once, each for at most a few seconds."""
        asked = tuple(pods)
        digests = await asyncio.gather(*(self._digest(pod) for pod in asked))
        self._last = {pod: last for pod, last in self._last.items() if pod in asked}
        in_use = {digest for _, digest in self._last.values()}
        self._parsed = {digest: loaded for digest, loaded in self._parsed.items() if digest in in_use}
        return Fleet(tuple(self._report(pod, digest) for pod, digest in zip(asked, digests, strict=True)))

    def _report(self, pod: Pod, digest: bytes | None) -> Report:
        answer = _Answer() if digest is None else self._parsed[digest]
        return Report(pod, answer.loaded, answer.open_breakers)

    async def _digest(self, pod: Pod) -> bytes | None:
        try:
            answer = await self._answer(pod)
            digest = hashlib.sha256(answer).digest()
            if digest not in self._parsed:
                self._parsed[digest] = _parse(answer)
        except NoAnswer as error:
            _log.debug("%s %s: %s", pod.role, pod.name, error)
            return self._remembered(pod)
        self._last[pod] = (monotonic(), digest)
        return digest

    def _remembered(self, pod: Pod) -> bytes | None:
        answered, digest = self._last.get(pod, (0.0, b""))
        if digest and monotonic() - answered < _FORGET_SECONDS:
            return digest
        self._last.pop(pod, None)
        return None

    async def _answer(self, pod: Pod) -> bytes:
        assert self._session is not None, "use the roll call as a context manager"
        try:
            async with self._session.get(f"{pod.url}/routes", allow_redirects=False) as response:
                if response.status != 200:
                    raise NoAnswer(f"status {response.status}")
                answer = await _read(response.content)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NoAnswer(type(error).__name__) from error
        return answer


async def _read(content: aiohttp.StreamReader) -> bytes:
    answer = bytearray()
    async for chunk in content.iter_any():
        answer += chunk
        if len(answer) > _MAX_ANSWER:
            raise NoAnswer(f"more than {_MAX_ANSWER} bytes")
    return bytes(answer)


def _parse(answer: bytes) -> _Answer:
    try:
        content = orjson.loads(answer)
        loaded = {str(key): str(value) for key, value in content["routes"].items()}
        # Webhooks tell of none
        breakers = content.get("open_breakers", {}).items()
        return _Answer(loaded, {str(key): _time(about["opened_at"]) for key, about in breakers})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAnswer("not the answer of a status port") from error


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
