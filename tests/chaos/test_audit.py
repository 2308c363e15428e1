"""The auditor convicts whatever is wrong, and nothing else. The evidence is forged here, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.chaos.audit.evidence import Attempt, Evidence, Step, Story
from tests.chaos.audit.findings import Fault
from tests.chaos.audit.report import audit
from tests.chaos.records import Answered, Episode, Footprint, Lead, Request, RetryRule

BODY, PAYLOAD, KEY = b'{"email": "a"}', b'{"customer_email": "a"}', "a key"
RULE = RetryRule(most=2, first_seconds=1.0, factor=2.0, longest_seconds=8.0)


@dataclass
class Case:
    """One lead that failed once and was delivered then, as everybody saw it; a test changes one thing."""

    lead: Lead = field(
        default_factory=lambda: Lead("mark", "plain", BODY, None, "a", True, [Answered(0.0, 0.1, 200, 1, "accepted")])
    )
    story: Story = field(
        default_factory=lambda: Story(
            1,
            "plain",
            0.0,
            BODY,
            "DELIVERED",
            5,
            2,
            [
                Step(1, 0.0, None, "RECEIVED", "webhook", None, None),
                Step(2, 0.1, "RECEIVED", "READY", "worker", None, None),
                Step(3, 0.2, "READY", "FAILED", "worker", "status", 1.2),
                Step(4, 1.3, "FAILED", "READY", "worker", None, None),
                Step(5, 1.4, "READY", "DELIVERED", "worker", None, None),
            ],
            [Attempt(1, 1, 0.1, 0.1, "status", 500), Attempt(2, 1, 1.3, 0.1, "delivered", 200)],
            {1: (KEY, PAYLOAD)},
        )
    )
    requests: list[Request] = field(
        default_factory=lambda: [Request(0.15, "plain", KEY, PAYLOAD, 500), Request(1.35, "plain", KEY, PAYLOAD, 200)]
    )
    leads: list[Lead] = field(default_factory=list)
    stories: dict[int, Story] = field(default_factory=dict)
    duplicates: list[tuple[int, bytes]] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    after: Footprint = field(default_factory=lambda: Footprint("worker-1", 7, 30, 10, 100 * 2**20))
    connections: int = 8
    openings: list[tuple[float, float]] = field(default_factory=list)

    def judged(self) -> set[Fault]:
        evidence = Evidence(
            stories={1: self.story} | self.stories,
            duplicates=self.duplicates,
            leads=[self.lead, *self.leads],
            requests=self.requests,
            episodes=self.episodes,
            rules={"plain": RULE},
            sweep_seconds=2.0,
            recovery_seconds=5.0,
            before=[Footprint("worker-1", 7, 30, 10, 100 * 2**20)],
            after=[self.after],
            connections=(8, self.connections),
            openings={"plain": self.openings},
        )
        return {finding.fault for finding in audit(evidence)}


def test_a_lead_that_failed_once_and_was_delivered_is_in_order() -> None:
    assert Case().judged() == set()


def lost(case: Case) -> None:
    case.lead.answers.append(Answered(2.0, 0.1, 200, 99, "accepted"))


def changed(case: Case) -> None:
    case.story.body = b"{}"


def stored_twice(case: Case) -> None:
    case.stories[2] = replace(case.story, lead_id=2, rounds={1: ("another key", PAYLOAD)})


def another_person(case: Case) -> None:
    case.leads.append(Lead("b", "plain", b"b", None, "b", True, [Answered(0.0, 0.1, 200, 1, "duplicate")]))


def a_duplicate_that_was_not_kept(case: Case) -> None:
    case.leads.append(Lead("b", "plain", b"b", None, "a", True, [Answered(0.0, 0.1, 200, 1, "duplicate")]))


def unfinished(case: Case) -> None:
    case.story.status = "READY"
    del case.story.steps[4:]
    case.story.transitions = 4


def nobody_received_it(case: Case) -> None:
    del case.requests[1]


def another_payload(case: Case) -> None:
    case.requests[1] = replace(case.requests[1], body=b"{}")


def another_customer(case: Case) -> None:
    case.requests[1] = replace(case.requests[1], route="narrow")


def a_key_of_no_lead(case: Case) -> None:
    case.requests.append(Request(1.0, "plain", "unknown", PAYLOAD, 200))


def rejected_and_received(case: Case) -> None:
    case.story.status = "REJECTED"
    case.story.steps = [case.story.steps[0], Step(2, 0.1, "RECEIVED", "REJECTED", "worker", "CODE", None)]
    case.story.transitions = 2


def received_once_more(case: Case) -> None:
    case.requests.append(replace(case.requests[1], at=1.6))


def a_lease_that_ran_out_without_a_fault(case: Case) -> None:
    case.requests.append(replace(case.requests[1], at=1.6))
    case.story.attempts.insert(1, Attempt(2, 1, 1.0, 0.1, "lease_expired", None))
    case.story.attempts[2] = replace(case.story.attempts[2], number=3)
    case.story.attempts_counted = 3


def a_gap(case: Case) -> None:
    case.story.steps[3] = replace(case.story.steps[3], before="RECEIVED")


def a_forbidden_step(case: Case) -> None:
    case.story.steps[1] = replace(case.story.steps[1], after="DELIVERED")


def time_runs_backwards(case: Case) -> None:
    case.story.steps[4] = replace(case.story.steps[4], at=1.2)


def a_missing_step(case: Case) -> None:
    case.story.transitions = 6


def a_missing_attempt(case: Case) -> None:
    case.story.attempts_counted = 3


def too_early(case: Case) -> None:
    case.story.steps[3] = replace(case.story.steps[3], at=1.1)


def too_late(case: Case) -> None:
    for number in (3, 4):
        case.story.steps[number] = replace(case.story.steps[number], at=20.0)


def a_breaker_that_opened_without_a_fault(case: Case) -> None:
    case.openings.append((1.0, 2.0))


def another_delay(case: Case) -> None:
    case.story.steps[2] = replace(case.story.steps[2], due_at=1.0)


def a_bare_refusal(case: Case) -> None:
    case.lead.answers.insert(0, Answered(-1.0, 0.1, 503))


def a_late_answer(case: Case) -> None:
    case.lead.answers[0] = replace(case.lead.answers[0], seconds=7.0)


def no_answer(case: Case) -> None:
    case.lead.answers.insert(0, Answered(-1.0, 0.1, None))


def open_files(case: Case) -> None:
    case.after = replace(case.after, descriptors=500)


def memory(case: Case) -> None:
    case.after = replace(case.after, resident_bytes=2**30)


def connections(case: Case) -> None:
    case.connections = 20


@pytest.mark.parametrize(
    ("forge", "fault"),
    [
        (lost, Fault.LOST),
        (lost, Fault.DOUBLED),
        (changed, Fault.CHANGED),
        (changed, Fault.UNKNOWN),
        (stored_twice, Fault.DOUBLED),
        (another_person, Fault.LOST),
        (a_duplicate_that_was_not_kept, Fault.LOST),
        (unfinished, Fault.UNFINISHED),
        (nobody_received_it, Fault.UNDELIVERED),
        (another_payload, Fault.CHANGED),
        (another_customer, Fault.UNMATCHED),
        (a_key_of_no_lead, Fault.UNMATCHED),
        (rejected_and_received, Fault.REJECTED_SENT),
        (received_once_more, Fault.REPEATED),
        (received_once_more, Fault.UNMATCHED),
        (a_lease_that_ran_out_without_a_fault, Fault.REPEATED),
        (a_gap, Fault.ILLEGAL),
        (a_forbidden_step, Fault.ILLEGAL),
        (time_runs_backwards, Fault.ILLEGAL),
        (a_missing_step, Fault.ILLEGAL),
        (a_missing_attempt, Fault.ILLEGAL),
        (too_early, Fault.UNTIMELY),
        (too_late, Fault.UNTIMELY),
        (a_breaker_that_opened_without_a_fault, Fault.UNTIMELY),
        (another_delay, Fault.UNTIMELY),
        (a_bare_refusal, Fault.SLOW),
        (a_late_answer, Fault.SLOW),
        (no_answer, Fault.SLOW),
        (open_files, Fault.LEAKED),
        (memory, Fault.LEAKED),
        (connections, Fault.LEAKED),
    ],
)
def test_whatever_is_wrong_is_found(forge: Callable[[Case], None], fault: Fault) -> None:
    case = Case()
    forge(case)

    assert fault in case.judged()


@pytest.mark.parametrize("forge", [a_lease_that_ran_out_without_a_fault, too_late, a_late_answer, no_answer])
def test_a_fault_that_explains_it_excuses_it(forge: Callable[[Case], None]) -> None:
    case = Case(episodes=[Episode("worker stopped", "processes", 0.0, 20.0)])
    forge(case)

    assert case.judged() == set()


@pytest.mark.parametrize("forge", [a_lease_that_ran_out_without_a_fault, too_late, a_late_answer])
def test_valkey_excuses_nothing(forge: Callable[[Case], None]) -> None:
    case = Case(episodes=[Episode("Valkey killed", "valkey", 0.0, 20.0)])
    forge(case)

    assert case.judged()


@pytest.mark.parametrize(
    ("opening", "expected"),
    [
        ((0.5, 19.0), set()),
        ((0.5, 10.0), {Fault.UNTIMELY}),  # it had time enough after that
        ((12.0, 19.0), {Fault.UNTIMELY}),  # by then it had waited too long already
    ],
)
def test_a_recorded_time_of_an_open_breaker_explains_a_wait(opening: tuple[float, float], expected: set[Fault]) -> None:
    customer_was_down = Episode("customer answers 500", "customers", -5.0, -4.2)  # the reason, and long over
    case = Case(openings=[opening], episodes=[customer_was_down])
    too_late(case)

    assert case.judged() == expected


def test_a_duplicate_of_the_same_person_whose_body_was_kept_is_in_order() -> None:
    case = Case()
    a_duplicate_that_was_not_kept(case)
    case.duplicates.append((1, b"b"))

    assert case.judged() == set()
