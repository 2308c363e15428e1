"""Where dashboards lead to is there: their other pages, and what the console shows of a route."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from observability.dashboards import PAGES, Page
from observability.dashboards.page import CONSOLE
from tests.building.console import Person
from tests.observe.conftest import World
from tests.observe.rig.gateway import WIND

GRAFANA = {"${route}": WIND, "${__data.fields.route}": WIND}
"""What Grafana puts into an address before it opens it."""

_PASSED_ON = re.compile(r"var-(\w+)=|\$\{(\w+):queryparam\}")


def links(page: Page) -> Iterator[str]:
    """The addresses that a dashboard as it is imported holds, in itself and in its panels."""
    shown: dict[str, Any] = json.loads(page.json())
    yield from (link["url"] for link in shown["links"] if link["type"] == "link")
    for panel in shown["panels"]:
        yield from (link["url"] for link in panel.get("fieldConfig", {}).get("defaults", {}).get("links") or ())


def to_the_console(page: Page) -> list[str]:
    return sorted({link for link in links(page) if link.startswith("${console}")})


@pytest.mark.parametrize(
    "link", sorted({link for page in PAGES for link in to_the_console(page)}), ids=lambda link: link.partition("}")[2]
)
def test_a_link_to_the_console_opens_what_it_has_of_the_route(world: World, link: str) -> None:
    path = link.removeprefix("${console}")
    for variable, value in GRAFANA.items():
        path = path.replace(variable, value)

    with Person(world.console) as somebody:
        answer = somebody.get(path)

    assert (answer.status_code, answer.url.path) == (200, path)
    assert WIND in answer.text


@pytest.mark.parametrize("page", [page for page in PAGES if to_the_console(page)], ids=lambda page: page.name)
def test_a_page_that_leads_to_the_console_knows_where_it_is(page: Page) -> None:
    variables = {each["name"]: each for each in json.loads(page.json())["templating"]["list"]}

    assert variables["console"]["query"] == CONSOLE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_to_another_page_names_one_with_the_choices_that_it_passes_on(page: Page) -> None:
    pages: dict[str, dict[str, Any]] = {made["uid"]: made for made in (json.loads(each.json()) for each in PAGES)}
    for link in links(page):
        path, _, query = link.partition("?")
        if not path.startswith("/d/"):
            continue
        choices = {each["name"] for each in pages[path.removeprefix("/d/")]["templating"]["list"]}
        assert {one or other for one, other in _PASSED_ON.findall(query)} <= choices
