"""What the operator is told by its environment, checked at its entry point."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from leadgateway.settings import Port, Seconds

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
MAX_SHARDS = 256


class OperatorSettings(BaseSettings):
    """What the operator is told, as `LEADGATEWAY_OPERATOR_…`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_prefix="LEADGATEWAY_OPERATOR_", env_ignore_empty=True
    )

    namespace: str | None = Field(
        None, description="namespace of the gateway's pods and shards; default: the operator's own"
    )
    watch_namespaces: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="namespaces whose LeadRoutes are served, separated by commas; empty: all"
    )
    shards: int = Field(
        8,
        ge=1,
        le=MAX_SHARDS,
        description="number of ConfigMaps (and Secrets) that hold the routes; docs/operator.md says how to change it",
    )
    status_host: str = Field("127.0.0.1", description="address of the status port")
    status_port: Port = Field(9102, description="port of /metrics, /healthz and /readyz")
    webhook_service: str = Field("lead-gateway-webhook", description="Service whose pods must load each route")
    worker_service: str = Field("lead-gateway-worker", description="Service whose pods must load each route")
    console_service: str = Field(
        "lead-gateway-console", description="Service whose pods are told of changed routes as well; it need not exist"
    )
    pod_status_port_name: str = Field("status", description="name of the status port in those Services")
    poll_seconds: Seconds = Field(1.0, description="how often pods are asked while something waits for them")
    resync_seconds: Seconds = Field(60.0, description="how often everything is compared with the API server")
    admission_port: Port | None = Field(None, description="port of the admission webhook; unset: none is served")
    admission_host: str = Field("0.0.0.0", description="address of the admission webhook")  # noqa: S104
    admission_certificate: Path | None = Field(None, description="its certificate chain, PEM")
    admission_key: Path | None = Field(None, description="its private key, PEM")

    @model_validator(mode="after")
    def _has_a_certificate(self) -> Self:
        if self.admission_port is not None and not (self.admission_certificate and self.admission_key):
            raise ValueError(
                "LEADGATEWAY_OPERATOR_ADMISSION_CERTIFICATE and LEADGATEWAY_OPERATOR_ADMISSION_KEY: name the PEM files "
                "that the admission webhook serves with, or leave LEADGATEWAY_OPERATOR_ADMISSION_PORT unset"
            )
        return self

    @field_validator("watch_namespaces", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(sorted({name.strip() for name in value.split(",")} - {""}))

    @field_validator("watch_namespaces")
    @classmethod
    def _are_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in value if not _DNS_LABEL.fullmatch(name)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} can't be a namespace: lower-case letters, digits and '-' only")
        return value
