"""The auditor's verdict, as a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.audit.arrivals import check_arrivals
from tests.chaos.audit.deliveries import check_deliveries
from tests.chaos.audit.evidence import Evidence
from tests.chaos.audit.findings import Fault, Finding
from tests.chaos.audit.history import check_histories
from tests.chaos.audit.resources import check_answers, check_resources

SHOWN = 20
"""Findings of a kind that are printed one by one."""


def audit(evidence: Evidence) -> list[Finding]:
    """Check everything.

    Args:
        evidence: Read after everything had come to rest.
    """
    checks = (check_arrivals, check_deliveries, check_histories, check_resources, check_answers)
    return [finding for check in checks for finding in check(evidence)]


def print_report(console: Console, evidence: Evidence, findings: Sequence[Finding]) -> None:
    """Print what happened, and what is wrong.

    Args:
        console: Where to.
        evidence: What was judged.
        findings: The judgement.
    """
    console.print(_happened(evidence))
    console.print(_verdict(findings))
    for fault in Fault:
        found = [finding for finding in findings if finding.fault is fault]
        for finding in found[:SHOWN]:
            console.print(f"{fault}: {finding.subject}: {finding.sentence}", markup=False, highlight=False)
        if len(found) > SHOWN:
            console.print(f"{fault}: and {len(found) - SHOWN} more", markup=False)


def _happened(evidence: Evidence) -> Table:
    table = Table("what happened", "times", title="Leads and faults")
    answers = [answer for lead in evidence.leads for answer in lead.answers]
    table.add_row("leads posted", str(len(evidence.leads)))
    table.add_row("leads answered 200", str(sum(bool(lead.accepted) for lead in evidence.leads)))
    for status, count in sorted(Counter(str(answer.status or "no answer") for answer in answers).items()):
        table.add_row(f"answers: {status}", str(count))
    for status, count in sorted(Counter(story.status for story in evidence.stories.values()).items()):
        table.add_row(f"leads {status}", str(count))
    table.add_row("requests to customers", str(len(evidence.requests)))
    table.add_row("breakers opened", str(sum(map(len, evidence.openings.values()))))
    table.add_section()
    for kind, count in sorted(Counter(episode.kind for episode in evidence.episodes).items()):
        table.add_row(f"fault: {kind}", str(count))
    return table


def _verdict(findings: Sequence[Finding]) -> Table:
    counts = Counter(finding.fault for finding in findings)
    table = Table("what must not be", "times", title="Verdict")
    for fault in Fault:
        count = counts[fault]
        table.add_row(str(fault), f"[red]{count}[/red]" if count else "0")
    return table
