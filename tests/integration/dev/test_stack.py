"""`leadgateway dev` while it serves: tried, edited, maimed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.building.dev_stack import EXIT_CANT_START, LEAD, SAMPLE, DevStack, run_dev
from tests.building.waiting import eventually

EDIT_SECONDS = 3.0
"""How soon an edit counts, as the README promises."""

FINAL = {"DELIVERED", "REJECTED", "PERMANENTLY_FAILED"}
PARTS = [
    "leadgateway webhook",
    "leadgateway worker",
    "leadgateway console",
    "postgres",
    "valkey-server",
    "leadgateway.dev.demo_customer",
]


@pytest.fixture(scope="module")
def routes(session_folder: Path) -> Path:
    """A folder with the sample route, to be edited."""
    folder = session_folder / "routes"
    folder.mkdir()
    (folder / "solar.yaml").write_text(SAMPLE)
    return folder


@pytest.fixture(scope="module")
def stack(session_folder: Path, routes: Path) -> Iterator[DevStack]:
    """A stack that serves the folder, for tests that leave it working."""
    with DevStack(session_folder / "stack", "--no-demo", routes=routes) as running:
        yield running


@pytest.fixture
def sample(routes: Path) -> Iterator[Path]:
    """The sample route's file; put right after the test."""
    file = routes / "solar.yaml"
    yield file
    file.write_text(SAMPLE)


def was_delivered(stack: DevStack, email: str) -> bool:
    """Whether the demo customer took a lead with this address (one that is away has not)."""
    try:
        received = stack.received()
    except httpx.TransportError:
        return False
    return any(each["answer"] == 200 and each["body"].get("customer_email") == email for each in received)


def end_of_a_lead(stack: DevStack) -> str:
    """Post a lead and wait for its end."""
    lead_id = stack.post()
    eventually(lambda: stack.status(lead_id) in FINAL, what="the end of the lead")
    return stack.status(lead_id)


def is_accepted(stack: DevStack, email: str) -> bool:
    """Post a lead; whether the webhook took it."""
    try:
        stack.post(LEAD | {"email": email})
    except (AssertionError, httpx.TransportError):
        return False
    return True


def test_a_posted_lead_reaches_the_demo_customer_mapped_and_with_the_token(stack: DevStack) -> None:
    stack.post(LEAD | {"email": " Mapped@Example.com "})

    eventually(lambda: was_delivered(stack, "mapped@example.com"), what="the delivery")

    (request,) = [each for each in stack.received() if each["body"]["customer_email"] == "mapped@example.com"]
    assert request["headers"]["Authorization"] == "Bearer demo-customer-token"
    assert request["body"] == {
        "customer_email": "mapped@example.com",
        "customer_zip": "66123",
        "customer_street": "Hauptstr. 1",
        "is_homeowner": True,
        "phone": "0681 123456",
        "product": {"name": "Solaranlage"},
    }


def test_an_edit_counts_for_the_next_lead_and_a_broken_one_for_none(stack: DevStack, sample: Path) -> None:
    assert end_of_a_lead(stack) == "DELIVERED"

    sample.write_text(SAMPLE.replace(r"^66\d{3}$", r"^67\d{3}$"))
    eventually(lambda: end_of_a_lead(stack) == "REJECTED", within=EDIT_SECONDS, what="the edit")
    sample.write_text(SAMPLE.replace(r"^66\d{3}$", "("))
    stack.until_said(f"{sample}: LeadRoute default/solar-saarland: spec.validation.rules[1].matches: ")

    assert end_of_a_lead(stack) == "REJECTED"
    sample.write_text(SAMPLE)
    eventually(lambda: end_of_a_lead(stack) == "DELIVERED", within=EDIT_SECONDS, what="the mended route")


def test_another_stack_on_the_same_data_is_refused(stack: DevStack) -> None:
    refused = run_dev(stack.data)

    assert refused.returncode == EXIT_CANT_START
    assert f"process {stack.process.pid}" in refused.stderr
    assert "--data DIR" in refused.stderr


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_is_started_again_and_no_lead_is_lost(stack: DevStack, part: str) -> None:
    email = f"without-{part.rsplit(maxsplit=1)[-1]}@example.com"
    victim = stack.parts()[part]

    victim.kill()

    eventually(lambda: _is_another(stack.parts().get(part), victim), what=f"another {part}")
    eventually(lambda: is_accepted(stack, email), what="an accepted lead")
    eventually(lambda: was_delivered(stack, email), within=40, what="the delivery")


def _is_another(found: psutil.Process | None, victim: psutil.Process) -> bool:
    return found is not None and found.pid != victim.pid
