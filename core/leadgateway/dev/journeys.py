"""Sends three sample leads through a running stack and shows each step as it happens."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadgateway.dev.ports import HOST
from leadgateway.dev.screen import Screen
from leadgateway.settings import DatabaseSettings
from leadgateway.store.engine import create_store_engine
from leadgateway.store.errors import StoreUnavailable
from leadgateway.store.status import LeadStatus
from leadgateway.store.story import DeliveryAttempt, LeadStory, Transition, lead_story

PATIENCE_SECONDS = 60.0
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


def show_journeys(screen: Screen, *, port: int, database: DatabaseSettings) -> None:
    """Send the sample leads and print what happens to them, until each has come to its end.

    Args:
        screen: Where it is shown.
        port: The webhook's.
        database: Where the leads' stories are.
    """
    screen.heading("Three leads travelling through")
    try:
        travellers = [_Traveller(sample.title, *_post(sample.lead, port)) for sample in SAMPLES]
    except Refused as error:
        screen.note(f"The sample leads were not taken: {error}")
        return
    for traveller in travellers:
        screen.step(traveller.lead_id, "posted", f"{traveller.title}; answered in {traveller.milliseconds:.0f} ms")
    engine = create_store_engine(database, application_name="leadgateway dev")
    try:
        with engine.connect() as connection:
            end = time.monotonic() + PATIENCE_SECONDS
            while travellers and time.monotonic() < end:
                for traveller in list(travellers):
                    story = lead_story(connection, traveller.lead_id)
                    if story is not None and traveller.shown_to_its_end(story, screen):
                        travellers.remove(traveller)
                time.sleep(POLL_SECONDS)
    except StoreUnavailable as error:
        screen.note(f"The leads' stories can't be read: {error}")
    finally:
        engine.dispose()
    for traveller in travellers:
        screen.note(f"lead {traveller.lead_id} is still on its way: leadgateway lead show {traveller.lead_id}")


class _Traveller:
    """A lead on its way, and how much of its story was shown."""

    def __init__(self, title: str, lead_id: int, milliseconds: float) -> None:
        self.title = title
        self.lead_id = lead_id
        self.milliseconds = milliseconds
        self._shown = 0

    def shown_to_its_end(self, story: LeadStory, screen: Screen) -> bool:
        """Show what is new; returns whether the story is at its end."""
        steps: list[tuple[datetime, int, Transition | DeliveryAttempt]] = []
        steps += [(transition.at, 0, transition) for transition in story.transitions]
        steps += [(attempt.started_at, 1, attempt) for attempt in story.attempts]
        merged = [event for _, _, event in sorted(steps, key=lambda step: step[:2])]
        for event in merged[self._shown :]:
            screen.step(self.lead_id, *_described(event))
        self._shown = len(merged)
        return story.status in FINAL


def _described(event: Transition | DeliveryAttempt) -> tuple[str, str]:
    if isinstance(event, DeliveryAttempt):
        outcome = f"answered {event.response_status}" if event.response_status else event.kind
        return f"attempt {event.number}", f"the customer {outcome} after {event.duration_ms} ms"
    meaning = {
        LeadStatus.RECEIVED: "on disk",
        LeadStatus.REJECTED: event.code or "",
        LeadStatus.READY: "checked and mapped" if event.from_status is LeadStatus.RECEIVED else "due again",
        LeadStatus.FAILED: "a retry follows",
        LeadStatus.DELIVERED: "done",
        LeadStatus.PERMANENTLY_FAILED: event.code or "",
    }
    return event.to_status.value, meaning[event.to_status]


def _post(lead: Mapping[str, Any], port: int) -> tuple[int, float]:
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
    return int(answer["lead_id"]), (time.monotonic() - began) * 1000
