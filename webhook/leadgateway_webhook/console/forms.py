"""What people send in forms: read within bounds, and only from a form that was given to them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request

from leadgateway_webhook.console.access import Access, Principal

TOKEN_FIELD = "form_token"  # noqa: S105 - the name of a field
MOST_BYTES = 4 * 1024 * 1024
"""A pasted lead of a megabyte, percent-encoded."""
_MOST_FIELDS = 100


async def read_form(request: Request) -> Mapping[str, str]:
    """Read the fields of a form; of two with one name the last one counts.

    Raises:
        HTTPException: It is no form, or too large (400, 413, 415).
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send it as application/x-www-form-urlencoded.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="surrogateescape"
        )
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The form can't be read.") from None
    return dict(fields)


async def read_own_form(request: Request, access: Access, principal: Principal) -> Mapping[str, str]:
    """Read a form that was given to `principal`, who therefore meant to send it.

    Raises:
        HTTPException: As `read_form`; or it is somebody else's, or of a session that has ended (403).
    """
    fields = await read_form(request)
    if not access.is_form_of(principal, fields.get(TOKEN_FIELD, "")):
        raise HTTPException(
            HTTPStatus.FORBIDDEN, "This form is from another session. Go back, load the page again, and repeat it."
        )
    return fields
