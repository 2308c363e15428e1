"""Compiles `spec.tests`. They are run by the pipeline, not here."""

from __future__ import annotations

from leadgateway.pipeline.outcome import MISSING_REQUIRED_FIELD
from leadgateway.route import snapshot
from leadgateway.route.compile.findings import Findings
from leadgateway.route.model import LeadRouteSpec, Test


def compile_examples(spec: LeadRouteSpec, findings: Findings) -> tuple[snapshot.Example, ...]:
    """Compile the examples, in their order."""
    findings.duplicates("spec.tests", [test.name for test in spec.tests])
    codes = _codes(spec)
    for index, test in enumerate(spec.tests):
        _check(f"spec.tests[{index}]", test, codes, findings)
    return tuple(snapshot.Example(test.name, test.lead, test.deliver, test.reject) for test in spec.tests)


def _codes(spec: LeadRouteSpec) -> set[str]:
    """Every code the route can reject a lead with."""
    codes = {rule.code for rule in spec.validation.rules}
    if any(target.required for target in spec.mapping.values()):
        codes.add(MISSING_REQUIRED_FIELD)
    return codes


def _check(field: str, test: Test, codes: set[str], findings: Findings) -> None:
    findings.json(f"{field}.lead", test.lead)
    findings.json(f"{field}.deliver", test.deliver)
    if (test.deliver is None) == (test.reject is None):
        findings.note(field, "a test has exactly one of deliver and reject; add or remove one")
    if test.reject is not None and test.reject not in codes:
        known = f"write one of {', '.join(sorted(codes))}" if codes else "the route rejects nothing"
        findings.note(f"{field}.reject", f"no rule has the code {test.reject}; {known}")
