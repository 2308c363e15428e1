"""What the pipeline decides about a lead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from leadgateway.json import JsonValue

MISSING_REQUIRED_FIELD = "MISSING_REQUIRED_FIELD"
"""The code of a lead that lacks what a required target needs (from the seed system's contract)."""

OmissionReason = Literal["missing", "wrong_type", "not_in_enum", "pattern_mismatch", "out_of_range"]
"""Why a target field was left out; stable, since audits are searched by it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The lead is not to be delivered.

    Attributes:
        code: The code of the rule that failed, or MISSING_REQUIRED_FIELD for a required target.
        field: The path in the lead, or the required target, that decided it; None if a CEL rule did.
        message: A sentence about it that repeats nothing of the lead.
    """

    code: str
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Omission:
    """An optional target field that was left out of the payload, by name, and why."""

    target: str
    reason: OmissionReason


@dataclass(frozen=True, slots=True)
class Mapped:
    """The lead is to be delivered as `payload`; `omitted` names the optional targets it lacks, in the route's order."""

    payload: dict[str, JsonValue] = field(repr=False)  # a person's data: kept out of logs
    omitted: tuple[Omission, ...]


Decision: TypeAlias = Rejected | Mapped
