"""A lead as it arrives, and what can become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from leadgateway.route.snapshot import RouteKey
from leadgateway.store.errors import RowRefused


@dataclass(frozen=True, slots=True)
class NewLead:
    """A lead that was checked by the webhook and is to be stored.

    Attributes:
        route: Key of the route that accepts it.
        correlation_id: From the source or made for it; need not be unique. Ids that grow with time (UUIDv7) keep
            the index small.
        body: As posted, byte for byte.
        headers: As sent, without authentication.
        config_hash: Version of the route that accepted it.
        dedup_key: Digest of what makes another lead a duplicate; None if nothing does.
        dedup_window: How long this lead holds the key. Given if and only if there is a key.
        idempotency_key: What the source calls this post, unique within the route.
        idempotency_window: How long that is remembered.
    """

    route: RouteKey
    correlation_id: UUID
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    config_hash: str
    dedup_key: bytes | None = None
    dedup_window: timedelta | None = None
    idempotency_key: str | None = field(default=None, repr=False)
    idempotency_window: timedelta = timedelta(hours=24)

    def __post_init__(self) -> None:
        if (self.dedup_key is None) != (self.dedup_window is None):
            raise ValueError("a deduplication key and its window are given together or not at all")


@dataclass(frozen=True, slots=True)
class Stored:
    """The lead is on disk, RECEIVED and due."""

    lead_id: int
    correlation_id: UUID


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It had been accepted before: the ids are those of the first. What arrived is kept in `duplicate_lead`."""

    lead_id: int
    correlation_id: UUID


@dataclass(frozen=True, slots=True)
class KeyReused:
    """Nothing was stored: the Idempotency-Key came with another body before."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The database refuses this very lead: a defect of ours. Its neighbours in the batch were stored."""

    error: RowRefused


Answer: TypeAlias = Stored | Duplicate | KeyReused | Refused
