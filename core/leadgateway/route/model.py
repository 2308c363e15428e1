"""The LeadRoute as its author writes it: the one source of the CRD, the documentation and the first check.

Bounds, defaults and descriptions stand here once; `crd` generates the CustomResourceDefinition from them, so that the
API server refuses what this model refuses. What neither can say (does the pattern compile? is the default of the
declared type?) is left to `compile`, which speaks about everything it finds at once.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator
from pydantic import JsonValue as FreeJson
from pydantic.alias_generators import to_camel
from pydantic.json_schema import WithJsonSchema

from leadgateway.route.duration import DURATION_PATTERN, parse_duration
from leadgateway.route.expression import MAX_EXPRESSION_LENGTH
from leadgateway.route.path import MAX_PATH_LENGTH
from leadgateway.route.pattern import MAX_PATTERN_LENGTH
from leadgateway.route.schema import CelRule, list_keys, list_set, one_of, rules

GROUP: Final = "leadgateway.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "LeadRoute"

MAX_NAME_LENGTH: Final = 100
"""Of metadata.name: it is the default path, and part of the names of ConfigMap keys."""

NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
"""A DNS subdomain, RFC 1123: how Kubernetes names things."""

NAMESPACE_PATTERN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
"""A DNS label, RFC 1123."""


class Model(BaseModel):
    """What all parts of a LeadRoute share: camelCase outside, unknown fields refused, immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        regex_engine="rust-regex",
        hide_input_in_errors=True,
        strict=True,
    )


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _integer_or_text(value: object) -> int | str:
    if isinstance(value, str) and len(value) <= 256:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    message = "write an integer, or a string of at most 256 characters"
    raise ValueError(message)


Duration: TypeAlias = Annotated[
    str,
    Field(
        max_length=10,
        json_schema_extra={
            "pattern": DURATION_PATTERN,
            **rules(
                CelRule(
                    f"self.matches('{DURATION_PATTERN}')",
                    "write a whole number and one unit (ms, s, m, h or d), like 30s or 90d",
                )
            ),
        },
    ),
    AfterValidator(_duration),
]
Path: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_PATH_LENGTH)]
PatternText: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_LENGTH)]
Cel: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_LENGTH)]
Code: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
Json: TypeAlias = Annotated[FreeJson, WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True})]
JsonObject: TypeAlias = Annotated[
    dict[str, FreeJson],
    Field(max_length=256),
    WithJsonSchema({"type": "object", "maxProperties": 256, "x-kubernetes-preserve-unknown-fields": True}),
]
IntegerOrText: TypeAlias = Annotated[
    int | str,
    PlainValidator(_integer_or_text),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 256}),
]
Number: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class SecretKeyReference(Model):
    """A key of a Secret in the LeadRoute's own namespace, labelled `leadgateway.io/credentials: "true"`."""

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=253, examples=["solar-saarland"])]
    """Name of the Secret."""

    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253, examples=["token"])]
    """Key in the Secret's data."""


class RateLimit(Model):
    """How many posts the route takes; more are answered 429 with Retry-After."""

    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000, examples=[100])]
    """Posts a minute, over all webhook processes together."""


class Deduplicate(Model):
    """When two leads are the same lead: the second is answered with the first one's ids and not delivered."""

    fields: Annotated[
        list[Path],
        Field(min_length=1, max_length=16, examples=[["email", "address.zip"]], json_schema_extra=list_set()),
    ]
    """Dot paths whose normalised values must all agree. A lead that lacks one of them is never a duplicate."""

    window: Annotated[Duration, Field(examples=["24h"])]
    """How long a lead is remembered, 1s to 365d."""


class Source(Model):
    """What is asked of a post before its lead is accepted."""

    shared_secrets: Annotated[
        list[SecretKeyReference], Field(max_length=2, json_schema_extra=list_keys("name", "key"))
    ] = []
    """One secret, or two while rotating: a post must carry one of them, in the header X-Shared-Secret or in the
    body's `sharedSecretField`. None: posts are not authenticated."""

    shared_secret_field: Annotated[Path | None, Field(examples=["google_key"])] = None
    """Dot path of the body's field that may carry the shared secret, for sources that can't set headers. Its value is
    redacted before the lead is stored."""

    rate_limit: RateLimit | None = None
    """Limits the posts of this route. None: no limit."""

    deduplicate: Deduplicate | None = None
    """Recognises a lead that comes twice. None: each post is a lead."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            CelRule(
                "!has(self.sharedSecretField) || (has(self.sharedSecrets) && size(self.sharedSecrets) > 0)",
                "sharedSecretField needs sharedSecrets to compare its value with",
            )
        )
    )


class Range(Model):
    """Bounds of a number, both inclusive; at least one is set."""

    min: Annotated[Number | None, Field(examples=[18])] = None
    """Smallest number that passes."""

    max: Annotated[Number | None, Field(examples=[99])] = None
    """Largest number that passes."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            CelRule("has(self.min) || has(self.max)", "a range needs min, max or both"),
            CelRule("!has(self.min) || !has(self.max) || self.min <= self.max", "min must not be above max"),
        )
    )


