"""Every answer has one of two shapes, and every cause of a refusal a status and a stable code."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from leadgateway_webhook import answers, errors
from leadgateway_webhook.errors import Refusal

ID = "550e8400-e29b-41d4-a716-446655440000"
STABLE_CODES = {
    "invalid_idempotency_key": 400,
    "malformed_request": 400,
    "unauthorized": 401,
    "route_not_found": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "unsupported_content_encoding": 415,
    "idempotency_key_reused": 422,
    "rate_limited": 429,
    "head_too_large": 431,
    "internal_error": 500,
    "route_not_loaded": 503,
    "database_unavailable": 503,
    "overloaded": 503,
}
REFUSALS = [
    errors.InvalidBody("too_deep", "The body nests deeper than 64 levels."),
    errors.BodyTooLarge(1024),
    errors.RateLimited(0.2),
    errors.MethodNotAllowed(),
    *(
        cause()
        for cause in Refusal.__subclasses__()
        if cause not in (errors.InvalidBody, errors.BodyTooLarge, errors.RateLimited, errors.MethodNotAllowed)
    ),
]


def test_an_accepted_lead_is_answered_in_exactly_this_form() -> None:
    answer = answers.stored("accepted", 123, ID, request_id=ID)

    assert answer.status == 200
    assert answer.body == b'{"status":"accepted","lead_id":123,"correlation_id":"%b"}' % ID.encode()


def test_a_duplicate_names_the_first_lead_and_the_header_this_post() -> None:
    answer = answers.stored("duplicate", 7, ID, request_id="018f3c5e-0000-7000-8000-000000000000")

    assert json.loads(answer.body) == {"status": "duplicate", "lead_id": 7, "correlation_id": ID}
    assert dict(answer.headers)[b"x-correlation-id"] == b"018f3c5e-0000-7000-8000-000000000000"


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.code)
def test_a_refusal_says_what_for_programs_and_for_people(refusal: Refusal) -> None:
    answer = answers.refused(refusal, UUID(ID))
    headers = dict(answer.headers)
    body = json.loads(answer.body)

    assert body == {"status": "error", "code": refusal.code, "message": refusal.message, "correlation_id": ID}
    assert body["message"].endswith(".")
    assert len(body["message"]) > 20
    assert headers[b"content-length"] == b"%d" % len(answer.body)
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-correlation-id"] == ID.encode()


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.code)
def test_who_may_try_again_is_told_when(refusal: Refusal) -> None:
    headers = dict(answers.refused(refusal, UUID(ID)).headers)

    assert (b"retry-after" in headers) == (refusal.status in (429, 503))
    assert int(headers.get(b"retry-after", b"1")) >= 1


def test_codes_and_statuses_stay_as_they_are() -> None:
    codes = {cause.code: int(cause.status) for cause in Refusal.__subclasses__() if cause is not errors.InvalidBody}

    assert codes == STABLE_CODES
    assert errors.InvalidBody.status == 400


def test_a_refusal_by_method_names_the_one_that_is_allowed() -> None:
    assert dict(answers.refused(errors.MethodNotAllowed(), ID).headers)[b"allow"] == b"POST"


def test_a_refusal_for_a_secret_says_how_to_authenticate() -> None:
    assert b"www-authenticate" in dict(answers.refused(errors.Unauthorized(), ID).headers)
