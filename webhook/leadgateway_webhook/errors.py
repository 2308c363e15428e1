"""Why a post is not accepted: one exception type a cause, each with its status, its stable code and a sentence.

`answers.py` turns them into responses, `openapi.py` into the documented ones; nothing else knows a status. A source may
rely on the codes; the sentences are for people and may change.
"""

from __future__ import annotations

import math
from http import HTTPStatus


class Refusal(Exception):
    """A post that is answered with an error. The docstring of each cause is its default sentence.

    Attributes:
        status: The HTTP status.
        code: What programs tell the causes apart by.
        retry_after: Seconds after which the same post may succeed; None when it never will as it is.
        headers: Further response headers.
    """

    status: HTTPStatus
    code: str
    retry_after: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self, message: str = "") -> None:
        self.message = message or str(type(self).__doc__)
        super().__init__(self.message)


class InvalidBody(Refusal):
    """The body is not a JSON object that can be read as a lead."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_json"

    def __init__(self, code: str, message: str) -> None:
        """Carry on the pipeline's own code, which says what is wrong with the body."""
        super().__init__(message)
        self.code = code


class InvalidIdempotencyKey(Refusal):
    """The header Idempotency-Key must be given once and hold 1 to 255 visible ASCII characters without spaces."""

    status = HTTPStatus.BAD_REQUEST
    code = "invalid_idempotency_key"


class MalformedRequest(Refusal):
    """The bytes received are not a valid HTTP/1.1 request."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed_request"


class Unauthorized(Refusal):
    """The shared secret is missing or wrong: send it in the header X-Shared-Secret, or in the route's field."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"
    headers = ((b"www-authenticate", b'SharedSecret realm="leads"'),)


class RouteNotFound(Refusal):
    """No route takes leads at this path: check it against status.url of the LeadRoute."""

    status = HTTPStatus.NOT_FOUND
    code = "route_not_found"


class PageNotFound(Refusal):
    """There is nothing at this path: leads are posted to /webhooks/leads/ or /webhooks/leads/{path}."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class MethodNotAllowed(Refusal):
    """Leads are sent with the method POST."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"

    def __init__(self, allowed: str = "POST") -> None:
        """Name what is allowed, as RFC 9110 section 15.5.6 demands."""
        super().__init__()
        self.headers = ((b"allow", allowed.encode()),)


class RequestTimeout(Refusal):
    """The request did not arrive whole in time: send it again, in one go."""

    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"


class BodyTooLarge(Refusal):
    """The body is larger than this gateway takes."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        """Name the limit, in bytes."""
        super().__init__(f"The body is larger than {limit} bytes, the most this gateway takes.")


class UnsupportedMediaType(Refusal):
    """The Content-Type must be application/json (or end in +json), and its charset, if any, utf-8."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class UnsupportedContentEncoding(Refusal):
    """The body must be sent as it is: leave Content-Encoding out or send identity."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_content_encoding"
    headers = ((b"accept-encoding", b"identity"),)


class IdempotencyKeyReused(Refusal):
    """This Idempotency-Key came with another body before: a new lead needs a new key."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "idempotency_key_reused"


class RateLimited(Refusal):
    """More posts a minute than this route takes."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"

    def __init__(self, retry_after: float) -> None:
        """Say when the next post may pass, in seconds from now."""
        self.retry_after = max(math.ceil(retry_after), 1)
        super().__init__(f"More posts a minute than this route takes: try again in {self.retry_after} s.")


class HeadTooLarge(Refusal):
    """The request line and headers are larger than this gateway takes."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    code = "head_too_large"


class Defect(Refusal):
    """The gateway failed on this post through a fault of its own: the correlation id finds it in its log."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal_error"


class RouteNotLoaded(Refusal):
    """This process has not loaded the configuration of this path yet: try again shortly."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "route_not_loaded"
    retry_after = 2


class DatabaseUnavailable(Refusal):
    """The lead could not be stored now: send it again, with the same Idempotency-Key if it has one."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "database_unavailable"
    retry_after = 3


class Overloaded(Refusal):
    """More is arriving than can be stored: send it again shortly."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "overloaded"
    retry_after = 2
