"""One of fifty customers is dead, and ten thousand of its leads wait: the others hardly notice.

How little that costs is measured by `make bench ARGS=dead-customer`; here it may cost two thirds before the test fails.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadgateway.queue import Bell, connect
from leadgateway.settings import RedisSettings
from tests.building.customer import Customer, Silence
from tests.building.pump import Leads, a_manifest
from tests.building.waiting import eventually
from tests.building.worker import WorkerProcess, publish_routes

HEALTHY = [f"customer-{number}" for number in range(49)]
LEADS_EACH = 20
DEAD = "default/dead"
WAITING = 10_000
SLOTS = 16
MOST_TIMES = 3
TRIES = 5
WITHIN = 60.0

# Both by the database's clock.
MEASURED = """
SELECT extract(epoch FROM max(t.at) - min(l.received_at))::float8,
       percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM t.at - l.received_at)),
       count(*)
FROM inbound_lead AS l JOIN status_transition AS t USING (lead_id)
WHERE t.to_status = 'DELIVERED' AND t.lead_id BETWEEN {first} AND {last} AND l.lead_id BETWEEN {first} AND {last}
"""


@dataclass(frozen=True)
class Burst:
    """Some leads for each of the 49: seconds until all were delivered, and until one of a hundred still was not."""

    seconds: float
    p99: float

    def is_like(self, other: Burst) -> bool:
        """Whether it took less than three times as long."""
        return self.seconds < MOST_TIMES * other.seconds and self.p99 < MOST_TIMES * other.p99


@dataclass(frozen=True)
class Rig:
    """The 49 customers, of whom one server plays all."""

    leads: Leads
    redis_url: str
    customer: Customer

    def ring(self) -> None:
        """Wake the worker as the webhook does."""
        connection = connect(RedisSettings(REDIS_URL=self.redis_url))
        Bell(connection).ring()
        connection.close()

    def deliver_a_burst(self) -> Burst:
        before = len(self.customer.received)
        ids = self.leads.put_on(f"default/{name}" for name in HEALTHY for _ in range(LEADS_EACH))
        self.ring()
        self.customer.wait_for(before + len(ids), seconds=WITHIN)
        measured = MEASURED.format(first=min(ids), last=max(ids))
        eventually(lambda: self.leads.ask(measured)[0][2] == len(ids), within=WITHIN, what="that all is written down")
        [(seconds, p99, _)] = self.leads.ask(measured)
        return Burst(seconds, p99)

    def deliver_one_like(self, other: Burst) -> Burst:
        """Deliver bursts until one goes as well as another did; other work of the machine may spoil some of them."""
        for _ in range(TRIES):
            burst = self.deliver_a_burst()
            if burst.is_like(other):
                return burst
        pytest.fail(f"{TRIES} times in a row it took more than {MOST_TIMES} times as long: {burst} instead of {other}")


def test_a_dead_customer_with_ten_thousand_leads_waiting_costs_the_others_little_and_its_leads_no_retries(
    leads: Leads,
    database_url: str,
    valkey_url: str,
    tmp_path: Path,
    report_figure: Callable[[str], None],
) -> None:
    with Customer() as customer, Customer() as dead:
        dead.answer_always(Silence())
        silent = a_manifest(
            dead.url,
            name="dead",
            endpoint={"timeout": "4s", "concurrency": SLOTS},
            retry={"initialDelay": "1h", "factor": 1, "maxDelay": "1h"},
        )
        publish_routes(tmp_path, silent, *(a_manifest(customer.url, name=name) for name in HEALTHY))
        with WorkerProcess(
            tmp_path, database=database_url, redis=valkey_url, LEADGATEWAY_WORKER_GRACE_SECONDS="1"
        ) as worker:
            worker.until_ready().until_listening()
            rig = Rig(leads, valkey_url, customer)
            alone = min((rig.deliver_a_burst() for _ in range(3)), key=lambda burst: burst.seconds)

            leads.put(WAITING, route=DEAD)
            rig.ring()
            dead.wait_for(SLOTS)
            held = rig.deliver_one_like(alone)
            opened = f"SELECT attempts, failures FROM breaker_opening WHERE route = '{DEAD}' AND closed_at IS NULL"
            [(attempts, failures)] = eventually(lambda: leads.ask(opened), within=WITHIN, what="an open breaker")
            left_alone = rig.deliver_one_like(alone)
            tried = len(dead.received)

    report_figure(
        f"49 customers beside a dead one: {alone.seconds:.2f} s for {len(HEALTHY) * LEADS_EACH} leads without it, "
        f"{held.seconds:.2f} s while it holds its slots, {left_alone.seconds:.2f} s with its breaker open"
    )
    assert attempts == failures >= 20
    assert tried < WAITING / 20
    untouched = f"SELECT count(*) FROM lead_state WHERE route = '{DEAD}' AND status = 'RECEIVED' AND failures = 0"
    [(waiting,)] = leads.ask(untouched)
    assert waiting >= WAITING - len(dead.received)
    spent = f"SELECT max(failures), max(attempts) FROM lead_state WHERE route = '{DEAD}'"
    assert leads.ask(spent) == [(1, 1)]
