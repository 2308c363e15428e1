"""A port that is taken explains itself before anything is started."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from leadgateway.dev.ports import HOST, Port, PortTaken, check_free, free_port

WEBHOOK = "--port", "LEADGATEWAY_WEBHOOK_PORT"


def test_a_free_port_is_fine() -> None:
    check_free([Port("webhook", free_port(), *WEBHOOK)])


def test_a_taken_port_is_named_with_who_has_it_and_how_to_move_ours() -> None:
    with socket.create_server((HOST, 0)) as taken:
        number = taken.getsockname()[1]

        with pytest.raises(PortTaken) as refused:
            check_free([Port("webhook", number, *WEBHOOK)])

    message = str(refused.value)
    assert f"Port {number} (webhook) is taken by process {os.getpid()} (" in message
    assert "--port PORT" in message
    assert "LEADGATEWAY_WEBHOOK_PORT=PORT" in message


def test_without_psutil_a_hint_says_how_to_find_out_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with socket.create_server((HOST, 0)) as taken, pytest.raises(PortTaken, match="lsof -i"):
        check_free([Port("webhook", taken.getsockname()[1], *WEBHOOK)])


def test_all_taken_ports_are_named_at_once() -> None:
    with socket.create_server((HOST, 0)) as one, socket.create_server((HOST, 0)) as two:
        ports = [Port("webhook", one.getsockname()[1], *WEBHOOK), Port("demo", two.getsockname()[1], *WEBHOOK)]

        with pytest.raises(PortTaken) as refused:
            check_free(ports)

    assert [line.split()[2] for line in str(refused.value).splitlines()] == ["(webhook)", "(demo)"]


def test_one_port_for_two_purposes_is_refused() -> None:
    number = free_port()
    ports = [Port("webhook", number, *WEBHOOK), Port("demo customer", number, "--demo-port", "X")]

    with pytest.raises(PortTaken, match=r"both webhook and demo customer.*--port or --demo-port"):
        check_free(ports)


def test_a_port_that_is_given_up_in_time_is_waited_for() -> None:
    taken = socket.create_server((HOST, 0))
    port = Port("webhook", taken.getsockname()[1], *WEBHOOK)
    with pytest.raises(PortTaken):
        check_free([port], patience=0.1)
    taken.close()

    check_free([port], patience=5.0)


def test_a_port_of_a_connection_that_was_closed_counts_as_free() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = Port("webhook", server.getsockname()[1], *WEBHOOK)
        client = socket.create_connection((HOST, port.number))
        accepted, _ = server.accept()
        accepted.close()
        client.close()

    check_free([port])
