"""One HTTP exchange with a customer's API: a POST under one deadline, and what came of it.

httpx builds the messages and its aiohttp transport carries them. The transport is called directly: what httpx's client
would add (cookies, redirects, authentication, proxies and netrc from the environment) must not happen here, and costs
a third of the whole exchange.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from traceback import format_tb

import aiohttp
import structlog

from leadgateway import __version__
from leadgateway.optional_imports import left_out
from leadgateway.route.snapshot import RouteKey, RouteSnapshot
from leadgateway_worker.addresses import guarded_sockets
from leadgateway_worker.failure import Failure, InvalidRequest, Kind, explain
from leadgateway_worker.resolver import ThreadPerLookup

# Its command line, with Click, Rich and Pygments.
with left_out("httpx._main"):
    import httpx
from httpx_aiohttp import AiohttpTransport

KEPT_BODY_BYTES = 4096
"""How much of an answer is read and kept."""

# Below the 5 s after which uvicorn, Node and Apache close an idle connection: a POST that meets a connection in the
# moment it is closed fails, and can't be repeated at once, since the customer may have got it.
_KEEPALIVE_SECONDS = 4.0
_CLOSING_SECONDS = 1.0
_NAME_SECONDS = 30
_READ_BUFFER_BYTES = 8192
_KEPT_HEADERS = frozenset({b"content-type", b"location", b"retry-after", b"x-request-id"})
_KEPT_HEADER_BYTES = 1024
# Field values as of RFC 9110, 5.5, without the control characters.
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent.

    Attributes:
        payload: The JSON body.
        idempotency_key: The same for every attempt of a round, so that the customer can tell a repeat.
        correlation_id: The lead's, as the source was told.
        trace: Headers of the trace that the lead belongs to.
    """

    payload: bytes
    idempotency_key: str
    correlation_id: str
    trace: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What came of one attempt.

    Attributes:
        seconds: How long it took.
        status: Of the answer; also of one that broke off.
        body: The answer's first 4 KiB.
        headers: Those of the answer that are worth keeping, by name in lower case.
        failure: Why no complete answer came; None if one did.
    """

    seconds: float
    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A route's endpoint, prepared for many requests. Holds secrets, so it has no repr of its own."""

    route: RouteKey
    url: httpx.URL
    host: str
    headers: tuple[tuple[bytes, bytes], ...]
    timeout: float
    allow_private: bool

    def __repr__(self) -> str:
        return f"Destination({self.host})"


def destination(route: RouteSnapshot) -> Destination:
    """Prepare a route's endpoint.

    Args:
        route: With its credentials filled in.

    Raises:
        InvalidRequest: The token or a header holds what HTTP can't carry.
    """
    endpoint = route.endpoint
    url = httpx.URL(endpoint.url)
    return Destination(
        route=route.key,
        url=url,
        host=url.netloc.decode("ascii"),
        headers=tuple(_headers(route)),
        timeout=endpoint.timeout.total_seconds(),
        allow_private=endpoint.allow_private_networks,
    )


class Destinations:
    """Remembers the destination of each route while its snapshot stays the same."""

    def __init__(self) -> None:
        self._known: dict[RouteKey, tuple[RouteSnapshot, Destination]] = {}

    def of(self, route: RouteSnapshot) -> Destination:
        """See `destination`."""
        known = self._known.get(route.key)
        if known is not None and known[0] is route:
            return known[1]
        made = destination(route)
        self._known[route.key] = (route, made)
        return made


def _headers(route: RouteSnapshot) -> Iterable[tuple[bytes, bytes]]:
    yield b"Content-Type", b"application/json"
    # The excerpt in the audit is for people, so no compression.
    yield b"Accept-Encoding", b"identity"
    yield b"User-Agent", f"lead-gateway/{__version__}".encode()
    if route.credentials.token is not None:
        yield b"Authorization", b"Bearer " + _field_value("the token", route.credentials.token)
    for header in route.endpoint.headers:
        value = route.credentials.headers[header.name] if header.value is None else header.value
        yield header.name.encode("ascii"), _field_value(f"the header {header.name}", value)


def _field_value(what: str, text: str) -> bytes:
    # A Secret made from a file often ends in a line break, which is no part of a field value (RFC 9110, 5.5).
    value = text.strip(" \t\r\n")
    if not _FIELD_VALUE.fullmatch(value):
        raise InvalidRequest(f"{what} of the route holds a line break or control character: mend its Secret")
    return value.encode("utf-8", "surrogatepass")


