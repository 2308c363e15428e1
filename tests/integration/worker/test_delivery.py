"""One HTTP exchange with a customer's API, against a real server for each way it can behave."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from leadgateway import __version__
from leadgateway.route.snapshot import Header, SecretReference
from leadgateway_worker.delivery import KEPT_BODY_BYTES, Delivery, Exchange, Parcel, destination, open_delivery
from leadgateway_worker.failure import InvalidRequest, Kind
from leadgateway_worker.resolver import ThreadPerLookup
from tests.building.customer import TLS_FOLDER, Answer, Customer, Drip, Drop, Raw, Silence
from tests.building.snapshots import a_route

PARCEL = Parcel(
    payload=b'{"zip": "66123"}',
    idempotency_key="4f5c2f4e-0000-4000-8000-000000000001",
    correlation_id="4f5c2f4e-0000-4000-8000-000000000002",
)
T = TypeVar("T")


def run(
    work: Callable[[Delivery], Awaitable[T]], *, allow_private: bool = True, tls: ssl.SSLContext | None = None
) -> T:
    async def inside() -> T:
        async with open_delivery(allow_private_networks=allow_private, tls=tls) as delivery:
            return await work(delivery)

    return uvloop.run(inside())  # the worker's own loop


def send(url: str, *, installation: bool = True, tls: ssl.SSLContext | None = None, **route: Any) -> Exchange:
    """One exchange by a delivery of its own."""
    target = destination(a_route(url, **route))
    return run(lambda delivery: delivery.send(PARCEL, target), allow_private=installation, tls=tls)


def kind_of(exchange: Exchange) -> Kind | None:
    return exchange.failure.kind if exchange.failure else None


def test_a_parcel_is_posted_with_its_headers_and_bytes() -> None:
    with Customer() as customer:
        exchange = send(
            customer.url,
            token="a-token",
            headers=[
                Header("X-Source", "web", None),
                Header("X-Api-Key", None, SecretReference("solar", "api-key")),
                Header("X-Ort", "Saarbrücken", None),
            ],
            header_values={"X-Api-Key": "a-key"},
        )

    (received,) = customer.received
    assert (exchange.status, exchange.body, exchange.failure) == (200, b"{}", None)
    assert (received.method, received.path, received.body) == ("POST", "/lead/receive", PARCEL.payload)
    expected = {
        "host": f"127.0.0.1:{customer.port}",
        "content-type": "application/json",
        "content-length": str(len(PARCEL.payload)),
        "authorization": "Bearer a-token",
        "x-source": "web",
        "x-api-key": "a-key",
        "x-ort": "Saarbrücken".encode().decode("latin-1"),
        "idempotency-key": PARCEL.idempotency_key,
        "x-correlation-id": PARCEL.correlation_id,
        "user-agent": f"lead-gateway/{__version__}",
        "accept-encoding": "identity",
        "accept": "*/*",
    }
    assert received.headers == expected
    assert len(received.raw_headers) == len(expected)


def test_a_route_without_token_sends_no_authorization() -> None:
    with Customer() as customer:
        send(customer.url)

    assert "authorization" not in customer.received[0].headers


def test_a_token_is_sent_without_the_line_break_that_its_file_ended_in() -> None:
    with Customer() as customer:
        send(customer.url, token="a-token\n")

    assert customer.received[0].headers["authorization"] == "Bearer a-token"


@pytest.mark.parametrize("token", ["a\nX-Evil: 1", "a\r\nb", "a\x00b", "a\x7fb"])
def test_a_token_that_http_cannot_carry_is_refused_without_telling_it(token: str) -> None:
    with pytest.raises(InvalidRequest, match="the token") as refused:
        destination(a_route("https://customer.example/", token=token))

    assert token not in str(refused.value)


def test_neither_token_nor_path_shows_in_the_repr_of_a_destination() -> None:
    target = destination(a_route("https://customer.example/secret-path", token="a-token"))

    assert repr(target) == "Destination(customer.example)"


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 404, 429, 500, 503])
def test_a_complete_answer_is_told_by_its_status(status: int) -> None:
    with Customer() as customer:
        customer.answer_always(Answer(status, b"" if status in {204, 304} else b"well"))
        exchange = send(customer.url)

    assert (exchange.status, exchange.failure) == (status, None)


def test_the_headers_that_tell_something_are_kept() -> None:
    with Customer() as customer:
        customer.answer_always(Answer(503, headers={"Retry-After": "120", "Set-Cookie": "a=b", "X-Request-ID": "7"}))
        exchange = send(customer.url)

    assert exchange.headers == {"content-type": "application/json", "retry-after": "120", "x-request-id": "7"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with Customer() as elsewhere, Customer() as customer:
        customer.answer_always(Answer(status, headers={"Location": elsewhere.url}))
        exchange = send(customer.url)

    assert exchange.status == status
    assert not elsewhere.received
    assert len(customer.received) == 1


def test_of_a_huge_answer_only_4_kib_are_read() -> None:
    with Customer() as customer:
        customer.answer_always(Answer(200, b"x" * 20_000_000))
        exchange = send(customer.url)

    assert (exchange.status, exchange.failure) == (200, None)
    assert exchange.body == b"x" * KEPT_BODY_BYTES


def test_a_body_of_exactly_4_kib_is_kept_whole_and_its_connection_too() -> None:
    with Customer() as customer:
        customer.answer_always(Answer(200, b"x" * KEPT_BODY_BYTES))

        async def twice(delivery: Delivery) -> list[Exchange]:
            target = destination(a_route(customer.url))
            return [await delivery.send(PARCEL, target), await delivery.send(PARCEL, target)]

        exchanges = run(twice)

    assert [len(exchange.body) for exchange in exchanges] == [KEPT_BODY_BYTES] * 2


def test_no_answer_within_the_deadline_is_a_timeout() -> None:
    with Customer() as customer:
        customer.answer_always(Silence())
        exchange = send(customer.url, timeout=0.2)

    assert kind_of(exchange) is Kind.TIMEOUT
    assert 0.19 <= exchange.seconds < 2  # the loop's clock has milliseconds
    assert exchange.status is None


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"],
)
def test_an_answer_that_drips_past_the_deadline_is_a_timeout(head: bytes) -> None:
    with Customer() as customer:
        customer.answer_always(Drip(head, interval=0.02))
        exchange = send(customer.url, timeout=0.3)

    assert kind_of(exchange) is Kind.TIMEOUT
    assert exchange.seconds < 2


def test_what_came_of_an_answer_before_the_deadline_is_kept() -> None:
    with Customer() as customer:
        customer.answer_always(Drip(interval=0.01))
        exchange = send(customer.url, timeout=0.3)

    assert exchange.status == 200
    assert exchange.body.startswith(b"xx")


@pytest.mark.parametrize(
    "after",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_a_connection_closed_before_the_answer_is_complete_is_a_disconnection(after: bytes) -> None:
    with Customer() as customer:
        customer.answer_always(Drop(after))
        exchange = send(customer.url)

    assert kind_of(exchange) is Kind.DISCONNECTED


@pytest.mark.parametrize(
    "data",
    [
        b"hello, is this the mail server?\r\n\r\n",
        b"\x00\x01\x02\xff\xfe\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: seven\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 5_000 + b"\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_a_protocol_failure(data: bytes) -> None:
    with Customer() as customer:
        customer.answer_always(Raw(data))
        exchange = send(customer.url)

    assert kind_of(exchange) is Kind.PROTOCOL


def test_a_port_that_nobody_listens_on_is_a_connect_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        exchange = send(f"http://127.0.0.1:{unused.getsockname()[1]}/")

    assert kind_of(exchange) is Kind.CONNECT
    assert exchange.failure is not None
    assert "connection refused" in exchange.failure.sentence


def test_a_name_that_does_not_exist_is_a_dns_failure() -> None:
    exchange = send("http://no-such-host.invalid/", installation=False, allow_private=False)

    assert kind_of(exchange) is Kind.DNS


def authority() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=TLS_FOLDER / "authority.pem")


def test_https_works_with_a_certificate_that_is_trusted() -> None:
    with Customer(certificate="localhost") as customer:
        exchange = send(customer.url, tls=authority())

    assert (exchange.status, exchange.failure) == (200, None)


def test_the_environment_can_name_the_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(TLS_FOLDER / "authority.pem"))
    with Customer(certificate="localhost") as customer:
        exchange = send(customer.url)

    assert exchange.status == 200


@pytest.mark.parametrize(("certificate", "tls"), [("localhost", None), ("elsewhere", authority())])
def test_a_certificate_that_is_not_trusted_or_of_another_host_is_a_tls_failure(
    certificate: str, tls: ssl.SSLContext | None
) -> None:
    with Customer(certificate=certificate) as customer:
        exchange = send(customer.url, tls=tls)

    assert kind_of(exchange) is Kind.TLS
    assert exchange.failure is not None
    assert "certificate" in exchange.failure.sentence
    assert not customer.received


def test_https_to_a_server_that_speaks_plain_http_is_a_tls_failure() -> None:
    with Customer() as customer:
        exchange = send(customer.url.replace("http:", "https:"))

    assert kind_of(exchange) is Kind.TLS


PRIVATE_HOSTS = ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0"]


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
@pytest.mark.parametrize(("route", "installation"), [(False, True), (True, False), (False, False)])
def test_private_addresses_need_the_permission_of_route_and_installation(
    host: str, route: bool, installation: bool
) -> None:
    with Customer() as customer:
        url = f"http://{host}:{customer.port}/"
        exchange = send(url, allow_private=route, installation=installation)

    assert kind_of(exchange) is Kind.REFUSED_ADDRESS
    assert customer.connections == 0


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"])
def test_link_local_and_metadata_addresses_are_never_connected_to(host: str) -> None:
    exchange = send(f"http://{host}/latest/meta-data", allow_private=True, installation=True)

    assert kind_of(exchange) is Kind.REFUSED_ADDRESS
    assert exchange.seconds < 1


def test_a_kept_connection_of_a_permitted_route_is_not_lent_to_another() -> None:
    with Customer() as customer:

        async def both(delivery: Delivery) -> list[Exchange]:
            permitted = destination(a_route(customer.url, allow_private=True))
            other = destination(a_route(customer.url, allow_private=False))
            return [await delivery.send(PARCEL, permitted), await delivery.send(PARCEL, other)]

        first, second = run(both)

    assert first.status == 200
    assert kind_of(second) is Kind.REFUSED_ADDRESS


def test_connections_are_kept_and_used_again() -> None:
    with Customer() as customer:

        async def ten(delivery: Delivery) -> None:
            target = destination(a_route(customer.url))
            for _ in range(10):
                await delivery.send(PARCEL, target)

        run(ten)

    assert len(customer.received) == 10
    assert customer.connections == 1


def test_a_kept_connection_that_the_customer_closed_fails_nothing() -> None:
    with Customer() as customer:
        customer.answer_always(Drop(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))

        async def ten(delivery: Delivery) -> list[Exchange]:
            target = destination(a_route(customer.url))
            exchanges = []
            for _ in range(10):
                exchanges.append(await delivery.send(PARCEL, target))
                await asyncio.sleep(0.05)  # the time in which the end of the connection arrives
            return exchanges

        exchanges = run(ten)

    assert [exchange.failure for exchange in exchanges] == [None] * 10


def test_more_deliveries_than_aiohttp_connects_by_default_run_at_once() -> None:
    with Customer() as customer:
        customer.answer_always(Answer(after=0.5))

        async def many(delivery: Delivery) -> None:
            target = destination(a_route(customer.url))
            await asyncio.gather(*(delivery.send(PARCEL, target) for _ in range(150)))

        run(many)

    assert customer.most_at_once == 150


def test_cookies_are_not_sent_back() -> None:
    with Customer() as customer:
        customer.answer_always(Answer(headers={"Set-Cookie": "session=of-another-lead; Path=/"}))

        async def twice(delivery: Delivery) -> None:
            target = destination(a_route(customer.url))
            await delivery.send(PARCEL, target)
            await delivery.send(PARCEL, target)

        run(twice)

    assert all("cookie" not in request.headers for request in customer.received)


def test_proxies_and_netrc_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Customer() as proxy, Customer() as customer:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        send(customer.url)

    assert not proxy.received
    assert "authorization" not in customer.received[0].headers


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_a_body_that_the_customer_does_not_read_delays_nothing_past_the_deadline() -> None:
    """The answer comes before the request was read: closing must not wait for the rest of the body."""
    big = Parcel(b'"' + b"x" * 30_000_000 + b'"', PARCEL.idempotency_key, PARCEL.correlation_id)
    with socket.create_server(("127.0.0.1", 0)) as deaf:

        async def work(delivery: Delivery) -> Exchange:
            target = destination(a_route(f"http://127.0.0.1:{deaf.getsockname()[1]}/", timeout=1.0))
            began = time.monotonic()
            exchange = await delivery.send(big, target)
            assert time.monotonic() - began < 3
            deaf.accept()[0].close()
            await asyncio.sleep(0.2)  # until the reset has arrived
            return exchange

        exchange = run(work)

    assert kind_of(exchange) is Kind.TIMEOUT


def test_the_sentence_of_a_failure_holds_neither_path_nor_token_nor_answer() -> None:
    with Customer() as customer:
        customer.answer_always(Raw(b"secret-answer\r\n\r\n"))
        exchange = send(customer.url.replace("/lead/receive", "/secret-path?key=secret-key"), token="secret-token")

    assert exchange.failure is not None
    assert "secret" not in exchange.failure.sentence


def test_names_whose_lookup_hangs_do_not_stop_others() -> None:
    def lookup(host: str, port: int, family: int) -> Sequence[Any]:
        if host == "hangs":
            time.sleep(1)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async def work() -> float:
        resolver = ThreadPerLookup(lookup)
        hanging = [asyncio.ensure_future(resolver.resolve("hangs", 80)) for _ in range(20)]
        await asyncio.sleep(0)
        began = time.monotonic()
        await resolver.resolve("works", 80)
        took = time.monotonic() - began
        for one in hanging:
            one.cancel()
        return took

    assert asyncio.run(work()) < 0.5
