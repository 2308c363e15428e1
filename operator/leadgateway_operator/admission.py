"""Refuses a LeadRoute at `kubectl apply` for what the schema can't check; without it the same problems are conditions.

Served by kopf, so that all that Kubernetes asks of such a server is its care. A refusal names every field at fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import kopf

from leadgateway.route.model import GROUP, VERSION
from leadgateway_operator import resources
from leadgateway_operator.evaluate import Flawed, Sound, evaluate_manifest
from leadgateway_operator.plan import Plan, conflicts
from leadgateway_operator.settings import OperatorSettings

_MAX_MESSAGE = 4000
_UNPROCESSABLE = 422


def register(registry: kopf.OperatorRegistry, plan: Callable[[], Plan]) -> None:
    """Have kopf ask here about every LeadRoute that is created or changed.

    Args:
        registry: Of the operator.
        plan: Gives the last plan, which knows who holds which path.
    """

    @kopf.on.validate(
        GROUP, VERSION, resources.PLURAL, id="leadroutes", operations=["CREATE", "UPDATE"], registry=registry
    )
    async def validate(body: kopf.Body, warnings: list[str], **request: Any) -> None:
        old = request["old"]
        metadata = body["metadata"]
        if "deletionTimestamp" in metadata or (old is not None and old.get("spec") == body.get("spec")):
            return  # only its metadata changes: a label, or a finalizer that lets it go
        namespace, name = metadata["namespace"], metadata["name"]
        version = await asyncio.to_thread(evaluate_manifest, namespace, name, body.get("spec"))
        if isinstance(version, Flawed):
            raise kopf.AdmissionError(_clip("; ".join(map(str, version.problems))), code=_UNPROCESSABLE)
        found = conflicts(plan(), f"{namespace}/{name}", version)
        if found:
            raise kopf.AdmissionError(_clip("; ".join(found)), code=_UNPROCESSABLE)
        warnings += _failed_tests(version)


def server(settings: OperatorSettings) -> kopf.WebhookServer | None:
    """Describe the server; None where no port is set.

    kopf looks at the certificate's files now and then, and takes a renewed one.
    """
    if settings.admission_port is None:
        return None
    return kopf.WebhookServer(
        addr=settings.admission_host,
        port=settings.admission_port,
        certfile=settings.admission_certificate,
        pkeyfile=settings.admission_key,
    )


def _failed_tests(version: Sound) -> list[str]:
    """Warn, not refuse: a condition with the whole difference follows, and the generation does not run."""
    return [
        f"spec.tests: {failure.name}: {failure.message.splitlines()[0]} (this generation will not run)"
        for failure in version.failures
    ]


def _clip(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else message[: _MAX_MESSAGE - 1] + "…"
