"""The harness's network: each weather does to a connection what its name says."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.building.waiting import eventually
from tests.chaos.proxy import LoopThread, Proxy, Weather
from tests.chaos.relay import watch


class Echo:
    """A server that answers each piece with itself, and counts connections."""

    def __init__(self) -> None:
        self.heard = b""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1000):
                    self.heard += data
                    connection.sendall(data)
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with LoopThread() as loop:
        made = Proxy(loop, lambda: [("127.0.0.1", 1), ("127.0.0.1", echo.port)])
        yield made
        made.close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        yield connection


def test_fair_weather_forwards_to_the_target_that_takes_the_connection(client: socket.socket) -> None:
    client.sendall(b"again")
    assert client.recv(100) == b"again"


def test_cut_ends_connections_and_takes_none(proxy: Proxy, client: socket.socket) -> None:
    proxy.turn(Weather.CUT)

    with suppress(ConnectionError):
        assert client.recv(100) == b""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as another, suppress(ConnectionError):
        assert another.recv(100) == b"", "taken and ended at once"


def test_silence_forwards_nothing_until_it_is_over(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    proxy.turn(Weather.SILENT)
    client.sendall(b"wait")
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(100)
    assert echo.heard == b"hello"

    proxy.turn(Weather.FAIR)
    client.settimeout(10)
    assert client.recv(100) == b"wait"


def test_half_open_carries_the_question_and_keeps_the_answer(proxy: Proxy, client: socket.socket, echo: Echo) -> None:
    proxy.turn(Weather.HALF_OPEN)
    client.sendall(b"?")
    eventually(lambda: echo.heard == b"hello?")
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(100)

    proxy.turn(Weather.FAIR)
    client.settimeout(10)
    assert client.recv(100) == b"?"


def test_slowness_delays_both_ways(proxy: Proxy, client: socket.socket) -> None:
    proxy.turn(Weather.SLOW, lag=0.2)
    began = time.monotonic()
    client.sendall(b"slowly")

    assert client.recv(100) == b"slowly"
    assert time.monotonic() - began >= 0.4


def test_a_peer_that_vanished_is_noticed_as_soon_as_postgresql_would(echo: Echo) -> None:
    async def seconds() -> float:
        _, writer = await asyncio.open_connection("127.0.0.1", echo.port)
        watch(writer)
        connection = writer.get_extra_info("socket")
        idle, interval, count = (
            connection.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        writer.close()
        return float(idle + interval * count)

    assert asyncio.run(seconds()) <= 15