class Delivery:
    """Sends parcels; keeps connections open between them. Belongs to one event loop."""

    def __init__(self, public: httpx.AsyncBaseTransport, private: httpx.AsyncBaseTransport) -> None:
        """See `open_delivery`.

        Args:
            public: For routes that may reach public addresses only.
            private: For routes that may reach private ones too. Two transports, so that no route is handed a kept
                connection that only another one was allowed to make.
        """
        self._public = public
        self._private = private

    async def send(self, parcel: Parcel, target: Destination) -> Exchange:
        """POST a parcel. Never raises but when cancelled: what fails is told in the exchange.

        An answer counts when it is complete, or 4 KiB of its body have come: one that breaks off or drips past the
        deadline is a failure, whatever its status.

        Args:
            parcel: What to send.
            target: Where to.
        """
        began = monotonic()
        answer = _Answer()
        try:
            async with asyncio.timeout(target.timeout):
                await self._exchange(parcel, target, answer)
            failure = None
        except Exception as error:
            failure = explain(error, host=target.host, timeout=target.timeout)
            if failure.kind is Kind.DEFECT:
                # Where, not what: a message may quote the lead.
                where, named = format_tb(error.__traceback__), {"correlation_id": parcel.correlation_id}
                _log.error("delivery.defect", route=target.route, customer=target.host, where=where, **named)
        return Exchange(monotonic() - began, answer.status, bytes(answer.body), answer.headers, failure)

    async def _exchange(self, parcel: Parcel, target: Destination, answer: _Answer) -> None:
        transport = self._private if target.allow_private else self._public
        response = await transport.handle_async_request(_request(parcel, target))
        answer.status = response.status_code
        answer.headers = _kept(response)
        # The stream, and not the response around it: the same, through three more layers.
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        try:
            await answer.read(stream)
        except BaseException:
            await _discard(stream)
            raise
        await stream.aclose()


class _Answer:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()

    async def read(self, stream: httpx.AsyncByteStream) -> None:
        async for chunk in stream:
            self.body += chunk[: KEPT_BODY_BYTES - len(self.body)]
            if len(self.body) == KEPT_BODY_BYTES:
                return


def _kept(response: httpx.Response) -> dict[str, str]:
    return {
        lowered.decode("ascii"): value[:_KEPT_HEADER_BYTES].decode("latin-1")
        for name, value in response.headers.raw
        if (lowered := name.lower()) in _KEPT_HEADERS
    }


def _request(parcel: Parcel, target: Destination) -> httpx.Request:
    headers = [
        *target.headers,
        (b"Idempotency-Key", parcel.idempotency_key.encode("ascii")),
        (b"X-Correlation-ID", parcel.correlation_id.encode("ascii")),
        *((name.encode("ascii"), value.encode("ascii")) for name, value in parcel.trace.items()),
    ]
    # As a stream, httpx leaves out Host and Content-Length, which aiohttp adds anyway.
    request = httpx.Request("POST", target.url, headers=headers, stream=httpx.ByteStream(parcel.payload))
    request.read()
    return request


async def _discard(stream: httpx.AsyncByteStream) -> None:
    # Closing waits for a request body that the customer does not read, so it needs an end of its own.
    with suppress(Exception):
        async with asyncio.timeout(_CLOSING_SECONDS):
            await stream.aclose()


@asynccontextmanager
async def open_delivery(*, allow_private_networks: bool, tls: ssl.SSLContext | None = None) -> AsyncIterator[Delivery]:
    """Open the connections' pools in the running loop, and close them at the end.

    Args:
        allow_private_networks: Whether routes with `allowPrivateNetworks` may have their way.
        tls: How certificates are checked; by default against certifi's authorities, or those that the environment
            names in SSL_CERT_FILE or SSL_CERT_DIR.
    """
    context = tls or httpx.create_ssl_context()
    async with (
        _transport(allow_private=False, tls=context) as public,
        _transport(allow_private=allow_private_networks, tls=context) as private,
    ):
        yield Delivery(public, private)


@asynccontextmanager
async def _transport(*, allow_private: bool, tls: ssl.SSLContext) -> AsyncIterator[AiohttpTransport]:
    connector = aiohttp.TCPConnector(
        limit=0,  # each route has slots of its own; a common limit would let one route starve the others
        ssl=tls,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        resolver=ThreadPerLookup(),
        ttl_dns_cache=_NAME_SECONDS,
        socket_factory=guarded_sockets(allow_private=allow_private),
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        read_bufsize=_READ_BUFFER_BYTES,
    )
    try:
        yield AiohttpTransport(verify=tls, trust_env=False, client=session)
    finally:
        await session.close()
