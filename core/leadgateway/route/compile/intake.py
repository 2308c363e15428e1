"""Compiles `spec.source`."""

from __future__ import annotations

from datetime import timedelta

from leadgateway.route import snapshot
from leadgateway.route.compile.findings import Findings
from leadgateway.route.model import Deduplicate, SecretKeyReference, Source
from leadgateway.route.path import DotPath

_SHORTEST_WINDOW = timedelta(seconds=1)
_LONGEST_WINDOW = timedelta(days=365)


def compile_intake(source: Source, findings: Findings) -> snapshot.Intake | None:
    """Compile what is asked of a post; None after noting why not."""
    references = tuple(map(secret_reference, source.shared_secrets))
    findings.duplicates("spec.source.sharedSecrets", references)
    secret_field = None
    if source.shared_secret_field is not None:
        secret_field = findings.parsed("spec.source.sharedSecretField", DotPath.parse, source.shared_secret_field)
        if not references:
            findings.note(
                "spec.source.sharedSecretField",
                "there is no secret to compare the field with; add sharedSecrets, or remove sharedSecretField",
            )
    return snapshot.Intake(
        shared_secrets=references,
        shared_secret_field=secret_field,
        requests_per_minute=source.rate_limit.requests_per_minute if source.rate_limit else None,
        deduplication=_deduplication(source.deduplicate, findings) if source.deduplicate else None,
    )


def _deduplication(deduplicate: Deduplicate, findings: Findings) -> snapshot.Deduplication | None:
    field = "spec.source.deduplicate"
    findings.duplicates(f"{field}.fields", deduplicate.fields)
    paths = [
        findings.parsed(f"{field}.fields[{index}]", DotPath.parse, text)
        for index, text in enumerate(deduplicate.fields)
    ]
    window = findings.duration(
        f"{field}.window", deduplicate.window, shortest=_SHORTEST_WINDOW, longest=_LONGEST_WINDOW
    )
    return snapshot.Deduplication(tuple(filter(None, paths)), window) if window else None


def secret_reference(reference: SecretKeyReference) -> snapshot.SecretReference:
    """The compiled form of a reference."""
    return snapshot.SecretReference(reference.name, reference.key)
