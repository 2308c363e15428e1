"""Ports that are listened on, and what is said when one can't be."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

BACKLOG = 2048


class PortUnavailable(Exception):
    """A port can't be listened on; the message names it, and the option that moves it."""


def listen(host: str, port: int, *, remedy: str) -> socket.socket:
    """Listen on an address; one of IPv6 takes IPv4 too.

    Args:
        host: The address, or a name of it.
        port: The port; 0 for any free one.
        remedy: What moves it.

    Raises:
        PortUnavailable: It can't be listened on.
    """
    with explaining(host, port, remedy=remedy):
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)


@contextmanager
def explaining(host: str, port: int, *, remedy: str) -> Iterator[None]:
    """Say in a sentence why what is in the block can't listen.

    Raises:
        PortUnavailable: The block raised OSError.
    """
    try:
        yield
    except OSError as error:
        sentence = f"can't listen on {host}:{port}: {error.strerror}. Choose another with {remedy}."
        raise PortUnavailable(sentence) from None
