"""The bytes of every answer. JSON with a fixed shape, so that a source can rely on it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import orjson
from starlette.types import Send

from leadgateway_webhook.errors import Refusal

_JSON = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, ready to send."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def send(self, send: Send) -> None:
        """Send it over an ASGI channel."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def stored(status: str, lead_id: int, correlation_id: str, *, request_id: str) -> Answer:
    """The answer to a lead that is stored.

    Args:
        status: `accepted` or `duplicate`.
        lead_id: Of the lead; of a duplicate's first lead.
        correlation_id: Likewise.
        request_id: Correlation id of this very post, for the response header.
    """
    body = b'{"status":"%b","lead_id":%d,"correlation_id":"%b"}' % (
        status.encode(),
        lead_id,
        correlation_id.encode(),
    )
    return Answer(200, _headers(body, request_id), body)


def refused(refusal: Refusal, correlation_id: UUID | str) -> Answer:
    """The answer to a post that is not accepted."""
    body = orjson.dumps(
        {
            "status": "error",
            "code": refusal.code,
            "message": refusal.message,
            "correlation_id": str(correlation_id),
        }
    )
    headers = [*_headers(body, str(correlation_id)), *refusal.headers]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    return Answer(refusal.status, headers, body)


def _headers(body: bytes, correlation_id: str) -> list[tuple[bytes, bytes]]:
    return [_JSON, (b"content-length", b"%d" % len(body)), (b"x-correlation-id", correlation_id.encode())]
