"""Which addresses may be connected to."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadgateway_worker.addresses import AddressInfo, Reach, RefusedAddress, guarded_sockets, reach

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
]
PRIVATE = [
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.9",
    "240.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::1",
    "2001:0:1::1",
    "2001:db8::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "100::1",
    "3fff::1",
    "5f00::1",
]
PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_link_local_metadata_and_no_host_addresses_are_forbidden(text: str) -> None:
    assert reach(ip_address(text)) is Reach.FORBIDDEN


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_off_the_internet_are_private(text: str) -> None:
    assert reach(ip_address(text)) is Reach.PRIVATE


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_on_the_internet_are_public(text: str) -> None:
    assert reach(ip_address(text)) is Reach.PUBLIC


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_mapped_into_ipv6_is_as_far_as_itself(address: object) -> None:
    assert reach(ip_address(f"::ffff:{address}")) is reach(ip_address(str(address)))


def _info(text: str) -> AddressInfo:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return family, socket.SOCK_STREAM, 0, "", (text, 80)


@pytest.mark.parametrize("text", PRIVATE + FORBIDDEN)
def test_without_permission_no_socket_is_made_for_an_address_that_is_not_public(text: str) -> None:
    create = guarded_sockets(allow_private=False)

    with pytest.raises(RefusedAddress):
        create(_info(text))


@pytest.mark.parametrize("text", FORBIDDEN)
def test_permission_for_private_addresses_does_not_open_forbidden_ones(text: str) -> None:
    create = guarded_sockets(allow_private=True)

    with pytest.raises(RefusedAddress):
        create(_info(text))


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0.1", "1.1.1.1"])
def test_with_permission_private_and_public_addresses_get_a_socket(text: str) -> None:
    with guarded_sockets(allow_private=True)(_info(text)) as made:
        assert made.family == socket.AF_INET
