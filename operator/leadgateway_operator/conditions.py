"""The conditions of a LeadRoute and every reason they can have (KEP-1623).

Reasons are part of the API: alerts and scripts match on them, so one is added here and described in docs/operator.md,
never made up where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Truth = Literal["True", "False", "Unknown"]
MAX_MESSAGE = 4096
"""Characters of a condition's message; the CRD allows 32768, but people read them in a terminal."""


class ConditionType(StrEnum):
    """What is said of a LeadRoute."""

    ACCEPTED = "Accepted"
    TESTS_PASSED = "TestsPassed"
    PROGRAMMED = "Programmed"
    READY = "Ready"
    DELIVERING = "Delivering"


class Reason(StrEnum):
    """Why a condition is as it is."""

    # Accepted
    ACCEPTED = "Accepted"
    INVALID = "Invalid"
    PATH_CONFLICT = "PathConflict"
    TOO_LARGE = "TooLarge"
    CREDENTIALS_MISSING = "CredentialsMissing"
    CREDENTIALS_INVALID = "CredentialsInvalid"
    TESTS_FAILED = "TestsFailed"
    NOT_RECORDED = "NotRecorded"
    # TestsPassed
    ALL_PASSED = "AllPassed"
    NO_TESTS = "NoTests"
    EXAMPLE_FAILED = "ExampleFailed"
    NOT_RUN = "NotRun"
    # Programmed
    PROGRAMMED = "Programmed"
    PENDING = "Pending"
    NO_REPLICAS = "NoReplicas"
    UNREACHABLE = "Unreachable"
    NOT_ACCEPTED = "NotAccepted"
    # Ready; otherwise the reason of the condition that keeps it from being ready
    READY = "Ready"
    PAUSED = "Paused"
    # Delivering; also NotAccepted, Paused, NoReplicas and Unreachable
    DELIVERING = "Delivering"
    BREAKER_OPEN = "BreakerOpen"
    # only on Events
    CREDENTIALS_ROTATED = "CredentialsRotated"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as it should be, without the times that only a comparison with the stored one gives."""

    type: ConditionType
    status: Truth
    reason: Reason
    message: str

    @property
    def is_true(self) -> bool:
        """Whether it holds."""
        return self.status == "True"


def clip(message: str) -> str:
    """Shorten a message to what a condition may hold."""
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"


def merge(
    stored: Iterable[Mapping[str, Any]],
    wanted: Iterable[Condition],
    *,
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Build the whole `conditions` list: the time of a transition changes only with its status.

    Args:
        stored: The conditions the object has.
        wanted: The conditions it should have, in the order in which they are to be shown.
        generation: The generation they speak of.
        now: The time of what has changed.
    """
    before = {str(condition.get("type")): condition for condition in stored}
    return [_merged(before.get(condition.type, {}), condition, generation, now) for condition in wanted]


def _merged(stored: Mapping[str, Any], wanted: Condition, generation: int, now: datetime) -> dict[str, Any]:
    same = stored.get("status") == wanted.status and "lastTransitionTime" in stored
    return {
        "type": str(wanted.type),
        "status": wanted.status,
        "observedGeneration": generation,
        "lastTransitionTime": stored["lastTransitionTime"] if same else now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": str(wanted.reason),
        "message": clip(wanted.message),
    }
