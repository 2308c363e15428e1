"""A whole development stack, and Chromium in front of its console."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visitor import Visitor
from tests.building.dev_stack import SAMPLE, DevStack

HOW_TO_GET = "the tests of the console need Chromium (Debian: apt install chromium), or CHROMIUM=/path/to/it"

FIBRE = SAMPLE.replace("solar-saarland", "fibre-trier").replace("default: true ", "default: false")
"""A second customer, whose URL has a slip of the pen: its leads fail for good."""

SLIP, RIGHT = "/lead/recieve", "/lead/receive"


@pytest.fixture(scope="session")
def routes(session_folder: Path) -> Path:
    """The folder of LeadRoutes that the stack serves, to be edited."""
    folder = session_folder / "browser-routes"
    folder.mkdir()
    (folder / "solar.yaml").write_text(SAMPLE)
    (folder / "fibre.yaml").write_text(FIBRE.replace(RIGHT, SLIP))
    return folder


@pytest.fixture(scope="session")
def stack(session_folder: Path, routes: Path) -> Iterator[DevStack]:
    """The stack, with three leads that have travelled through."""
    with DevStack(session_folder / "browser-stack", routes=routes) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, as the system has it."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip(HOW_TO_GET)
    with sync_playwright() as playwright:
        # No sandbox, since root runs the tests in CI; nothing but the console is ever opened.
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield launched
        launched.close()


@pytest.fixture
def visit(browser: Browser, stack: DevStack) -> Iterator[Callable[..., Visitor]]:
    """Opens the console for somebody; at the end of the test no page may have complained about anything."""
    visitors: list[Visitor] = []

    def open_console(**options: object) -> Visitor:
        visitor = Visitor(browser, stack.url("find them in the console").rstrip("/"), **options)  # type: ignore[arg-type]
        visitors.append(visitor)
        return visitor

    yield open_console
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    for visitor in visitors:
        visitor.close()
    assert complaints == []


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    """Somebody at a desk."""
    return visit()
