"""Which IP addresses a delivery may connect to.

A LeadRoute's author chooses the URL, so the worker must not become a way into the cluster's own network or to the
cloud's metadata service. What counts is the address of the socket that is about to be connected, not the name in the
URL: names can resolve to anything, and to something else the next time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]
"""One entry of `socket.getaddrinfo`: family, type, protocol, canonical name, socket address."""
Address = IPv4Address | IPv6Address


class Reach(Enum):
    """How far away an address is."""

    PUBLIC = "public"
    PRIVATE = "private"
    """On this machine or a network that isn't the internet: only where route and installation allow it."""
    FORBIDDEN = "forbidden"
    """Link-local, a cloud's metadata service, or no host at all: never."""


class RefusedAddress(OSError):
    """The address must not be connected to; says the same for every address, so that several refusals stay one."""

    def __init__(self) -> None:
        super().__init__("the host's address is not one that may be delivered to")


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


_FORBIDDEN = _networks(
    "0.0.0.0/8",  # "this host": connects to loopback on Linux
    "169.254.0.0/16",  # link-local; the metadata service of AWS, Google, Azure and most others
    "224.0.0.0/4",  # multicast
    "255.255.255.255/32",  # broadcast
    "100.100.100.200/32",  # Alibaba's metadata service
    "168.63.129.16/32",  # Azure's platform service
    "192.0.0.192/32",  # Oracle's metadata service
    "::/128",
    "fe80::/10",  # link-local
    "ff00::/8",  # multicast
    "fd00:ec2::254/128",  # AWS's metadata service
    "fd20:ce::254/128",  # Google's metadata service
)
# The IANA special-purpose registries (RFC 6890 and its updates), written out because Python's own
# `is_global` differs between patch releases.
_PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
    "2001::/23",  # protocol assignments, Teredo among them
    "2001:db8::/32",
    "3fff::/20",
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_EMBEDDING = (
    # Networks whose addresses carry an IPv4 address, and how far that is from the right end.
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::/96"), 0),  # IPv4-compatible
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64, RFC 6052
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_LOOPBACK = IPv6Address("::1")
# A customer that stops reading in the middle of a big payload would hold the socket and its buffer for a quarter of
# an hour after the attempt is over, until TCP gives up by itself.
_UNACKNOWLEDGED_MILLISECONDS = 60_000


def reach(address: Address) -> Reach:
    """Tell how far away an address is; one that carries an IPv4 address is as far as that.

    Args:
        address: The address; a zone (`%eth0`) does not matter.
    """
    if isinstance(address, IPv6Address):
        address = IPv6Address(int(address))  # without its zone
        carried = _carried(address)
        if carried is not None:
            return reach(carried)
    if any(address in network for network in _FORBIDDEN):
        return Reach.FORBIDDEN
    if any(address in network for network in _PRIVATE):
        return Reach.PRIVATE
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return Reach.PRIVATE
    return Reach.PUBLIC


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address == _LOOPBACK or int(address) == 0:
        return None
    for network, shift in _EMBEDDING:
        if address in network:
            return IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


def guarded_sockets(*, allow_private: bool) -> Callable[[AddressInfo], socket.socket]:
    """Make a socket factory that creates no socket for an address that may not be delivered to.

    Args:
        allow_private: Whether private addresses are allowed, too.
    """
    allowed = {Reach.PUBLIC, Reach.PRIVATE} if allow_private else {Reach.PUBLIC}

    def create(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, where = info
        if reach(ip_address(str(where[0]))) not in allowed:
            raise RefusedAddress
        made = socket.socket(family=family, type=kind, proto=protocol)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MILLISECONDS)
        return made

    return create
