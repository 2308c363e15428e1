"""Turns a LeadRoute into the snapshot that webhook and worker run, or into everything that is wrong with it.

The model has checked shapes and bounds; here is judged what values mean, alone and together. Nothing here raises,
whatever the model lets through, and nothing stops at the first problem.
"""

from __future__ import annotations

import re
from datetime import timedelta

from leadgateway.route import snapshot
from leadgateway.route.compile.endpoint import compile_endpoint
from leadgateway.route.compile.examples import compile_examples
from leadgateway.route.compile.findings import Findings
from leadgateway.route.compile.intake import compile_intake
from leadgateway.route.compile.mapping import compile_mapping
from leadgateway.route.compile.retry import compile_retention, compile_retry
from leadgateway.route.compile.rules import compile_rules
from leadgateway.route.model import LeadRoute, LeadRouteSpec
from leadgateway.route.problem import Problem
from leadgateway.route.snapshot import RouteSnapshot

_PATH = re.compile(r"[a-z0-9]([-a-z0-9._]*[a-z0-9])?")


def compile_route(route: LeadRoute) -> RouteSnapshot | list[Problem]:
    """Compile a LeadRoute.

    Args:
        route: As read from a file or the API.

    Returns:
        The snapshot, without credentials and hash; or all problems, each with the path of its field.
    """
    findings = Findings()
    snapshot_ = _compile(route, findings)
    return snapshot_ if snapshot_ is not None and not findings.problems else findings.problems


def _compile(route: LeadRoute, findings: Findings) -> RouteSnapshot | None:
    spec = route.spec
    path = _path(spec, route.metadata.name, findings)
    intake = compile_intake(spec.source, findings)
    rules = compile_rules(spec.validation, findings)
    mapping = compile_mapping(spec.mapping, findings)
    endpoint = compile_endpoint(spec.endpoint, findings)
    retry = compile_retry(spec.retry, findings)
    retention = compile_retention(spec.retention, findings)
    examples = compile_examples(spec, findings)
    if retry and retention and endpoint:
        _check_retention(retry, retention, endpoint.timeout, findings)
    if intake and intake.shared_secret_field:
        _check_secret_is_not_read(spec, intake.shared_secret_field.text, findings)
    if not (intake and endpoint and retry and retention):
        return None
    return RouteSnapshot(
        namespace=route.metadata.namespace,
        name=route.metadata.name,
        path=path,
        default=spec.default,
        paused=spec.paused,
        intake=intake,
        evaluate=spec.validation.evaluate,
        rules=rules,
        mapping=mapping,
        endpoint=endpoint,
        retry=retry,
        retention=retention,
        examples=examples,
    )


def _path(spec: LeadRouteSpec, name: str, findings: Findings) -> str:
    path = name if spec.path is None else spec.path
    if not _PATH.fullmatch(path):
        findings.note(
            "spec.path",
            "a path is one segment of lower-case letters, digits, '-', '.' and '_', like solar-saarland",
        )
    return path


def _check_retention(
    retry: snapshot.RetryPolicy, retention: snapshot.Retention, timeout: timedelta, findings: Findings
) -> None:
    """A lead whose contents are gone can't be sent again."""
    first, last = retry.initial_delay.total_seconds(), retry.max_delay.total_seconds()
    delays = sum(min(first * retry.factor**number, last) for number in range(retry.max_retries))
    longest = delays * (1 + retry.jitter) + timeout.total_seconds() * (1 + retry.max_retries)
    if retention.payload.total_seconds() <= longest:
        findings.note(
            "spec.retention.payload",
            f"the retries may take {longest:.0f} s; keep the payload longer, or retry less",
        )


def _check_secret_is_not_read(spec: LeadRouteSpec, secret: str, findings: Findings) -> None:
    """The field that carries the shared secret is redacted before the lead is stored."""
    reads: dict[str, str | None] = {f"spec.mapping[{name}].from": target.from_ for name, target in spec.mapping.items()}
    for index, rule in enumerate(spec.validation.rules):
        reads[f"spec.validation.rules[{index}].field"] = rule.field
    if spec.source.deduplicate:
        for index, text in enumerate(spec.source.deduplicate.fields):
            reads[f"spec.source.deduplicate.fields[{index}]"] = text
    for field, path in reads.items():
        if path is not None and (path == secret or path.startswith(f"{secret}.")):
            findings.note(field, f"{secret} carries the shared secret, which is redacted before the lead is stored")
