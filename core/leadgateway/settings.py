"""What a process is told by its environment: one frozen settings class a concern, checked at the entry point.

Every field can be set by an environment variable, which its description in `--help` and in the README names.
Command line options override the environment.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535, description="0: any free port")]
Seconds = Annotated[float, Field(gt=0)]
Days = Annotated[float, Field(ge=1 / 24, le=3650, description="an hour at the least, as for a LeadRoute's retention")]

_CONFIG = SettingsConfigDict(
    frozen=True,
    extra="ignore",
    populate_by_name=True,
    env_ignore_empty=True,
    defer_build=True,  # no process reads those of all others
)


_OTLP_PROTOCOL = "http/protobuf"


class InvalidSettings(Exception):
    """The environment or an option holds a value that can't be used; the message names each variable."""


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is: `DATABASE_URL`, or the `POSTGRES_*` variables of the seed system."""

    model_config = _CONFIG

    url: SecretStr | None = Field(
        None, alias="DATABASE_URL", description="libpq URL; may name several hosts; wins over POSTGRES_*"
    )
    host: str = Field("localhost", alias="POSTGRES_HOST")
    port: Port = Field(5432, alias="POSTGRES_PORT")
    name: str = Field("lead_gateway", alias="POSTGRES_DB")
    user: str = Field("postgres", alias="POSTGRES_USER")
    password: SecretStr = Field(SecretStr("postgres"), alias="POSTGRES_PASSWORD")


class RedisSettings(BaseSettings):
    """Where Redis or Valkey is: `REDIS_URL`."""

    model_config = _CONFIG

    url: SecretStr = Field(SecretStr("redis://localhost:6379/0"), alias="REDIS_URL")


class LogSettings(BaseSettings):
    """How a process logs."""

    model_config = SettingsConfigDict(**_CONFIG, env_prefix="LEADGATEWAY_LOG_")

    format: Literal["json", "console"] = Field("json", description="LEADGATEWAY_LOG_FORMAT")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="LEADGATEWAY_LOG_LEVEL")
    access: bool = Field(False, description="LEADGATEWAY_LOG_ACCESS: whether the webhook logs a line for every post")


class TracingSettings(BaseSettings):
    """Whether webhook and worker record spans. Where to, and how many of them, OpenTelemetry's own variables say.

    Of those only what would fail silently is looked at here: the SDK tells a thread's log, and nobody at the start.
    """

    model_config = _CONFIG

    enabled: bool = Field(False, alias="LEADGATEWAY_TRACING", description="on or off; needs the extra `tracing`")
    endpoint: str | None = Field(None, alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    traces_endpoint: str | None = Field(None, alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    protocol: str | None = Field(None, alias="OTEL_EXPORTER_OTLP_PROTOCOL")
    traces_protocol: str | None = Field(None, alias="OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        if not self.enabled:
            return self
        if (self.traces_protocol or self.protocol or _OTLP_PROTOCOL) != _OTLP_PROTOCOL:
            raise ValueError(
                "OTEL_EXPORTER_OTLP_PROTOCOL (or …_TRACES_PROTOCOL) asks for another protocol than http/protobuf, the "
                "only one that is spoken: set it to that, and the endpoint to the collector's port for it (4318)"
            )
        endpoint = self.traces_endpoint or self.endpoint
        if endpoint is not None and not endpoint.startswith(("http://", "https://")):
            raise ValueError(
                "OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT) has to be http://… or https://…, such as "
                "http://collector:4318"
            )
        return self


class ProcessSettings(BaseSettings):
    """What webhook, worker and console share."""

    model_config = SettingsConfigDict(**_CONFIG, env_prefix="LEADGATEWAY_")

    config_dir: Path = Field(
        Path("/etc/lead-gateway"), description="folder with the published routes-N and credentials-N folders"
    )
    config_poll_seconds: Seconds = Field(1.0, description="how often the folder is looked at")
    status_host: str = Field("127.0.0.1", description="address of the status port")


class WebhookSettings(ProcessSettings):
    """What the webhook is told, as `LEADGATEWAY_WEBHOOK_…` beside the shared ones."""

    host: str = Field("127.0.0.1", alias="LEADGATEWAY_WEBHOOK_HOST")
    port: Port = Field(8000, alias="LEADGATEWAY_WEBHOOK_PORT")
    status_port: Port = Field(9100, alias="LEADGATEWAY_WEBHOOK_STATUS_PORT")
    max_body_bytes: int = Field(1024 * 1024, ge=1, le=64 * 1024 * 1024, alias="LEADGATEWAY_WEBHOOK_MAX_BODY_BYTES")
    max_queued_leads: int = Field(
        2000, ge=1, alias="LEADGATEWAY_WEBHOOK_MAX_QUEUED_LEADS", description="beyond it: 503"
    )
    max_queued_bytes: int = Field(
        64 * 1024 * 1024, ge=1, alias="LEADGATEWAY_WEBHOOK_MAX_QUEUED_BYTES", description="beyond it: 503"
    )
    answer_seconds: Seconds = Field(
        1.8,
        alias="LEADGATEWAY_WEBHOOK_ANSWER_SECONDS",
        description="a commit that takes longer is answered 503",
    )
    grace_seconds: Seconds = Field(25.0, alias="LEADGATEWAY_WEBHOOK_GRACE_SECONDS")
    replicas: int = Field(
        1,
        ge=1,
        alias="LEADGATEWAY_WEBHOOK_REPLICAS",
        description="number of webhook processes: each takes its share of a rate limit while Redis is away",
    )
    idempotency_key_hours: float = Field(24.0, gt=0, alias="LEADGATEWAY_WEBHOOK_IDEMPOTENCY_KEY_HOURS")


class WorkerSettings(ProcessSettings):
    """What a worker is told, as `LEADGATEWAY_WORKER_…` beside the shared ones."""

    status_port: Port = Field(9101, alias="LEADGATEWAY_WORKER_STATUS_PORT")
    sweep_seconds: Seconds = Field(5.0, alias="LEADGATEWAY_WORKER_SWEEP_SECONDS")
    housekeeping_seconds: Seconds = Field(
        60.0,
        alias="LEADGATEWAY_WORKER_HOUSEKEEPING_SECONDS",
        description="how often expired keys are deleted and retention is applied",
    )
    deleted_route_payload_days: Days = Field(
        90.0,
        alias="LEADGATEWAY_WORKER_DELETED_ROUTE_PAYLOAD_DAYS",
        description="how long the contents of leads are kept whose route was deleted",
    )
    deleted_route_records_days: Days = Field(
        365.0,
        alias="LEADGATEWAY_WORKER_DELETED_ROUTE_RECORDS_DAYS",
        description="how long the records of leads are kept whose route was deleted; contents have no place without",
    )
    breaker_openings_days: Days = Field(
        365.0,
        ge=1,
        alias="LEADGATEWAY_WORKER_BREAKER_OPENINGS_DAYS",
        description="how long it is kept when a route's circuit breaker was open, which explains why leads waited",
    )
    backlog_seconds: Seconds = Field(
        10.0,
        alias="LEADGATEWAY_WORKER_BACKLOG_SECONDS",
        description="how often one of the workers counts what waits in the database, for the metrics; of a million "
        "leads less often, since the count may take a hundredth of the time",
    )
    grace_seconds: Seconds = Field(30.0, alias="LEADGATEWAY_WORKER_GRACE_SECONDS")
    lease_margin_seconds: float = Field(
        30.0,
        ge=1,
        le=3600,
        alias="LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS",
        description="how much longer than a route's timeout the lease of a delivery is",
    )
    # Twice what the largest route may have in flight, since half of what is left is kept for the others.
    max_in_flight: int = Field(512, ge=1, le=10_000, alias="LEADGATEWAY_WORKER_MAX_IN_FLIGHT")
    pass_trace_context: bool = Field(
        False,
        alias="LEADGATEWAY_WORKER_PASS_TRACE_CONTEXT",
        description="whether the customer is sent the trace context that a lead came with, or of the attempt's span",
    )
    allow_private_networks: bool = Field(
        False,
        alias="LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS",
        description="permits routes with allowPrivateNetworks to reach private addresses; link-local never",
    )


class ConsoleSettings(ProcessSettings):
    """What the console is told, as `LEADGATEWAY_CONSOLE_…` beside the shared ones."""

    host: str = Field("127.0.0.1", alias="LEADGATEWAY_CONSOLE_HOST")
    port: Port = Field(8001, alias="LEADGATEWAY_CONSOLE_PORT")
    status_port: Port = Field(9103, alias="LEADGATEWAY_CONSOLE_STATUS_PORT")
    public_url: str | None = Field(
        None,
        alias="LEADGATEWAY_CONSOLE_PUBLIC_URL",
        description="where people open it, such as https://leads.example.com; with https sessions travel over TLS only",
    )
    password: SecretStr | None = Field(
        None, alias="LEADGATEWAY_CONSOLE_PASSWORD", min_length=12, description="signs a person in as an operator"
    )
    viewer_password: SecretStr | None = Field(
        None, alias="LEADGATEWAY_CONSOLE_VIEWER_PASSWORD", min_length=12, description="signs a person in as a viewer"
    )
    token: SecretStr | None = Field(
        None, alias="LEADGATEWAY_CONSOLE_TOKEN", min_length=20, description="Bearer token of an operator, for programs"
    )
    viewer_token: SecretStr | None = Field(
        None, alias="LEADGATEWAY_CONSOLE_VIEWER_TOKEN", min_length=20, description="Bearer token of a viewer"
    )
    session_key: SecretStr | None = Field(
        None,
        alias="LEADGATEWAY_CONSOLE_SESSION_KEY",
        min_length=32,
        description="signs the sessions, the same for all consoles; unset: a new one with each start",
    )
    session_hours: float = Field(12.0, gt=0, le=24 * 31, alias="LEADGATEWAY_CONSOLE_SESSION_HOURS")
    proxy_header: str | None = Field(
        None,
        alias="LEADGATEWAY_CONSOLE_PROXY_HEADER",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        description="header in which an authenticating proxy names the person, such as X-Auth-Request-Email",
    )
    proxy_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), alias="LEADGATEWAY_CONSOLE_PROXY_NETWORKS", description="addresses of that proxy, separated by commas"
    )
    proxy_operators: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        alias="LEADGATEWAY_CONSOLE_PROXY_OPERATORS",
        description="who of those people is an operator, separated by commas, * for all; the others are viewers",
    )
    answer_seconds: Seconds = Field(
        10.0, alias="LEADGATEWAY_CONSOLE_ANSWER_SECONDS", description="a query that takes longer is given up"
    )
    grace_seconds: Seconds = Field(5.0, alias="LEADGATEWAY_CONSOLE_GRACE_SECONDS")

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked of who comes: only ever on an address of this machine."""
        return not (
            self.password or self.viewer_password or self.token or self.viewer_token or self.proxy_header is not None
        )

    @property
    def is_secure(self) -> bool:
        """Whether people reach it over TLS."""
        return (self.public_url or "").startswith("https://")

    @field_validator("proxy_networks", "proxy_operators", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _is_a_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
            raise ValueError("has to be http://… or https://… with a host and no path")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _asks_who_comes(self) -> Self:
        if self.is_open and not is_loopback(self.host):
            raise ValueError(
                f"LEADGATEWAY_CONSOLE_HOST is {self.host}, which others can reach, and the console shows people's "
                "data: set LEADGATEWAY_CONSOLE_PASSWORD, LEADGATEWAY_CONSOLE_TOKEN, or "
                "LEADGATEWAY_CONSOLE_PROXY_HEADER with LEADGATEWAY_CONSOLE_PROXY_NETWORKS, or listen on 127.0.0.1"
            )
        if self.proxy_header is not None and not self.proxy_networks:
            raise ValueError(
                "LEADGATEWAY_CONSOLE_PROXY_HEADER is believed only when it comes from the proxy: name the proxy's "
                "addresses in LEADGATEWAY_CONSOLE_PROXY_NETWORKS, such as 10.0.0.0/8"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on an address (`localhost` counts; other names do not)."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


Settings = TypeVar("Settings", bound=BaseSettings)


def load(kind: type[Settings], **options: Any) -> Settings:
    """Read settings of one kind from the environment and the command line.

    Args:
        kind: The settings class.
        options: Values from the command line by field name; None means: not given.

    Raises:
        InvalidSettings: A value can't be used; every one of them is named, with the remedy, without its content.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return kind(**given)
    except ValidationError as error:
        raise InvalidSettings("\n".join(_sentences(kind, error))) from None


def _sentences(kind: type[BaseSettings], error: ValidationError) -> list[str]:
    sentences = ((entry["loc"], entry["msg"].removeprefix("Value error, ")) for entry in error.errors())
    # What concerns several fields at once has no place; its sentence names them.
    return [f"{_variable(kind, str(place[0]))}: {text}" if place else text for place, text in sentences]


def _variable(kind: type[BaseSettings], name: str) -> str:
    field = kind.model_fields.get(name)
    if field is None or field.alias:
        return field.alias if field and field.alias else name
    return f"{kind.model_config.get('env_prefix', '')}{name}".upper()
