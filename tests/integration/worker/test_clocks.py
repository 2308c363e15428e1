"""Workers whose clocks are wrong, or set to another time zone: leads go by the database's clock alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from leadgateway.store.story import LeadStory
from tests.building.customer import Answer, Customer, Received
from tests.building.pump import LEAD, NOWHERE, Leads
from tests.building.waiting import eventually
from tests.building.webhook import WebhookProcess
from tests.building.worker import WorkerProcess, publish_solar

WITHIN = 120.0
# In the place of a system whose clock was never set: what Python asks for the time is moved, before anything of ours
# is imported. What it asks for how much time has passed is not, and runs on as it does on such a system.
WRONG_CLOCK = """
import datetime, os, time
offset = float(os.environ["CLOCK_OFFSET"])
right, right_ns, Right = time.time, time.time_ns, datetime.datetime

class Wrong(Right):
    @classmethod
    def now(cls, tz=None):
        return Right.now(tz) + datetime.timedelta(seconds=offset)

    @classmethod
    def utcnow(cls):
        return Right.utcnow() + datetime.timedelta(seconds=offset)

time.time = lambda: right() + offset
time.time_ns = lambda: right_ns() + int(offset * 1e9)
datetime.datetime = Wrong
"""
FIRST_OUTCOME = "leadgateway_lead_first_outcome_seconds"
OFTEN = {"LEADGATEWAY_WORKER_SWEEP_SECONDS": "0.2"}


def wrong_by(offset: timedelta, folder: Path) -> dict[str, str]:
    """The environment of a process whose clock is wrong."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(WRONG_CLOCK)
    return {"PYTHONPATH": str(folder), "CLOCK_OFFSET": str(offset.total_seconds())}


def now(leads: Leads) -> datetime:
    """The database's time."""
    [(at,)] = leads.ask("SELECT clock_timestamp()")
    assert isinstance(at, datetime)
    return at


def times_of(story: LeadStory) -> list[datetime]:
    """Every time that is on record of a lead, in the order in which it happened."""
    sent = [
        (attempt.started_at, attempt.started_at + timedelta(milliseconds=attempt.duration_ms))
        for attempt in story.attempts
    ]
    moments = [story.received_at, *(step.at for step in story.transitions), *(at for pair in sent for at in pair)]
    return sorted(moments)


def later_at_first() -> Callable[[Received], Answer]:
    """A customer that names a time for its second request, six seconds after the first one."""
    answers = iter([True])

    def answer(_: Received) -> Answer:
        if not next(answers, False):
            return Answer()
        again_at = datetime.now(UTC) + timedelta(seconds=6)
        return Answer(503, headers={"Retry-After": format_datetime(again_at, usegmt=True)})

    return answer


@pytest.mark.parametrize("offset", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_an_hour_off_repeats_when_it_is_due_and_records_the_right_times(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path, offset: timedelta
) -> None:
    retry = {"initialDelay": "1s", "factor": 1, "maxDelay": "50s"}
    publish_solar(tmp_path / "routes", customer.url, retry=retry)
    began = now(leads)
    customer.answer_by(later_at_first())
    lead_id = leads.put_one()

    wrong = wrong_by(offset, tmp_path / "wrong")
    with WorkerProcess(tmp_path / "routes", database=database_url, redis=NOWHERE, **OFTEN, **wrong) as worker:
        [logged] = worker.events("worker.started")
        story = leads.until("DELIVERED", lead_id, within=WITHIN)
        waited = worker.metric(f"{FIRST_OUTCOME}_sum")
        assert worker.metric(f"{FIRST_OUTCOME}_count") == 1
        assert worker.end() == 0
    ended = now(leads)

    said = datetime.fromisoformat(logged["timestamp"]) - began
    assert abs(said - offset) < timedelta(minutes=10), "the worker's clock was not wrong"
    assert leads.path(lead_id) == ["RECEIVED", "READY", "FAILED", "READY", "DELIVERED"]
    times = times_of(story)
    assert began <= times[0]
    assert times[-1] <= ended
    first, second = story.attempts
    # The customer named a second; the route alone would have waited one.
    assert timedelta(seconds=3) < second.started_at - first.started_at < timedelta(seconds=40)
    assert 0 <= waited < 600


@pytest.mark.parametrize("offset", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_an_hour_off_takes_no_lease_of_another_and_gives_itself_no_longer_one(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path, offset: timedelta
) -> None:
    publish_solar(tmp_path / "routes", customer.url)
    customer.answer_always(Answer(after=3))
    wrong = wrong_by(offset, tmp_path / "wrong")
    with (
        WorkerProcess(tmp_path / "routes", database=database_url, redis=NOWHERE, **OFTEN) as right_one,
        WorkerProcess(tmp_path / "routes", database=database_url, redis=NOWHERE, **OFTEN, **wrong) as wrong_one,
    ):
        right_one.until_ready()
        wrong_one.until_ready()
        leads.put(40)
        leased = "SELECT lease_holder, max(leased_until - clock_timestamp()) FROM lead_state WHERE {} GROUP BY 1"
        held = leased.format("leased_until IS NOT NULL")
        leases = eventually(lambda: len(found := leads.ask(held)) == 2 and found, within=WITHIN, what="leases of both")
        leads.until_all({"DELIVERED": 40}, within=WITHIN)

    assert leases
    # The timeout of the route and the margin, as ever.
    assert all(timedelta(0) < left <= timedelta(seconds=35) for _, left in leases)
    assert len(customer.received) == 40
    assert leads.ask("SELECT DISTINCT kind FROM delivery_attempt") == [("delivered",)]


def test_processes_and_a_database_in_different_time_zones_record_the_same_times(
    leads: Leads, database_url: str, customer: Customer, tmp_path: Path
) -> None:
    [(database,)] = leads.ask("SELECT current_database()")
    leads.ask(f"ALTER DATABASE {database} SET timezone = 'Pacific/Chatham'")
    publish_solar(tmp_path, customer.url)
    customer.answer_next(Answer(500))
    began = now(leads)
    with (
        WebhookProcess(tmp_path, database=database_url, redis=NOWHERE, TZ="Asia/Kathmandu") as webhook,
        WorkerProcess(
            tmp_path, database=database_url, redis=NOWHERE, TZ="America/Caracas", PGTZ="America/Caracas", **OFTEN
        ),
    ):
        webhook.until_ready()
        answer = webhook.client.post(f"{webhook.leads}solar", json=LEAD).raise_for_status()
        story = leads.until("DELIVERED", answer.json()["lead_id"], within=WITHIN)

    times = times_of(story)
    assert len(times) == 10
    assert began <= times[0]
    assert times[-1] <= now(leads)
