"""The compiled form of a LeadRoute: immutable, complete, and cheap to evaluate.

`compile` makes it once per accepted generation; webhook and worker only read it. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from leadgateway.json import JsonValue
from leadgateway.route.expression import Expression
from leadgateway.route.path import DotPath
from leadgateway.route.pattern import Pattern

RouteKey = str
"""`namespace/name` of the LeadRoute: what leads are stored under; stable while the path may change."""


@dataclass(frozen=True, slots=True)
class Required:
    """Every path is present and neither null nor a blank string."""

    paths: tuple[DotPath, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """The value is a string and the pattern matches the whole of it."""

    path: DotPath
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Equals:
    """The value equals `value` as JSON does: 1 is not true, 1 is 1.0."""

    path: DotPath
    value: JsonValue


@dataclass(frozen=True, slots=True)
class OneOf:
    """The value equals one of `values` as JSON does."""

    path: DotPath
    values: tuple[JsonValue, ...]


@dataclass(frozen=True, slots=True)
class InRange:
    """The value is a number (not a boolean) within the bounds, both inclusive."""

    path: DotPath
    minimum: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class Holds:
    """The CEL expression evaluates to true; an error counts as false."""

    expression: Expression


Check = Required | Matches | Equals | OneOf | InRange | Holds


@dataclass(frozen=True, slots=True)
class Rule:
    """One check and the code a lead is rejected with when it fails."""

    code: str
    check: Check


@dataclass(frozen=True, slots=True)
class FromPath:
    """A mapping source: the value at a path of the lead."""

    path: DotPath


@dataclass(frozen=True, slots=True)
class Constant:
    """A mapping source: always the same value."""

    value: JsonValue


@dataclass(frozen=True, slots=True)
class Computed:
    """A mapping source: the result of a CEL expression; an error means missing."""

    expression: Expression


Source = FromPath | Constant | Computed
TargetType = Literal["string", "integer", "number", "boolean", "email", "phone", "date"]


@dataclass(frozen=True, slots=True)
class Target:
    """One field of the payload: where its value comes from and what it must be."""

    path: tuple[str, ...]
    source: Source
    type: TargetType | None
    required: bool
    default: JsonValue  # None: no default
    enum: tuple[JsonValue, ...] | None
    pattern: Pattern | None
    minimum: float | None
    maximum: float | None
    region: str  # ISO 3166 region for phone numbers without a country code

    @property
    def name(self) -> str:
        """The target as written in the LeadRoute, dots for nesting."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Deduplication:
    """Leads whose normalised values at `paths` agree within `window` are one lead."""

    paths: tuple[DotPath, ...]
    window: timedelta


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A key of a Secret in the LeadRoute's own namespace."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Header:
    """An extra request header: a literal value, or the Secret key that holds it (exactly one is set)."""

    name: str
    value: str | None
    secret: SecretReference | None


@dataclass(frozen=True, slots=True)
class Intake:
    """What the webhook asks of a post to this route."""

    shared_secrets: tuple[SecretReference, ...]
    shared_secret_field: DotPath | None
    requests_per_minute: int | None
    deduplication: Deduplication | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how the worker delivers."""

    url: str
    token: SecretReference | None
    headers: tuple[Header, ...]
    timeout: timedelta
    concurrency: int
    allow_private_networks: bool


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed attempt is repeated: `initial_delay * factor**n`, at most `max_delay`, ± `jitter`."""

    max_retries: int
    initial_delay: timedelta
    factor: float
    max_delay: timedelta
    jitter: float
    statuses: frozenset[int]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long contents (`payload`) and then the bare record are kept."""

    payload: timedelta
    records: timedelta


@dataclass(frozen=True, slots=True)
class Example:
    """An inline test of the LeadRoute: exactly one of `deliver` and `reject` is set."""

    name: str
    lead: Mapping[str, JsonValue]
    deliver: Mapping[str, JsonValue] | None
    reject: str | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """The values behind a route's Secret references, in the references' order. Never logged, never in a repr."""

    shared_secrets: tuple[str, ...] = field(default=(), repr=False)
    token: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class RouteSnapshot:
    """A whole route, ready to serve. `credentials` are filled in by the route table, not by `compile`."""

    namespace: str
    name: str
    path: str
    default: bool
    paused: bool
    intake: Intake
    evaluate: Literal["received", "normalized"]
    rules: tuple[Rule, ...]
    mapping: tuple[Target, ...]
    endpoint: Endpoint
    retry: RetryPolicy
    retention: Retention
    examples: tuple[Example, ...]
    config_hash: str = ""
    credentials: Credentials = Credentials()

    @property
    def key(self) -> RouteKey:
        """What leads of this route are stored under."""
        return f"{self.namespace}/{self.name}"
