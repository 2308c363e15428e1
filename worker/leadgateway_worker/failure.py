"""Why an exchange with a customer's API failed: a kind for metrics and a sentence for people.

The sentences are written here and never taken from the libraries, whose messages quote the customer's bytes and the
URL (which may hold a secret): no lead content and no secret comes into a log or an audit row this way.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from enum import StrEnum

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from leadgateway_worker.addresses import RefusedAddress


class Kind(StrEnum):
    """How an attempt ended, as stored in `delivery_attempt.kind` and counted in the metrics."""

    DELIVERED = "delivered"
    STATUS = "status"
    """The customer answered with another status than 2xx."""
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    PROTOCOL = "protocol"
    DISCONNECTED = "disconnected"
    REFUSED_ADDRESS = "refused_address"
    INVALID_REQUEST = "invalid_request"
    """The route's credentials or headers can't be sent by HTTP."""
    INTERRUPTED = "interrupted"
    """The worker had to stop before the customer answered."""
    DEFECT = "defect"
    """The gateway's own mistake; the log has the traceback."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why no complete answer came.

    Attributes:
        kind: What failed.
        sentence: For people; free of lead contents and secrets.
    """

    kind: Kind
    sentence: str


class InvalidRequest(Exception):
    """The route's token or one of its headers holds what HTTP can't carry; the message names which."""


def explain(error: Exception, *, host: str, timeout: float) -> Failure:
    """Tell why an exchange failed.

    Args:
        error: What the transport raised; httpx names some causes wrongly, so the cause underneath counts.
        host: Host and port of the customer's API.
        timeout: The deadline of the exchange, in seconds.
    """
    if isinstance(error, InvalidRequest):
        return Failure(Kind.INVALID_REQUEST, str(error))
    cause = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
    if isinstance(cause, aiohttp.ClientConnectorError | ssl.SSLError | aiohttp.InvalidURL):
        return _not_connected(cause, host)
    if isinstance(cause, TimeoutError):
        return Failure(Kind.TIMEOUT, f"no complete answer from {host} within {timeout:g} s")
    return _broken_off(cause, host)


def _broken_off(cause: Exception, host: str) -> Failure:
    if _is_no_http(cause):
        return Failure(Kind.PROTOCOL, f"the answer from {host} is not valid HTTP")
    if isinstance(cause, aiohttp.ClientError | OSError):
        return Failure(Kind.DISCONNECTED, f"{host} closed the connection before its answer was complete")
    return Failure(Kind.DEFECT, f"the attempt failed inside the gateway ({type(cause).__name__}); see the worker's log")


def _is_no_http(cause: Exception) -> bool:
    if isinstance(cause, aiohttp.ClientPayloadError):
        # aiohttp says so of a body that ended early too; then its cause is about missing bytes.
        return not str(cause).startswith("Response payload is not completed")
    return isinstance(cause, aiohttp.ClientResponseError | HttpProcessingError)


def _not_connected(cause: aiohttp.ClientConnectorError | ssl.SSLError | aiohttp.InvalidURL, host: str) -> Failure:
    reason = _reason(cause)
    # aiohttp refuses spellings of an address like 127.1 and 0x7f000001, which would reach loopback.
    if isinstance(reason, RefusedAddress | aiohttp.InvalidURL):
        return Failure(
            Kind.REFUSED_ADDRESS,
            f"{host} has no address that may be delivered to: private ones need allowPrivateNetworks in the "
            "LeadRoute and the installation's permission, link-local ones are never allowed",
        )
    if isinstance(reason, ssl.SSLError):
        return Failure(Kind.TLS, f"no TLS connection to {host}: {_tls_problem(reason)}")
    if isinstance(reason, socket.gaierror):
        return Failure(Kind.DNS, f"the name in {host} could not be resolved: {_gai_problem(reason)}")
    return Failure(Kind.CONNECT, f"could not connect to {host}: {_system_problem(reason)}")


def _reason(cause: aiohttp.ClientConnectorError | ssl.SSLError | aiohttp.InvalidURL) -> BaseException:
    if isinstance(cause, aiohttp.ClientConnectorCertificateError):
        return cause.certificate_error
    return cause.os_error if isinstance(cause, aiohttp.ClientConnectorError) else cause


def _tls_problem(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message})"
    return (error.reason or "the handshake failed").replace("_", " ").lower()


def _gai_problem(error: socket.gaierror) -> str:
    return (error.strerror or "no address").lower()


def _system_problem(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if isinstance(number, int) and number > 0 else "no address could be reached"
