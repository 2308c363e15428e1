"""Many at once: threads with connections of their own, and two processes."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import pytest

from leadgateway.store.arrival import Answer, Duplicate, NewLead, Stored
from leadgateway.store.claims import Claim
from leadgateway.store.connection import Connection, Engine
from leadgateway.store.errors import Contention
from leadgateway.store.execute import rows
from leadgateway.store.intake import store_batch
from leadgateway.store.outcomes import Delivered
from leadgateway.store.people import reject, replay
from leadgateway.store.story import lead_story
from tests.building.stored_leads import CONFIG, Worker, at_once, attempt, new_lead, status_of, stored, twin

POST_THE_SAME = """
import sys
from tests.building.stored_leads import at_once, store_engine, twin
from leadgateway.store.arrival import Stored
from leadgateway.store.intake import store_batch

engine = store_engine(sys.argv[1], pool_size=25)

def post():
    with engine.connect() as connection:
        [answer] = store_batch(connection, [twin()])
    return answer

with engine.connect():
    print("ready", flush=True)
    sys.stdin.readline()
for answer in at_once([post] * 25):
    print(type(answer).__name__, answer.lead_id, flush=True)
engine.dispose()
"""


def on_own_connections(engine: Engine, tasks: Sequence[Callable[[Connection], object]]) -> list[object]:
    """Run the tasks at once, each over a connection of its own that is open already."""
    connections = [engine.connect() for _ in tasks]
    try:
        return at_once([partial(task, connection) for task, connection in zip(tasks, connections, strict=True)])
    finally:
        for connection in connections:
            connection.close()


def test_50_equal_leads_from_two_processes_are_one_lead_and_49_duplicates_of_it(
    connection: Connection, store_database: str
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", POST_THE_SAME, store_database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert all(process.stdout and process.stdout.readline() == "ready\n" for process in processes)
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()

    answers = [line.split() for process in processes for line in process.communicate(timeout=60)[0].splitlines()]

    assert Counter(kind for kind, _ in answers) == {"Stored": 1, "Duplicate": 49}
    assert len({lead_id for _, lead_id in answers}) == 1
    assert rows(connection, "SELECT count(*) FROM inbound_lead") == [(1,)]
    assert rows(connection, "SELECT count(*) FROM duplicate_lead") == [(49,)]


def test_batches_with_the_same_keys_in_opposite_order_all_get_answers(engine: Engine, connection: Connection) -> None:
    keys = [number.to_bytes(32, "big") for number in range(40)]
    batches = [
        [twin(key, idempotency_key=key.hex()) for key in (keys if turn % 2 else keys[::-1])] for turn in range(8)
    ]

    def post(batch: list[NewLead], connection: Connection) -> list[Answer]:
        return store_batch(connection, batch)

    answers = on_own_connections(engine, [partial(post, batch) for batch in batches])

    kinds = Counter(type(answer) for batch in answers if isinstance(batch, list) for answer in batch)
    assert kinds == {Stored: 40, Duplicate: 280}
    assert rows(connection, "SELECT count(*) FROM inbound_lead") == [(40,)]


def test_nobody_waits_for_a_deadlock_while_leads_are_rejected_and_resent(
    engine: Engine, connection: Connection
) -> None:
    # PostgreSQL notices a deadlock only after deadlock_timeout (1 s), so it would show as time
    keys = [number.to_bytes(32, "big") for number in range(30)]
    stored(connection, *(twin(key) for key in keys))
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = rows(connection, f"SELECT pg_stat_clear_snapshot(); {deadlocks}")

    def resend(seed: int, connection: Connection) -> None:
        for _ in range(10):
            store_batch(connection, [twin(key) for key in random.Random(seed).sample(keys, 20)])

    def turn_down(name: str, connection: Connection) -> None:
        worker = Worker(connection, name)
        for _ in range(10):
            for lead in worker.claim(7):
                worker.reject(lead)

    on_own_connections(
        engine,
        [*(partial(resend, seed) for seed in range(4)), *(partial(turn_down, f"w{number}") for number in range(2))],
    )

    assert rows(connection, f"SELECT pg_stat_clear_snapshot(); {deadlocks}") == before


DEADLOCK_TWICE = """
CREATE SEQUENCE tries;
CREATE FUNCTION deadlock_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tries') <= %(times)s THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = %(sqlstate)s; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER deadlock_twice BEFORE INSERT ON status_transition
FOR EACH STATEMENT EXECUTE FUNCTION deadlock_twice();
"""


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
@pytest.mark.parametrize("make", [new_lead, twin])
def test_a_transaction_that_got_in_anothers_way_is_repeated(
    alterable: Connection, sqlstate: str, make: Callable[[], NewLead]
) -> None:
    rows(alterable, DEADLOCK_TWICE, {"times": 2, "sqlstate": sqlstate})

    [lead_id] = stored(alterable, make())

    worker = Worker(alterable)
    worker.deliver(worker.claim_ready())
    assert status_of(alterable, lead_id) == "DELIVERED"
    assert rows(alterable, "SELECT count(*) FROM inbound_lead") == [(1,)]


def test_it_is_not_repeated_for_ever(alterable: Connection) -> None:
    rows(alterable, DEADLOCK_TWICE, {"times": 1000, "sqlstate": "40P01"})

    with pytest.raises(Contention):
        store_batch(alterable, [twin()])

    assert rows(alterable, "SELECT count(*) FROM lead_key") == [(0,)]


@pytest.mark.parametrize("workers", [2, 6])
def test_no_lead_is_claimed_by_two(engine: Engine, connection: Connection, workers: int) -> None:
    ids = stored(connection, *(new_lead(route=f"default/{number % 3}") for number in range(300)))

    def work(name: str, connection: Connection) -> list[Claim]:
        worker, mine = Worker(connection, name), []
        while claimed := worker.claim(5, routes=["default/0", "default/1", "default/2"]):
            mine += claimed
        return mine

    claims = on_own_connections(engine, [partial(work, f"w{number}") for number in range(workers)])

    claimed = [lead.lead_id for mine in claims if isinstance(mine, list) for lead in mine]
    # One may have found the last ones locked and gone home
    claimed += [
        lead.lead_id for lead in Worker(connection, "last").claim(routes=["default/0", "default/1", "default/2"])
    ]
    assert sorted(claimed) == ids


def test_leads_whose_leases_run_out_all_the_time_are_still_delivered_once_each(
    engine: Engine, connection: Connection
) -> None:
    ids = stored(connection, count=60)

    def work(number: int, connection: Connection) -> None:
        chance = random.Random(number)
        worker = Worker(connection, f"w{number}", lease=timedelta(milliseconds=chance.choice([1, 2000])))
        while rows(connection, "SELECT 1 FROM lead_state WHERE due_at IS NOT NULL LIMIT 1"):
            for lead in worker.claim(10):
                if lead.lead_id in worker.mark_ready([] if lead.poisoned else [lead]) and chance.random() < 0.9:
                    worker.finish(Delivered(lead.lead_id, lead.token, CONFIG, attempt()))

    on_own_connections(engine, [partial(work, number) for number in range(4)])

    for lead_id in ids:
        story = lead_story(connection, lead_id)
        assert story is not None
        assert [made.number for made in story.attempts] == list(range(1, len(story.attempts) + 1))
        delivered = [made for made in story.attempts if made.kind == "delivered"]
        assert len(delivered) == (1 if story.status == "DELIVERED" else 0)
        assert story.status in {"DELIVERED", "PERMANENTLY_FAILED"}
        assert len(story.rounds) <= 1


def test_a_person_and_a_worker_never_both_decide(engine: Engine, connection: Connection) -> None:
    ids = stored(connection, count=50)

    def turn_down(connection: Connection) -> list[int]:
        return [
            lead_id for lead_id in reversed(ids) if reject(connection, [lead_id], code="BY_HAND", person="ann").done
        ]

    def deliver(connection: Connection) -> list[int]:
        worker, mine = Worker(connection), []
        while claimed := worker.claim(3):
            worker.mark_ready(claimed)
            for lead in claimed:
                worker.deliver(lead)
            mine += [lead.lead_id for lead in claimed]
        return mine

    turned_down, delivered = on_own_connections(engine, [turn_down, deliver])

    assert isinstance(turned_down, list)
    assert isinstance(delivered, list)
    assert sorted(turned_down + delivered) == ids
    assert {status_of(connection, lead_id) for lead_id in turned_down} <= {"REJECTED"}
    assert {status_of(connection, lead_id) for lead_id in delivered} <= {"DELIVERED"}


def test_people_who_act_on_the_same_leads_in_opposite_order_do_not_get_stuck(
    engine: Engine, connection: Connection
) -> None:
    ids = stored(connection, count=100)

    def back_and_forth(order: list[int], connection: Connection) -> None:
        for _ in range(5):
            reject(connection, order, code="BY_HAND", person="ann")
            replay(connection, order, person="bob")

    on_own_connections(engine, [partial(back_and_forth, order) for order in (ids, ids[::-1], ids, ids[::-1])])

    for lead_id in ids[:5]:
        story = lead_story(connection, lead_id)
        assert story is not None
        assert [step.seq for step in story.transitions] == list(range(1, len(story.transitions) + 1))
