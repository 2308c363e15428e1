"""The console in a real browser, in front of a real stack."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.browser.conftest import FIBRE
from tests.browser.visitor import NARROW, WIDE, Scheme, Visitor
from tests.building.dev_stack import LEAD, DevStack
from tests.building.waiting import eventually

PICTURES = os.environ.get("LEADGATEWAY_PICTURES")
"""Folder in which the pictures of the pages are kept; `make pictures` writes those of the documentation."""

VIEWS: dict[str, tuple[tuple[int, int], Scheme]] = {
    "light": (WIDE, "light"),
    "dark": (WIDE, "dark"),
    "narrow": (NARROW, "light"),
}
PAGES = {
    "now": "/",
    "leads": "/leads",
    "lead": "/leads/3",
    "replay": "/replay",
    "routes": "/routes",
    "route": "/routes/default/solar-saarland",
    "erase": "/erase",
}

SCRIPT = "<script>alert('a')</script><img src=x onerror=alert(1)>\"'><svg onload=alert(2)>"
RIGHT_TO_LEFT = "\u202e\u2067\u05e9\u05dc\u05d5\u05dd\u202d"


def post(stack: DevStack, path: str, lead: object) -> int:
    """Post a lead to a route; returns its number."""
    answer = httpx.post(f"{stack.url('post leads to')}{path}", json=lead, timeout=30, trust_env=False)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["lead_id"])


def until(stack: DevStack, lead_id: int, status: str) -> None:
    """Wait until a lead stands somewhere."""
    eventually(lambda: stack.status(lead_id) == status, within=60, what=f"lead {lead_id} being {status}")


def test_a_failed_lead_is_found_understood_mended_and_sent_again(
    visitor: Visitor, stack: DevStack, routes: Path
) -> None:
    lead = post(stack, "fibre-trier", LEAD | {"email": "eva@example.com"})
    until(stack, lead, "PERMANENTLY_FAILED")

    visitor.open("/")
    visitor.page.get_by_role("link", name="Leads").click()
    visitor.page.get_by_label("PERMANENTLY_FAILED").check()
    visitor.page.get_by_role("button", name="Search").click()
    visitor.page.get_by_role("link", name=str(lead), exact=True).click()
    visitor.says("Answered 404")
    assert "eva@example.com" not in visitor.page.content()
    visitor.page.get_by_role("button", name="Show personal data").click()
    visitor.says("eva@example.com")
    visitor.page.get_by_role("link", name="default/fibre-trier").click()
    visitor.says("/lead/recieve")

    (routes / "fibre.yaml").write_text(FIBRE)

    def is_mended() -> bool:
        visitor.page.reload()
        return "/lead/recieve" not in visitor.page.content()

    eventually(is_mended, within=60, what="the mended route")
    visitor.open(f"/leads/{lead}")
    visitor.page.get_by_label("Reason").first.fill("the URL had a slip of the pen")
    visitor.page.get_by_role("button", name="Replay").click()
    visitor.says("It is sent through again")
    until(stack, lead, "DELIVERED")
    visitor.page.reload()
    visitor.says("The customer took it.")
    visitor.says("the URL had a slip of the pen")
    assert any(each["body"]["customer_email"] == "eva@example.com" for each in stack.received())


def test_a_person_s_leads_are_found_without_the_address_saying_whose(visitor: Visitor, stack: DevStack) -> None:
    lead = post(stack, "", LEAD | {"email": "Greta@Example.com"})
    visitor.open("/leads")

    visitor.page.get_by_label("E-mail").fill("greta@example.com")
    visitor.page.get_by_role("button", name="Find a person's leads").click()

    visitor.page.get_by_role("link", name=str(lead), exact=True).wait_for()
    assert visitor.page.url == f"{visitor.url}/leads"


def test_a_lead_can_be_tried_on_a_route_without_a_trace(visitor: Visitor, stack: DevStack) -> None:
    received = len(stack.received())
    visitor.open("/routes/default/solar-saarland")

    visitor.page.get_by_label("A lead, as JSON").fill(json.dumps(LEAD))
    visitor.page.get_by_role("button", name="Try it").click()
    visitor.says("Would be delivered")
    visitor.says('"customer_zip": "66123"')
    visitor.page.get_by_label("A lead, as JSON").fill(json.dumps(LEAD | {"house": {"is_owner": False}}))
    visitor.page.get_by_role("button", name="Try it").click()
    visitor.says("Rejected with NOT_HOMEOWNER")

    assert len(stack.received()) == received


def test_now_follows_along_by_itself(visitor: Visitor, stack: DevStack) -> None:
    visitor.open("/")
    arrived = visitor.find(".tile dd").first
    before = arrived.inner_text()

    post(stack, "", LEAD)

    eventually(lambda: arrived.inner_text() != before, within=60, what="another number")


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_keeps_nobody_out_and_fits_its_window(
    visit: Callable[..., Visitor], view: str, tmp_path: Path
) -> None:
    size, scheme = VIEWS[view]
    visitor = visit(size=size, scheme=scheme)
    pictures = Path(PICTURES) if PICTURES else tmp_path

    for name, path in PAGES.items():
        visitor.open(path)
        assert visitor.barriers() == [], path
        assert visitor.overflow() <= 0, path
        visitor.page.screenshot(path=pictures / f"console-{name}-{view}.png")


def test_hostile_leads_are_shown_and_do_nothing(visitor: Visitor, stack: DevStack) -> None:
    hostile = {
        "email": SCRIPT,
        "phone": RIGHT_TO_LEFT,
        SCRIPT: SCRIPT,
        RIGHT_TO_LEFT: [SCRIPT, {"x" * 300: "y" * 3000}],
        "address": {"zip": "66123", "street": SCRIPT},
        "house": {"is_owner": True},
    }
    leads = [
        post(stack, "", hostile),
        post(stack, "", LEAD | {"notes": "z" * 1_000_000}),
        post(stack, "", LEAD | {"nul": "\x00", "deep": json.loads("[" * 50 + "]" * 50)}),
    ]
    for lead in leads:
        eventually(lambda lead=lead: stack.status(lead) in {"DELIVERED", "REJECTED", "PERMANENTLY_FAILED"}, within=60)  # type: ignore[misc]
        visitor.open(f"/leads/{lead}")
        assert visitor.overflow() <= 0
        visitor.page.get_by_role("button", name="Show personal data").click()
        visitor.find("text=Body as posted").first.wait_for()
        assert visitor.overflow() <= 0
        assert visitor.find("main script, main img, main svg").count() == 0
    visitor.open(f"/leads/{leads[0]}")
    visitor.page.get_by_role("button", name="Show personal data").click()
    visitor.says("<script>alert('a')</script>")


def test_an_exported_table_runs_no_formula_of_a_lead(visitor: Visitor, stack: DevStack) -> None:
    lead = post(stack, "", LEAD | {"email": "=cmd|'/C calc'!A0", "house": {"is_owner": False}})
    until(stack, lead, "REJECTED")
    visitor.open("/leads?status=REJECTED")

    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="Export as CSV").click()

    table = list(csv.DictReader(io.StringIO(download.value.path().read_text(), newline="")))
    assert download.value.suggested_filename == "leads.csv"
    assert {line["status"] for line in table} == {"REJECTED"}
    assert json.loads(next(line["body"] for line in table if line["lead_id"] == str(lead)))["email"].startswith("=cmd")
    assert not [cell for line in table for cell in line.values() if cell.startswith(("=", "+", "-", "@"))]


def test_a_person_is_erased_by_keyboard_and_the_page_shows_the_proof(
    visitor: Visitor, stack: DevStack, tmp_path: Path
) -> None:
    pictures = Path(PICTURES) if PICTURES else tmp_path
    lead = post(stack, "", LEAD | {"email": "frida@example.com"})
    until(stack, lead, "DELIVERED")
    visitor.open("/erase")

    visitor.page.get_by_label("E-mail address").fill("Frida@Example.com")
    visitor.page.keyboard.press("Enter")
    visitor.says("1 lead would be erased")
    assert visitor.barriers() == []
    assert visitor.overflow() <= 0
    visitor.page.screenshot(path=pictures / "console-erase-preview.png")
    visitor.page.get_by_label("Erase what is stored of this person, for good").focus()
    visitor.page.keyboard.press("Space")
    visitor.page.keyboard.press("Enter")
    visitor.says("Nothing is left")
    assert visitor.barriers() == []
    visitor.page.screenshot(path=pictures / "console-erase-done.png", full_page=True)

    assert "frida" not in visitor.page.url.lower()
    assert "frida" not in visitor.page.content().lower()
    visitor.open(f"/leads/{lead}")
    visitor.says("removed by erasure")


def test_everything_can_be_read_without_scripts(visit: Callable[..., Visitor]) -> None:
    visitor = visit(with_script=False)

    for path, text in {
        "/": "Now",
        "/leads": "PERMANENTLY_FAILED",
        "/leads/3": "The customer took it.",
        "/routes": "default/solar-saarland",
        "/erase": "article 17",
    }.items():
        visitor.open(path)
        assert text in visitor.page.content()
        assert "UTC" in visitor.page.content()


def test_the_keyboard_is_enough(visitor: Visitor) -> None:
    visitor.open("/")

    visitor.page.keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(5):
        visitor.page.keyboard.press("Tab")
    visitor.page.keyboard.press("Enter")

    visitor.page.wait_for_url("**/routes")
