"""From a post to the lead that is stored: who sends it, what it holds, and what of it is kept. Pure functions."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from leadgateway.json import JsonValue
from leadgateway.pipeline.deduplication import deduplication_key
from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.route.snapshot import RouteSnapshot
from leadgateway.store.intake import NewLead
from leadgateway_webhook.authentication import as_presented, is_authentic
from leadgateway_webhook.errors import InvalidBody, RouteNotLoaded, Unauthorized
from leadgateway_webhook.head import Headers, idempotency_key
from leadgateway_webhook.redaction import redact_field, redact_headers


def authenticate_head(route: RouteSnapshot, headers: Headers) -> bool:
    """Whether a post is known to be authentic by its head; False if its body must say so.

    A header that is sent decides alone, also where the route takes a field of the body.

    Raises:
        Unauthorized: The header is wrong, or missing where only it can carry the secret.
        RouteNotLoaded: The route asks for a secret that is not here. (The table never serves such a route; nothing
            less than a defect there must open a closed route.)
    """
    if not route.intake.shared_secrets:
        return True
    secrets = route.credentials.shared_secrets
    if not secrets:
        raise RouteNotLoaded
    presented = headers.get(b"x-shared-secret")
    if presented is None and route.intake.shared_secret_field is not None:
        return False
    if not is_authentic(presented or b"", secrets):
        raise Unauthorized
    return True


def admit(
    route: RouteSnapshot,
    body: bytes,
    headers: Headers,
    *,
    correlation_id: UUID,
    is_known: bool,
    key_lifetime: timedelta,
) -> NewLead:
    """Read the body of a post, and make of it what is to be stored.

    Args:
        route: Where it was posted to.
        body: As it came.
        headers: Of the post.
        correlation_id: Of the post.
        is_known: Whether its head was authentic.
        key_lifetime: How long an Idempotency-Key is remembered.

    Raises:
        InvalidBody: It is no lead.
        InvalidIdempotencyKey: The header of that name is malformed.
        Unauthorized: The secret in its field is wrong or missing.
    """
    lead = _parse(body)
    if not is_known:
        _authenticate_lead(route, lead)
    secret_field, deduplication = route.intake.shared_secret_field, route.intake.deduplication
    key = None if deduplication is None else deduplication_key(lead, route)
    return NewLead(
        route=route.key,
        correlation_id=correlation_id,
        body=body if secret_field is None else redact_field(body, secret_field.segments),
        headers=redact_headers(headers),
        config_hash=route.config_hash,
        dedup_key=key,
        dedup_window=None if deduplication is None or key is None else deduplication.window,
        idempotency_key=idempotency_key(headers),
        idempotency_window=key_lifetime,
    )


def _parse(body: bytes) -> dict[str, JsonValue]:
    try:
        return parse_lead(body)
    except InvalidLead as error:
        raise InvalidBody(error.code, error.sentence) from None


def _authenticate_lead(route: RouteSnapshot, lead: dict[str, JsonValue]) -> None:
    field = route.intake.shared_secret_field
    presented = None if field is None else field.lookup(lead)
    if not is_authentic(as_presented(presented), route.credentials.shared_secrets):
        raise Unauthorized
