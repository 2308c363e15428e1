"""`leadgateway dev` as a person uses it: started, tried, edited, maimed, ended, started again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.building.dev_stack import LEAD, SAMPLE, DevStack, clean_environment
from tests.building.waiting import eventually

EDIT_SECONDS = 3.0
"""How soon an edit counts, as the README promises."""


def story(stack: DevStack, lead_id: int) -> dict[str, Any]:
    """What `leadgateway lead show` prints, without being told where the database is."""
    shown = subprocess.run(
        [sys.executable, "-P", "-m", "leadgateway", "lead", "show", str(lead_id), "-o", "json", f"--data={stack.data}"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert isinstance(found, dict)
    return found


def status(stack: DevStack, lead_id: int) -> str:
    return str(story(stack, lead_id)["status"])


def delivered(stack: DevStack, email: str) -> bool:
    return any(each["answer"] == 200 and each["body"].get("customer_email") == email for each in stack.received())


def delivers(stack: DevStack, email: str) -> bool:
    """Whether a lead that is posted now is delivered, not rejected."""
    lead_id = stack.post(LEAD | {"email": email})
    return eventually(lambda: _end(stack, lead_id, email), what="the end of the lead") == "DELIVERED"


def _end(stack: DevStack, lead_id: int, email: str) -> str:
    if delivered(stack, email):
        return "DELIVERED"
    found = status(stack, lead_id)
    return found if found in {"REJECTED", "PERMANENTLY_FAILED"} else ""


@pytest.fixture(scope="module")
def routes(session_folder: Path) -> Path:
    """A folder with the sample route, to be edited."""
    folder = session_folder / "routes"
    folder.mkdir(exist_ok=True)
    (folder / "solar.yaml").write_text(SAMPLE)
    return folder


@pytest.fixture(scope="module")
def stack(session_folder: Path, routes: Path) -> Iterator[DevStack]:
    """A stack that serves the folder, for tests that leave it working."""
    with DevStack(session_folder / "stack", "--no-demo", "--workers=2", routes=routes) as running:
        yield running


@pytest.fixture
def sample(routes: Path) -> Iterator[Path]:
    """The sample route's file; put right after the test."""
    file = routes / "solar.yaml"
    yield file
    file.write_text(SAMPLE)


def test_a_posted_lead_reaches_the_demo_customer_mapped_and_with_the_token(stack: DevStack) -> None:
    stack.post(LEAD | {"email": " Mapped@Example.com "})

    eventually(lambda: delivered(stack, "mapped@example.com"), what="the delivery")

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
    assert delivers(stack, "before@example.com")
    told = stack.output.count("✓ route")
    sample.write_text(
        SAMPLE.replace(r"^66\d{3}$", r"^67\d{3}$").partition("  tests:")[0] + SAMPLE[SAMPLE.index("---") :]
    )

    eventually(lambda: stack.output.count("✓ route") > told, within=EDIT_SECONDS, what="the edit")
    eventually(lambda: not delivers(stack, "after@example.com"), within=EDIT_SECONDS, what="the new pattern")
    sample.write_text(SAMPLE.replace(r"^66\d{3}$", "("))
    stack.until_said("spec.validation.rules[1].matches")

    assert not delivers(stack, "broken@example.com")
    assert f"{sample}: LeadRoute default/solar-saarland: spec.validation.rules[1].matches" in stack.output
    sample.write_text(SAMPLE)
    eventually(lambda: delivers(stack, "mended@example.com"), within=2 * EDIT_SECONDS, what="the mended pattern")


@pytest.mark.parametrize("part", ["webhook", "worker", "postgres", "valkey", "--port"])
def test_a_part_that_is_killed_is_started_again_and_no_lead_is_lost(stack: DevStack, part: str) -> None:
    victim = stack.parts()[part]
    victim.kill()

    eventually(lambda: part in (parts := stack.parts()) and parts[part].pid != victim.pid, what=f"another {part}")
    eventually(lambda: _posted(stack, f"{part.strip('-')}@example.com"), what="an accepted lead")

    eventually(
        lambda: delivered(stack, f"{part.strip('-')}@example.com"), within=40, what=f"a delivery without the {part}"
    )


def _posted(stack: DevStack, email: str) -> bool:
    try:
        stack.post(LEAD | {"email": email})
    except (AssertionError, OSError):
        return False
    return True
