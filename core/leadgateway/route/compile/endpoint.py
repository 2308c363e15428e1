"""Compiles `spec.endpoint`."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from leadgateway.route import snapshot
from leadgateway.route.compile.findings import Findings
from leadgateway.route.compile.intake import secret_reference
from leadgateway.route.compile.url import check_url
from leadgateway.route.model import Endpoint, Header

RESERVED_HEADERS: Final = frozenset(
    {
        # The gateway sets these itself.
        "accept-encoding",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "user-agent",
        "x-correlation-id",
        # These steer the connection (RFC 9110, section 7.6.1), which is not the route's.
        "connection",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

_SHORTEST_TIMEOUT = timedelta(milliseconds=100)
_LONGEST_TIMEOUT = timedelta(minutes=2)
"""A worker's lease on a lead outlasts every timeout."""


def compile_endpoint(endpoint: Endpoint, findings: Findings) -> snapshot.Endpoint | None:
    """Compile where and how to deliver; None after noting why not."""
    findings.parsed("spec.endpoint.url", lambda url: _check(url, endpoint), endpoint.url)
    _check_headers(endpoint, findings)
    timeout = findings.duration(
        "spec.endpoint.timeout", endpoint.timeout, shortest=_SHORTEST_TIMEOUT, longest=_LONGEST_TIMEOUT
    )
    if timeout is None:
        return None
    return snapshot.Endpoint(
        url=endpoint.url,
        token=secret_reference(endpoint.token) if endpoint.token else None,
        headers=tuple(map(_header, endpoint.headers)),
        timeout=timeout,
        concurrency=endpoint.concurrency,
        allow_private_networks=endpoint.allow_private_networks,
    )


def _check(url: str, endpoint: Endpoint) -> None:
    check_url(url, allow_private_networks=endpoint.allow_private_networks)


def _header(header: Header) -> snapshot.Header:
    secret = secret_reference(header.secret_key_ref) if header.secret_key_ref else None
    return snapshot.Header(header.name, header.value, secret)


def _check_headers(endpoint: Endpoint, findings: Findings) -> None:
    seen: set[str] = set()
    for index, header in enumerate(endpoint.headers):
        field, name = f"spec.endpoint.headers[{index}]", header.name.lower()
        if name in seen:
            findings.note(f"{field}.name", f"{header.name} stands there twice (case is of no account); remove one")
        if name in RESERVED_HEADERS:
            findings.note(f"{field}.name", f"{header.name} is set by the gateway; remove it")
        if name == "authorization" and endpoint.token:
            findings.note(f"{field}.name", "token is sent as Authorization already; remove one of the two")
        if (header.value is None) == (header.secret_key_ref is None):
            findings.note(field, "a header has exactly one of value and secretKeyRef; add or remove one")
        seen.add(name)
