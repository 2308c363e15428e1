"""Ports of the development stack: checked before anything starts, so that one that is taken explains itself."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

HOST = "127.0.0.1"
POLL_SECONDS = 0.1


class PortTaken(Exception):
    """Something else listens on a port; the message says what, and how to move ours."""


@dataclass(frozen=True, slots=True)
class Port:
    """One port of the stack.

    Attributes:
        purpose: What listens there, as people call it.
        number: The port.
        option: The option of `leadgateway dev` that moves it.
        variable: The environment variable that moves it.
    """

    purpose: str
    number: int
    option: str
    variable: str


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def check_free(ports: Sequence[Port], *, patience: float = 0.0) -> None:
    """Make sure that all ports can be listened on and no two are the same.

    Args:
        ports: The ports, each to be listened on at 127.0.0.1.
        patience: Seconds to wait for one that is taken: a killed stack's parts need a moment to end.

    Raises:
        PortTaken: One is taken; the message names every one.
    """
    deadline = time.monotonic() + patience
    while problems := [*_doubles(ports), *(_taken(port) for port in ports if not _is_free(port.number))]:
        if time.monotonic() >= deadline:
            raise PortTaken("\n".join(problems))
        time.sleep(POLL_SECONDS)


def _doubles(ports: Sequence[Port]) -> list[str]:
    """A sentence for each port that an earlier one has already."""
    first: dict[int, Port] = {}
    problems = []
    for port in ports:
        other = first.setdefault(port.number, port)
        if other is not port:
            problems.append(
                f"Port {port.number} is given to both {other.purpose} and {port.purpose}. "
                f"Move one: {other.option} or {port.option}."
            )
    return problems


def _is_free(number: int) -> bool:
    """Whether the port can be listened on, the remains of closed connections not counted."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError as error:
            if error.errno == errno.EACCES:
                return False
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def _taken(port: Port) -> str:
    """The sentences about a port that can't be had."""
    return (
        f"Port {port.number} ({port.purpose}) is taken{_holder(port.number)}. "
        f"End that, or move ours: {port.option} PORT (or {port.variable}=PORT; 0: any free one)."
    )


def _holder(number: int) -> str:
    """Who listens on a port, as part of a sentence; a hint how to find out where we may not know."""
    hint = f"; `ss -ltnp 'sport = :{number}'` or `lsof -i :{number}` tells by whom"
    if number < 1024:
        return f", or reserved for root (below 1024){hint}"
    try:
        import psutil  # noqa: PLC0415 - comes with the embedded servers; a stack on other servers goes without
    except ModuleNotFoundError:
        return hint
    try:
        listening = [one for one in psutil.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        pids = {one.pid for one in listening if one.pid and one.laddr and one.laddr[1] == number}
        names = [f"process {pid} ({psutil.Process(pid).name()})" for pid in sorted(pids)]
    except psutil.Error:
        return hint
    return f" by {' and '.join(names)}" if names else hint