class Rule(Model):
    """One check of a lead and the code it is rejected with when the check fails."""

    code: Annotated[Code, Field(examples=["ZIP_NOT_66XXX"])]
    """Stands in the audit, in metrics and in `reject` of tests: capitals, digits and underscores."""

    field: Annotated[Path | None, Field(examples=["address.zip"])] = None
    """Dot path of the value that `matches`, `equals`, `in` or `range` checks. A missing value fails."""

    required: Annotated[
        list[Path] | None,
        Field(min_length=1, max_length=64, examples=[["address.zip"]], json_schema_extra=list_set()),
    ] = None
    """Check: there is a value at each of these dot paths, neither null nor a blank string."""

    matches: Annotated[PatternText | None, Field(examples=[r"^66\d{3}$"])] = None
    """Check: the value is a string and this pattern (RE2 syntax) matches the whole of it."""

    equals: Annotated[Json, Field(examples=[True])] = None
    """Check: the value equals this one as JSON does; 1 is not true, "1" is not 1."""

    in_: Annotated[
        list[Json] | None,
        Field(
            alias="in",
            min_length=1,
            max_length=1000,
            examples=[["house", "flat"]],
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = None
    """Check: the value equals one of these as JSON does."""

    range: Range | None = None
    """Check: the value is a number within these bounds."""

    cel: Annotated[Cel | None, Field(examples=["lead.budget >= 5000"])] = None
    """Check: this CEL expression over `lead` is true. A missing field or any other error makes it false."""

    model_config = ConfigDict(
        json_schema_extra=one_of("matches", "equals", "in", "range", "required", "cel")
        | rules(
            CelRule(
                "[has(self.required), has(self.matches), has(self.range), has(self.cel)].filter(x, x).size() <= 1",
                "a rule makes exactly one check: required, matches, equals, in, range or cel; split it into several",
            ),
            CelRule(
                "has(self.field) != (has(self.required) || has(self.cel))",
                "matches, equals, in and range need field, the dot path they check; required and cel go without it",
            ),
        )
    )


class Validation(Model):
    """Which leads are wanted."""

    evaluate: Annotated[Literal["received", "normalized"], Field(examples=["received"])] = "received"
    """What the rules see: the lead as received, or normalized (strings trimmed, e-mail addresses in lower case,
    booleans converted from what people send)."""

    rules: Annotated[list[Rule], Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"})] = []
    """Checked in this order; the first that fails rejects the lead with its code."""


class Target(Model):
    """Where one field of the payload comes from and what it must be."""

    from_: Annotated[Path | None, Field(alias="from", examples=["address.zip"])] = None
    """Source: dot path into the normalised lead; digits index lists, as in `answers.0.text`."""

    value: Annotated[Json, Field(examples=["Solaranlage"])] = None
    """Source: always this value."""

    cel: Annotated[
        Cel | None, Field(examples=['lead.user_column_data.filter(c, c.column_id == "EMAIL")[0].string_value'])
    ] = None
    """Source: the result of this CEL expression over `lead`, the normalised lead. An error means missing."""

    type: Annotated[
        Literal["string", "integer", "number", "boolean", "email", "phone", "date"] | None,
        Field(examples=["boolean"]),
    ] = None
    """What the value is converted to: phone to E.164, date to YYYY-MM-DD. None: the value is taken as it is."""

    required: Annotated[bool, Field(examples=[True])] = False
    """Whether a lead without a valid value is rejected with MISSING_REQUIRED_FIELD. Otherwise the field is left out."""

    default: Annotated[Json, Field(examples=["unknown"])] = None
    """Taken when the source has no value."""

    enum: Annotated[
        list[IntegerOrText] | None,
        Field(
            min_length=1,
            max_length=256,
            examples=[["house", "flat"]],
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = None
    """The values that are valid, strings or integers."""

    pattern: Annotated[PatternText | None, Field(examples=[r"^\d{5}$"])] = None
    """Valid values are strings that this pattern (RE2 syntax) matches as a whole."""

    min: Annotated[Number | None, Field(examples=[0])] = None
    """Smallest valid number."""

    max: Annotated[Number | None, Field(examples=[100])] = None
    """Largest valid number."""

    region: Annotated[str | None, Field(pattern=r"^[A-Z]{2}$", max_length=2, examples=["DE"])] = None
    """For type phone: the ISO 3166 country of numbers that come without a country code. None: DE."""

    model_config = ConfigDict(
        json_schema_extra=one_of("from", "value", "cel")
        | rules(
            CelRule("!(has(self.from) && has(self.cel))", "a target has exactly one source: from, value or cel"),
            CelRule("!has(self.min) || !has(self.max) || self.min <= self.max", "min must not be above max"),
            CelRule(
                "!has(self.region) || (has(self.type) && self.type == 'phone')", "region belongs to type phone only"
            ),
        )
    )


class Header(Model):
    """An extra header of each delivery."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
            max_length=128,
            examples=["X-Source"],
        ),
    ]
    """Name of the header (RFC 9110 token), none of the gateway's own: Host, Content-Type, Idempotency-Key …"""

    value: Annotated[
        str | None,
        Field(pattern=r"^[!-~]([ \t!-~]*[!-~])?$", max_length=1024, examples=["web"]),
    ] = None
    """Its value, in ASCII. Not for secrets: those go into `secretKeyRef`."""

    secret_key_ref: SecretKeyReference | None = None
    """The Secret key that holds its value."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            CelRule("has(self.value) != has(self.secretKeyRef)", "a header has exactly one of value and secretKeyRef")
        )
    )


class Endpoint(Model):
    """The customer's HTTP API, and how it is called: one POST of a JSON object for each lead."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            examples=["https://customer.example/lead/receive"],
            json_schema_extra=rules(
                CelRule("self.matches('^https?://[^/?#]')", "begin the URL with https:// (or http://) and a host"),
                CelRule(
                    "!self.matches('^[a-z]+://[^/?#]*@')",
                    "the URL must hold no credentials; use token or headers with a Secret",
                ),
                CelRule("!self.matches('[[:space:]#]')", "the URL must hold neither spaces nor a fragment (#)"),
            ),
        ),
    ]
    """Where leads are posted to: http or https, without credentials in it. Redirects are not followed."""

    token: SecretKeyReference | None = None
    """The Secret key whose value is sent as `Authorization: Bearer`."""

    headers: Annotated[list[Header], Field(max_length=32, json_schema_extra=list_keys("name"))] = []
    """Extra headers of each delivery."""

    timeout: Annotated[Duration, Field(examples=["10s"])] = "10s"
    """One deadline over the whole exchange, 100ms to 2m."""

    concurrency: Annotated[int, Field(ge=1, le=256, examples=[16])] = 16
    """Deliveries in flight per worker. A slow customer occupies these slots and no others."""

    allow_private_networks: Annotated[bool, Field(examples=[False])] = False
    """Whether the endpoint may lie at a private or loopback address. Needs the installation's permission too;
    link-local addresses are never called."""


class Retry(Model):
    """When a failed delivery is repeated: after 5xx, timeouts, connection errors and `retryStatuses`."""

    max_retries: Annotated[int, Field(ge=0, le=20, examples=[5])] = 5
    """Attempts after the first one; then the lead is PERMANENTLY_FAILED."""

    initial_delay: Annotated[Duration, Field(examples=["30s"])] = "30s"
    """Wait before the first retry, up to 24h."""

    factor: Annotated[Number, Field(ge=1, le=10, examples=[2])] = 2
    """Each wait is this many times the one before."""

    max_delay: Annotated[Duration, Field(examples=["480s"])] = "480s"
    """Longest wait, also for a Retry-After of the customer; up to 7d."""

    jitter: Annotated[Number, Field(ge=0, le=1, examples=[0.1])] = 0
    """Part of each wait that is random: 0.1 makes 30s anything from 27s to 33s."""

    retry_statuses: Annotated[
        list[Annotated[int, Field(ge=400, le=499)]],
        Field(max_length=32, examples=[[408, 429]], json_schema_extra=list_set()),
    ] = []
    """4xx statuses that are retried too; every other one ends the delivery at once."""


class Retention(Model):
    """How long leads are kept."""

    payload: Annotated[Duration, Field(examples=["90d"])] = "90d"
    """How long a lead's contents are kept, 1h to 3650d, counted from its end; longer than its retries take."""

    records: Annotated[Duration, Field(examples=["365d"])] = "365d"
    """How long the bare record (states, times, codes) is kept, 1h to 3650d; not shorter than payload."""


class Test(Model):
    """An example that proves the route. A generation whose examples fail is not accepted."""

    __test__ = False  # not for pytest

    name: Annotated[str, Field(min_length=1, max_length=128, examples=["a homeowner in 66123"])]
    """What the example shows."""

    lead: Annotated[JsonObject, Field(examples=[{"email": "a@example.com", "address": {"zip": "66123"}}])]
    """A lead as it is posted."""

    deliver: Annotated[JsonObject | None, Field(examples=[{"customer_email": "a@example.com"}])] = None
    """The payload it becomes, compared exactly."""

    reject: Annotated[Code | None, Field(examples=["NOT_HOMEOWNER"])] = None
    """The code it is rejected with."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            CelRule("has(self.deliver) != has(self.reject)", "a test has exactly one of deliver and reject")
        )
    )


class LeadRouteSpec(Model):
    """What to do with a lead: whom it is taken from, which are wanted, what becomes of it and where it goes."""

    path: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=MAX_NAME_LENGTH,
            examples=["solar-saarland"],
            json_schema_extra=rules(
                CelRule(
                    "self.matches('^[a-z0-9]([-a-z0-9._]*[a-z0-9])?$')",
                    "a path is one segment of lower-case letters, digits, '-', '.' and '_', like solar-saarland",
                )
            ),
        ),
    ] = None
    """Leads are posted to /webhooks/leads/<path>. One segment, unique in the gateway. None: metadata.name."""

    default: Annotated[bool, Field(examples=[True])] = False
    """Whether the route also takes posts to /webhooks/leads/ ; at most one route of the gateway does."""

    paused: Annotated[bool, Field(examples=[False])] = False
    """While true, leads are accepted and wait; none is delivered."""

    source: Source = Source()
    """What is asked of a post before its lead is accepted."""

    validation: Validation = Validation()
    """Which leads are wanted."""

    mapping: Annotated[dict[str, Target], Field(min_length=1, max_length=128)]
    """The payload: target fields and where they come from. Dots in a name nest: product.name becomes
    {"product": {"name": …}}."""

    endpoint: Endpoint
    """The customer's HTTP API."""

    retry: Retry = Retry()
    """When a failed delivery is repeated."""

    retention: Retention = Retention()
    """How long leads are kept."""

    tests: Annotated[list[Test], Field(max_length=64, json_schema_extra=list_keys("name"))] = []
    """Examples that prove the route; they run before a generation is accepted."""


class Condition(Model):
    """One aspect of the LeadRoute's state."""

    type: Annotated[str, Field(max_length=316, examples=["Ready"])]
    """Which aspect: Accepted, TestsPassed, Programmed, Ready or Delivering."""

    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""

    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation this was said about."""

    last_transition_time: Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
    """When `status` changed last."""

    reason: Annotated[str, Field(pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", max_length=1024)]
    """Why, in one CamelCase word."""

    message: Annotated[str, Field(max_length=32768)]
    """Why, in sentences, and what to do."""


class Replicas(Model):
    """Pods that have loaded this configuration, of those there are."""

    webhook: Annotated[str | None, Field(max_length=32, examples=["2/2"])] = None
    """Webhook pods, loaded/all."""

    worker: Annotated[str | None, Field(max_length=32, examples=["3/3"])] = None
    """Worker pods, loaded/all."""


class LeadRouteStatus(Model):
    """What has become of the LeadRoute; written by the operator."""

    model_config = ConfigDict(extra="ignore")

    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation this status is about."""

    conditions: Annotated[list[Condition], Field(max_length=16, json_schema_extra=list_keys("type"))] = []
    """Accepted, TestsPassed, Programmed, Ready, and Delivering: whether leads are sent to the customer as they come."""

    url: Annotated[str | None, Field(max_length=512, examples=["/webhooks/leads/solar-saarland"])] = None
    """Where leads are posted to."""

    config_hash: Annotated[str | None, Field(max_length=64, examples=["9f2c4a1be07d3c55"])] = None
    """Stands for the configuration that runs, credentials included; leads and attempts carry it."""

    replicas: Replicas | None = None
    """How many pods run it."""


class Metadata(Model):
    """What is read of an object's metadata; the rest belongs to Kubernetes."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(pattern=NAME_PATTERN, max_length=MAX_NAME_LENGTH)]
    """Name, unique in its namespace."""

    namespace: Annotated[str, Field(pattern=NAMESPACE_PATTERN, max_length=63)] = "default"
    """Namespace; files may leave it out."""

    generation: int | None = None
    """Counts changes of the spec."""


class LeadRoute(Model):
    """What to do with the leads of one customer."""

    api_version: Literal["leadgateway.io/v1alpha1"]
    """Version of this schema."""

    kind: Literal["LeadRoute"]
    """LeadRoute."""

    metadata: Metadata
    """Its name and namespace."""

    spec: LeadRouteSpec
    """What to do with a lead."""

    status: LeadRouteStatus | None = None
    """What has become of it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            CelRule(
                f"size(self.metadata.name) <= {MAX_NAME_LENGTH}",
                f"metadata.name has at most {MAX_NAME_LENGTH} characters: it is the route's default path",
            )
        )
    )

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"


def normalised_spec(spec: LeadRouteSpec) -> dict[str, Any]:
    """Write a spec without what equals its default, so that it does not matter who filled the defaults in.

    Args:
        spec: As read from a file or the API.

    Returns:
        JSON that `LeadRouteSpec.model_validate` reads back to an equal spec.
    """
    return spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
