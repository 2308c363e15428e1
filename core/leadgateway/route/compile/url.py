"""Judges the URL that leads are delivered to, as far as that can be done before a name is resolved.

The worker checks the address of every connection again: a name may resolve to anything, and change its mind.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

NEVER: Final = frozenset({"metadata.google.internal", "metadata.goog"})
"""Names of cloud metadata services, which hand out credentials of the machine."""

_METADATA_V6 = ipaddress.ip_address("fd00:ec2::254")
"""The IPv6 address of the EC2 metadata service, which is not link-local."""

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


class InvalidUrl(ValueError):
    """Leads can't, or must not, be delivered to this URL."""


def check_url(url: str, *, allow_private_networks: bool) -> None:
    """Judge the URL of an endpoint.

    Args:
        url: As written in the LeadRoute.
        allow_private_networks: Whether the route may deliver to private and loopback addresses.

    Raises:
        InvalidUrl: The message says what to change; it does not repeat the URL, which might hold a credential.
    """
    parts = _split(url)
    host = parts.hostname or ""
    if "@" in parts.netloc:
        raise InvalidUrl("the URL must hold no credentials; use token or headers with a Secret")
    if "#" in url:
        raise InvalidUrl("the URL must hold no fragment; remove the # and what follows it")
    if not host:
        raise InvalidUrl("the URL names no host; write one, like https://customer.example/lead/receive")
    address = _address(host)
    if address is None:
        _check_name(host, allow_private_networks=allow_private_networks)
    else:
        _check_address(address, allow_private_networks=allow_private_networks)


def _split(url: str) -> SplitResult:
    if not re.fullmatch(r"[!-~]+", url):
        raise InvalidUrl("the URL holds spaces or characters beyond ASCII; write names as punycode and escape the rest")
    if not url.startswith(("https://", "http://")):
        raise InvalidUrl("the URL must begin with https:// or http://")
    if "\\" in url:
        raise InvalidUrl("the URL holds a backslash; write / instead")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidUrl(
            "the URL's host or port can't be read; write host or host:port, with a port up to 65535"
        ) from None
    if port == 0:
        raise InvalidUrl("the URL's port is 0; write the port that the customer's API listens at")
    return parts


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(host: str) -> Address | None:
    """The address that the host is; None if it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped) or address


def _check_address(address: Address, *, allow_private_networks: bool) -> None:
    if address.is_link_local or address == _METADATA_V6:
        raise InvalidUrl("link-local addresses and metadata services are never called; write another host")
    if address.is_multicast:
        raise InvalidUrl("a multicast address is no host; write the address of one")
    if not address.is_global and not allow_private_networks:
        raise InvalidUrl("the host is a private address; set allowPrivateNetworks: true, or write a public one")


def _check_name(host: str, *, allow_private_networks: bool) -> None:
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidUrl("the URL's host is no DNS name; write letters, digits and hyphens between dots")
    if _NUMBER.fullmatch(labels[-1]):
        # The resolver would read 127.1 and 0x7f000001 as 127.0.0.1.
        raise InvalidUrl(
            "the URL's host looks like an address but is none; write an IPv4 address as four decimal numbers"
        )
    if ".".join(labels) in NEVER:
        raise InvalidUrl("link-local addresses and metadata services are never called; write another host")
    if labels[-1] == "localhost" and not allow_private_networks:
        raise InvalidUrl("localhost is a private address; set allowPrivateNetworks: true, or write a public host")
