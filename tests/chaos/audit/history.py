"""Points 4 and 5: every lead went a legal way without gaps, and was tried again exactly when it was due."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import pairwise

from tests.chaos.audit.evidence import Evidence, Step, Story
from tests.chaos.audit.findings import Fault, Finding

LEGAL = {
    None: {"RECEIVED"},
    "RECEIVED": {"READY", "REJECTED", "PERMANENTLY_FAILED"},
    "READY": {"DELIVERED", "FAILED", "PERMANENTLY_FAILED"},
    "FAILED": {"READY", "PERMANENTLY_FAILED"},
}
"""The ways a lead may go without a person's doing."""

SLACK_SECONDS = 3.0
"""How late anything may be on a busy machine, besides what the product promises."""

PROMPT_SECONDS = 1.0
"""Half of the leads are looked at within this time, when nothing is wrong: as long as wake-ups come through."""

DELAYING = {"processes", "postgres", "network", "customers", "routes"}
"""Families of faults that let leads wait for more than a sweep: all but Valkey's."""

FAILING = {"processes", "customers", "routes"}
"""Families of faults that make deliveries fail, so that a breaker may open."""

ENOUGH = 50
"""Leads that a median says something about."""


def check_histories(evidence: Evidence) -> Iterator[Finding]:
    """Walk through the transitions and attempts of every lead."""
    for story in evidence.stories.values():
        yield from _check_path(story)
        yield from _check_numbers(story)
        yield from _check_retries(evidence, story)
    yield from _check_promptness(evidence)
    yield from _check_openings(evidence)


def _check_path(story: Story) -> Iterator[Finding]:
    name, steps = f"lead {story.lead_id}", story.steps
    path = " > ".join(step.after for step in steps)
    if not steps or steps[0].before is not None or steps[0].after != "RECEIVED":
        yield Finding(Fault.ILLEGAL, name, f"it does not begin as RECEIVED: {path or 'no transition'}")
    for step in steps:
        if step.after not in LEGAL.get(step.before, set()):
            yield Finding(Fault.ILLEGAL, name, f"{step.before} > {step.after}")
    for one, next_one in pairwise(steps):
        if one.after != next_one.before:
            yield Finding(Fault.ILLEGAL, name, f"a gap between {one.after} and {next_one.before}: {path}")
        if next_one.at < one.at:
            yield Finding(Fault.ILLEGAL, name, f"time runs backwards at step {next_one.seq}: {path}")
    if steps and steps[-1].after != story.status:
        yield Finding(Fault.ILLEGAL, name, f"it is {story.status}, but its last step was to {steps[-1].after}")


def _check_numbers(story: Story) -> Iterator[Finding]:
    name = f"lead {story.lead_id}"
    if [step.seq for step in story.steps] != list(range(1, story.transitions + 1)):
        yield Finding(Fault.ILLEGAL, name, f"its {story.transitions} steps are numbered otherwise")
    if [attempt.number for attempt in story.attempts] != list(range(1, story.attempts_counted + 1)):
        yield Finding(Fault.ILLEGAL, name, f"its {story.attempts_counted} attempts are numbered otherwise")
    if story.status == "DELIVERED" and (not story.attempts or story.attempts[-1].kind != "delivered"):
        yield Finding(Fault.ILLEGAL, name, "it is DELIVERED without an attempt that says so")


def _check_retries(evidence: Evidence, story: Story) -> Iterator[Finding]:
    name, rule = f"lead {story.lead_id}", evidence.rules.get(story.route)
    if rule is None:
        yield Finding(Fault.ILLEGAL, name, f"its route {story.route} is none of ours")
        return
    failures = 0
    for step, next_step in pairwise(story.steps):
        if step.after != "FAILED":
            continue
        failures += 1
        if next_step.after == "READY":
            yield from _check_wait(evidence, story, step, next_step, rule.delay(failures))
    failed = sum(step.after == "FAILED" for step in story.steps)
    if failed > rule.most + 1:
        yield Finding(Fault.UNTIMELY, name, f"it failed {failed} times; {rule.most} retries were promised")
    if story.status == "PERMANENTLY_FAILED" and story.steps[-1].code == "RETRIES_EXHAUSTED" and failed <= rule.most:
        yield Finding(
            Fault.UNTIMELY, name, f"it was given up after {failed} failures; {rule.most} retries were promised"
        )


def _check_wait(evidence: Evidence, story: Story, failed: Step, ready: Step, promised: float) -> Iterator[Finding]:
    name, patience = f"lead {story.lead_id}", _patience(evidence)
    if failed.due_at is None:
        yield Finding(Fault.ILLEGAL, name, "it FAILED without a time for the next attempt")
        return
    if abs(failed.due_at - failed.at - promised) > 0.01:
        wait = failed.due_at - failed.at
        yield Finding(Fault.UNTIMELY, name, f"it was to wait {wait:.2f} s; {promised:g} s were promised")
    if ready.at < failed.due_at:
        yield Finding(Fault.UNTIMELY, name, f"it was tried again {failed.due_at - ready.at:.2f} s too early")
    late = ready.at - evidence.held_until(story.route, failed.due_at, patience=patience)
    if late > patience and not evidence.excused(failed.due_at, ready.at, families=DELAYING):
        yield Finding(Fault.UNTIMELY, name, f"it was tried again {late:.1f} s late, without any fault")


def _check_promptness(evidence: Evidence) -> Iterator[Finding]:
    waits, patience = [], _patience(evidence)
    for story in evidence.stories.values():
        if len(story.steps) < 2:
            continue
        began, ended = story.steps[0].at, story.steps[1].at
        late = ended - evidence.held_until(story.route, began, patience=patience)
        if late > patience and not evidence.excused(began, ended, families=DELAYING):
            name = f"lead {story.lead_id}"
            yield Finding(Fault.UNTIMELY, name, f"it was looked at {late:.1f} s late, without any fault")
        if late == ended - began and not evidence.excused(began, ended):
            waits.append(ended - began)
    if len(waits) >= ENOUGH and (median := statistics.median(waits)) > PROMPT_SECONDS:
        yield Finding(Fault.UNTIMELY, "wake-ups", f"half of {len(waits)} leads waited {median:.1f} s or longer")


def _check_openings(evidence: Evidence) -> Iterator[Finding]:
    for route, times in evidence.openings.items():
        for opened, _ in times:
            if not evidence.excused(opened, opened, families=FAILING):
                yield Finding(Fault.UNTIMELY, f"route {route}", "its breaker opened without any fault")


def _patience(evidence: Evidence) -> float:
    # Sweeps come after up to five quarters of their period.
    return evidence.sweep_seconds * 1.25 + SLACK_SECONDS
