"""`leadgateway lead erase`, over a real database."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from leadgateway.store.connection import Connection
from leadgateway.store.erasure import erasures
from leadgateway.store.execute import rows
from tests.building.command_line import Called, leadgateway
from tests.building.stored_leads import Worker, new_lead, status_of, store_engine, stored
from tests.building.waiting import eventually

DONE, NEGATIVE, USAGE = 0, 1, 2
ANN = b'{"email": "Ann@Example.com", "phone": "+49 (0)681 123456"}'
BOB = b'{"email": "bob@example.com", "phone": "0681 999999"}'


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = store_engine(database_url, pool_size=1)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


class Erase:
    """Calls `leadgateway lead erase …` with the database in the environment."""

    def __init__(self, database_url: str) -> None:
        self._environment = {"DATABASE_URL": database_url}

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Called:
        return leadgateway("lead", "erase", *arguments, stdin=stdin, environment=self._environment)

    def told(self, *arguments: str, status: int = DONE) -> dict[str, Any]:
        called = self(*arguments, "-o", "json")
        assert called.status == status, called.error
        told = json.loads(called.out)
        assert isinstance(told, dict)
        return told


@pytest.fixture
def erase(database_url: str) -> Erase:
    return Erase(database_url)


def bodies(connection: Connection) -> list[bytes]:
    return [bytes(body) for (body,) in rows(connection, "SELECT body FROM inbound_lead ORDER BY lead_id")]


def test_a_dry_run_says_how_many_and_erases_nothing(erase: Erase, connection: Connection) -> None:
    ids = stored(connection, new_lead(body=ANN), new_lead(body=BOB), new_lead(body=ANN))

    called = erase("--email", "ann@example.com", "--dry-run")

    assert called.status == DONE
    assert f"Found in 2 leads: {ids[0]}, {ids[2]}" in called.out
    assert "2  inbound_lead.body" in called.out
    assert bodies(connection) == [ANN, BOB, ANN]
    assert erasures(connection) == []


def test_without_a_terminal_nothing_is_erased_unless_that_was_said(erase: Erase, connection: Connection) -> None:
    stored(connection, new_lead(body=ANN))

    called = erase("--email", "ann@example.com")

    assert (called.status, bodies(connection)) == (NEGATIVE, [ANN])
    assert "--yes" in called.error


def test_a_person_is_erased_and_it_is_proved_and_recorded(erase: Erase, connection: Connection) -> None:
    first, _, third = stored(connection, new_lead(body=ANN), new_lead(body=BOB), new_lead(body=ANN))

    called = erase("--email", "ANN@example.com", "--yes", "--actor", "ada", "--reference", "ticket 7")

    assert called.status == DONE, called.error
    assert "2 leads erased, of which 2 waited and are REJECTED now." in called.out
    assert "inbound_lead: 3 rows, route, config_hash, dedup_key, headers, body: found 0 times" in called.out
    assert called.out.endswith("Nothing is left.\n")
    assert "ann@" not in called.out.lower()
    assert bodies(connection) == [b"", BOB, b""]
    assert [status_of(connection, lead_id) for lead_id in (first, third)] == ["REJECTED", "REJECTED"]
    [fact] = erasures(connection)
    assert (fact.actor, fact.reference, fact.leads_erased, fact.traces_left) == ("person:ada", "ticket 7", 2, 0)


def test_a_script_is_told_the_proof_in_json(erase: Erase, connection: Connection) -> None:
    first, _ = stored(connection, new_lead(body=ANN), new_lead(body=BOB))

    told = erase.told("--phone", "0681/123456", "--yes")

    assert (told["lead_ids"], told["erased"], told["rejected"], told["in_flight"]) == ([first], [first], [first], [])
    assert told["found"]["inbound_lead.body"] == 1
    assert set(told["left"].values()) == {0}
    assert told["rows_read"]["inbound_lead"] == 2


def test_the_address_can_come_from_standard_input(erase: Erase, connection: Connection) -> None:
    stored(connection, new_lead(body=ANN))

    assert erase("--email", "-", "--yes", stdin=b"ann@example.com\n").status == DONE
    assert bodies(connection) == [b""]


def test_a_number_without_country_code_is_of_the_region_that_is_named(erase: Erase, connection: Connection) -> None:
    stored(connection, new_lead(body=ANN))

    assert erase.told("--phone", "0681 123456", "--region", "AT", "--dry-run")["leads_found"] == 0
    assert erase.told("--phone", "0681 123456", "--dry-run")["leads_found"] == 1


def test_leads_are_erased_by_their_ids(erase: Erase, connection: Connection) -> None:
    first, second = stored(connection, new_lead(body=ANN), new_lead(body=BOB))

    told = erase.told("--id", str(second), "--id", "4711", "--yes")

    assert (told["lead_ids"], told["erased"]) == ([second], [second])
    assert set(told["left"].values()) == {0}
    assert bodies(connection) == [ANN, b""]
    assert first != second


def test_a_person_of_whom_nothing_is_stored_is_told_so(erase: Erase, connection: Connection) -> None:
    stored(connection, new_lead(body=BOB))

    called = erase("--email", "ann@example.com", "--yes")

    assert (called.status, called.out) == (DONE, "Found in 0 leads\n")
    assert erasures(connection) == []


def test_a_lead_that_is_being_delivered_is_waited_for(erase: Erase, connection: Connection, database_url: str) -> None:
    [lead_id] = stored(connection, new_lead(body=ANN))
    worker = Worker(connection)
    lead = worker.claim_ready()
    called: list[Called] = []
    calling = threading.Thread(target=lambda: called.append(erase("--email", "ann@example.com", "--yes")))
    calling.start()
    eventually(lambda: erasures(connection), what="the erasure")
    worker.deliver(lead)
    calling.join()

    assert called[0].status == DONE, called[0].error
    assert "1 lead erased." in called[0].out
    assert status_of(connection, lead_id) == "DELIVERED"
    assert bodies(connection) == [b""]


def test_a_lead_that_stays_in_delivery_is_named_and_left(erase: Erase, connection: Connection) -> None:
    [lead_id] = stored(connection, new_lead(body=ANN))
    Worker(connection).claim_ready()

    called = erase("--email", "ann@example.com", "--yes", "--wait", "0")

    assert called.status == NEGATIVE
    assert f"lead {lead_id}: not erased: a worker is on it" in called.error
    assert "inbound_lead.body" in called.error
    [fact] = erasures(connection)
    assert (fact.leads_erased, fact.traces_left) == (0, 1)


def test_what_was_erased_is_listed_without_whose_it_was(
    erase: Erase, connection: Connection, database_url: str
) -> None:
    stored(connection, new_lead(body=ANN))
    erase("--email", "ann@example.com", "--yes", "--actor", "ada\x1b[31m", "--reference", "ticket 7")
    environment = {"DATABASE_URL": database_url}

    listed = leadgateway("lead", "erasures", environment=environment)
    told = leadgateway("lead", "erasures", "-o", "json", environment=environment)

    assert listed.status == DONE
    line = listed.out.splitlines()[1]
    assert line.split()[3:] == ["person:ada\\u001b[31m", "email", "1", "1", "0", "ticket", "7"]
    [fact] = json.loads(told.out)
    assert (fact["leads_erased"], fact["traces_left"], fact["reference"]) == (1, 0, "ticket 7")
    assert "ann" not in listed.out + told.out


def test_what_belongs_to_no_lead_is_told_and_left(erase: Erase, connection: Connection) -> None:
    [lead_id] = stored(connection, new_lead(body=ANN))

    called = erase("--id", str(lead_id), "--yes", "--actor", "ann@example.com")
    assert called.status == DONE, called.error
    called = erase("--email", "ann@example.com", "--yes")

    assert called.status == NEGATIVE
    assert "erasure.actor" in called.error


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], "exactly one"),
        (["--email", "a@example.com", "--id", "1"], "exactly one"),
        (["--email", "not an address"], "no e-mail address"),
        (["--phone", "12"], "no phone number"),
        (["--id", "0"], "--id"),
    ],
)
def test_a_call_that_names_nobody_is_a_usage_error(erase: Erase, arguments: list[str], hint: str) -> None:
    called = erase(*arguments, "--yes")

    assert called.status == USAGE
    assert hint in called.error
