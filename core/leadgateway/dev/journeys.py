"""Sends three sample leads through a running stack and shows each step as it happens."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Any

from leadgateway.dev.ports import HOST
from leadgateway.dev.screen import Screen
from leadgateway.settings import DatabaseSettings
from leadgateway.store.connection import Connection
from leadgateway.store.engine import create_store_engine
from leadgateway.store.errors import StoreError
from leadgateway.store.status import LeadStatus
from leadgateway.store.story import DeliveryAttempt, LeadStory, Transition, lead_story

PATIENCE_SECONDS = 30.0
"""How long one lead is followed; those of the sample route come to their end in three seconds."""

POLL_SECONDS = 0.05

FINAL = frozenset({LeadStatus.DELIVERED, LeadStatus.REJECTED, LeadStatus.PERMANENTLY_FAILED})


@dataclass(frozen=True, slots=True)
class Sample:
    """A lead to be sent, and what a person is to see of it."""

    title: str
    lead: Mapping[str, Any]


SAMPLES = (
    Sample(
        "a homeowner in 66123",
        {
            "email": " Anna.Schmidt@Example.com ",
            "phone": "0681 123456",
            "address": {"zip": "66123", "street": "Hauptstr. 1"},
            "house": {"is_owner": True},
        },
    ),
    Sample(
        "a tenant",
        {
            "email": "ben@example.com",
            "phone": "0681 654321",
            "address": {"zip": "66111", "street": "Bahnhofstr. 2"},
            "house": {"is_owner": False},
        },
    ),
    Sample(
        "a homeowner whose customer answers 500 twice",
        {
            "email": "clara@example.com",
            "phone": "06898 4711",
            # The demo customer fails as often as a lead tells it to.
            "address": {"zip": "66333", "street": "fail-2-times Weg 3"},
            "house": {"is_owner": True},
        },
    ),
)


class Refused(Exception):
    """The webhook did not take a sample lead; the message says why."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What the webhook answered.

    Attributes:
        lead_id: The lead, or the first one that it repeats.
        milliseconds: From sending it to having the answer.
    """

    lead_id: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a lead.

    Attributes:
        key: The same for the same step of the same lead.
        at: When it happened (an attempt: when it began).
        what: A status or an attempt.
        detail: What it means.
    """

    key: tuple[str, int]
    at: datetime
    what: str
    detail: str


def show_journeys(screen: Screen, *, port: int, database: DatabaseSettings, end: Event) -> None:
    """Send the sample leads, one after another, and print what happens to each until it has come to its end.

    Args:
        screen: Where it is shown.
        port: The webhook's.
        database: Where the leads' stories are.
        end: Set by who no longer wants to see it.
    """
    screen.heading("Three leads travelling through")
    engine = create_store_engine(database, application_name="leadgateway dev", pool_size=1)
    try:
        with engine.connect() as connection:
            for sample in SAMPLES:
                posted = post(sample.lead, port)
                screen.journey(posted.lead_id, sample.title, posted.milliseconds)
                if not _follow(connection, posted.lead_id, screen, end):
                    screen.note(f"Lead {posted.lead_id} is still on its way; `lead show {posted.lead_id}` tells more.")
    except Refused as error:
        screen.note(f"The sample leads were not taken: {error}")
    except StoreError as error:
        screen.note(f"The leads' stories can't be read: {error}")
    finally:
        engine.dispose()


def _follow(connection: Connection, lead_id: int, screen: Screen, end: Event) -> bool:
    """Print each step of a lead as it happens; returns whether it came to its end in time."""
    shown: set[tuple[str, int]] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        story = lead_story(connection, lead_id)
        if story is not None:
            for step in steps(story):
                if step.key not in shown:
                    shown.add(step.key)
                    screen.step((step.at - story.received_at).total_seconds(), step.what, step.detail)
            if story.status in FINAL:
                return True
        if end.wait(POLL_SECONDS):
            break
    return False


def steps(story: LeadStory) -> Iterator[Step]:
    """What happened to a lead, in order."""
    found = [
        Step(("transition", each.seq), each.at, each.to_status.value, _meaning(each)) for each in story.transitions
    ]
    found += [
        Step(("attempt", each.number), each.started_at, f"attempt {each.number}", _outcome(each))
        for each in story.attempts
    ]
    # A transition comes before the attempt of the same moment: READY, then what is sent.
    return iter(sorted(found, key=lambda step: (step.at, step.key[0] == "attempt")))


def _meaning(transition: Transition) -> str:
    return {
        LeadStatus.RECEIVED: "on disk" if transition.from_status is None else "sent through again",
        LeadStatus.REJECTED: transition.code or "",
        LeadStatus.READY: "checked and mapped" if transition.from_status is LeadStatus.RECEIVED else "due again",
        LeadStatus.FAILED: "a retry follows",
        LeadStatus.DELIVERED: "done",
        LeadStatus.PERMANENTLY_FAILED: transition.code or "",
    }[transition.to_status]


def _outcome(attempt: DeliveryAttempt) -> str:
    answer = f"answered {attempt.response_status}" if attempt.response_status else f"gave no answer ({attempt.kind})"
    return f"the customer {answer} after {attempt.duration_ms} ms"


def post(lead: Mapping[str, Any], port: int) -> Posted:
    """Post a lead to the default route, as a lead source would.

    Raises:
        Refused: It was not taken.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    began = time.monotonic()
    try:
        connection.request("POST", "/webhooks/leads/", json.dumps(lead).encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Refused(f"the webhook gave no answer ({type(error).__name__})") from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise Refused(f"{response.status}: {answer.get('message', '')}")
    return Posted(int(answer["lead_id"]), (time.monotonic() - began) * 1000)
