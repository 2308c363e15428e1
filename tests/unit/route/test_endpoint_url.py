"""URLs that leads may be delivered to, as far as that can be told without resolving a name."""

from __future__ import annotations

import pytest

from leadgateway.route.compile.url import InvalidUrl, check_url


@pytest.mark.parametrize(
    "url",
    [
        "https://customer.example/lead/receive",
        "http://customer.example",
        "https://customer.example:8443/a?key=1&b=%20",
        "https://xn--mller-kva.example/",
        "https://under_score.example./",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]:443/",
        "https://1and1.example/",
        "https://customer/",
    ],
)
def test_a_public_url_is_taken(url: str) -> None:
    check_url(url, allow_private_networks=False)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://customer.example/", "begin with https"),
        ("HTTPS://customer.example/", "begin with https"),
        ("customer.example", "begin with https"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https://:8080/", "names no host"),
        ("https://user@customer.example/", "no credentials"),
        ("https://user:secret@customer.example/", "no credentials"),
        ("https://customer.example/#part", "no fragment"),
        ("https://customer.example/a b", "spaces"),
        ("https://customer.example/\n", "spaces"),
        ("https://müller.example/", "punycode"),
        ("https://customer.example\\@evil.example/", "backslash"),
        ("https://customer.example:0/", "port is 0"),
        ("https://customer.example:99999/", "can't be read"),
        ("https://customer.example:http/", "can't be read"),
        ("https://[::1/", "can't be read"),
        ("https://a..b/", "no DNS name"),
        ("https://-a.example/", "no DNS name"),
        (f"https://{'a' * 64}.example/", "no DNS name"),
        (f"https://{'a.' * 130}example/", "no DNS name"),
        ("https://a%41.example/", "no DNS name"),
        ("https://127.1/", "four decimal numbers"),
        ("https://2130706433/", "four decimal numbers"),
        ("https://0x7f000001/", "four decimal numbers"),
        ("https://1.2.3.256/", "four decimal numbers"),
        ("https://224.0.0.1/", "multicast"),
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_no_route_may_use_it(url: str, sentence: str, allowed: bool) -> None:
    with pytest.raises(InvalidUrl, match=sentence):
        check_url(url, allow_private_networks=allowed)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
        "http://METADATA.google.internal./",
    ],
)
@pytest.mark.parametrize("allowed", [True, False])
def test_link_local_addresses_and_metadata_services_are_never_called(url: str, allowed: bool) -> None:
    with pytest.raises(InvalidUrl, match="never called"):
        check_url(url, allow_private_networks=allowed)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8010/lead/receive",
        "http://10.0.0.1/",
        "http://192.168.0.1/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost:8010/",
        "http://api.localhost/",
    ],
)
def test_private_addresses_need_permission(url: str) -> None:
    check_url(url, allow_private_networks=True)

    with pytest.raises(InvalidUrl, match="allowPrivateNetworks: true"):
        check_url(url, allow_private_networks=False)
