"""Finds the values behind a route's Secret references, or says what is missing; the sentences never hold a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leadgateway.route.manifest import CREDENTIALS_LABEL
from leadgateway.route.problem import Problem
from leadgateway.route.snapshot import Credentials, RouteSnapshot, SecretReference
from leadgateway_operator.observed import ObservedSecret

Secrets = Mapping[tuple[str, str], ObservedSecret]
"""By namespace and name."""

_HEADER_VALUE = re.compile(rb"[!-~](?:[ \t!-~]*[!-~])?")
"""What a header carries without altering it: visible ASCII, blanks only inside (RFC 9110, section 5.5)."""


@dataclass(frozen=True, slots=True)
class References:
    """The Secret references of one version of a route; `headers` by their place in `spec.endpoint.headers`."""

    shared_secrets: tuple[SecretReference, ...] = ()
    token: SecretReference | None = None
    headers: tuple[tuple[int, str, SecretReference], ...] = ()

    def uses(self) -> Iterator[tuple[str, SecretReference]]:
        """Yield each with its field, as its author would write it."""
        for index, reference in enumerate(self.shared_secrets):
            yield f"spec.source.sharedSecrets[{index}]", reference
        if self.token is not None:
            yield "spec.endpoint.token", self.token
        for index, _, reference in self.headers:
            yield f"spec.endpoint.headers[{index}].secretKeyRef", reference


@dataclass(frozen=True, slots=True)
class Missing:
    """Secrets or keys that are not there."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Unusable:
    """Values that are there and can't be sent."""

    problems: tuple[Problem, ...]


def references_of(route: RouteSnapshot) -> References:
    """Collect a route's references."""
    headers = enumerate(route.endpoint.headers)
    return References(
        shared_secrets=route.intake.shared_secrets,
        token=route.endpoint.token,
        headers=tuple((index, header.name, header.secret) for index, header in headers if header.secret),
    )


def resolve(references: References, *, namespace: str, secrets: Secrets) -> Credentials | Missing | Unusable:
    """Look all references up in the LeadRoute's own namespace.

    Args:
        references: Of one version of a route.
        namespace: Of the LeadRoute.
        secrets: Those that carry the credentials label.
    """
    missing: list[Problem] = []
    unusable: list[Problem] = []
    values: dict[SecretReference, str] = {}
    for field, reference in references.uses():
        found = secrets.get((namespace, reference.name))
        if found is None or reference.key not in found.values:
            missing.append(Problem(field, _absence(reference, namespace, is_there=found is not None)))
        elif not _HEADER_VALUE.fullmatch(found.values[reference.key]):
            unusable.append(Problem(field, _defect(reference, found.values[reference.key])))
        else:
            values[reference] = found.values[reference.key].decode("ascii")
    if missing:
        return Missing(tuple(missing))
    if unusable:
        return Unusable(tuple(unusable))
    return Credentials(
        shared_secrets=tuple(values[reference] for reference in references.shared_secrets),
        token=values[references.token] if references.token else None,
        headers={name: values[reference] for _, name, reference in references.headers},
    )


def _absence(reference: SecretReference, namespace: str, *, is_there: bool) -> str:
    if is_there:
        return f"Secret {reference.name} has no key {reference.key}; add it"
    return (
        f'there is no Secret {reference.name} with the label {CREDENTIALS_LABEL}: "true" in namespace {namespace}; '
        "create it, or label it"
    )


def _defect(reference: SecretReference, value: bytes) -> str:
    what = f"key {reference.key} of Secret {reference.name}"
    if not value:
        return f"{what} is empty"
    if value.strip() != value and _HEADER_VALUE.fullmatch(value.strip()):
        return f"{what} begins or ends with a blank or a line break; write it without (printf %s instead of echo)"
    return f"{what} holds characters that no HTTP header can carry; use visible ASCII characters"
