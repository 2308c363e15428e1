"""Every panel asks for what is exposed, and can be read by somebody who sees it for the first time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from observability.dashboards import PAGES, Page
from observability.dashboards.panel import Kind, Panel, Thresholds
from tests.building.expressions import exposed, names, unknown_labels

EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
EACH_PANEL = pytest.mark.parametrize(
    ("page", "panel"),
    [pytest.param(page, panel, id=f"{page.name}: {panel.title}") for page in PAGES for panel in page.panels()],
)


def built(page: Page) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(page.json())
    return made


def built_panels(page: Page) -> list[dict[str, Any]]:
    return [panel for panel in built(page)["panels"] if panel["type"] != "row"]


@EACH_PANEL
def test_a_panel_asks_for_what_is_exposed(page: Page, panel: Panel) -> None:
    for query in panel.queries:
        assert names(query.expression) - exposed().keys() == set()
        assert not unknown_labels(query.expression)
        assert query.expression.count('namespace=~"$namespace"') >= query.expression.count("leadgateway_") > 0 or (
            "ALERTS" in query.expression or "process_" in query.expression
        )


@EACH_PANEL
def test_a_panel_explains_itself(page: Page, panel: Panel) -> None:
    assert len(panel.description) > 20
    assert panel.description.rstrip().endswith(".")
    assert panel.empty
    if len(panel.queries) > 1:
        assert all(query.legend for query in panel.queries)


@EACH_PAGE
def test_what_grafana_imports_has_everything_that_was_said(page: Page) -> None:
    shown = {panel["title"]: panel for panel in built_panels(page)}

    assert shown.keys() == {panel.title for panel in page.panels()}, "two panels of a page have the same title"
    for panel in page.panels():
        made = shown[panel.title]
        defaults = made["fieldConfig"]["defaults"]
        assert made["description"] == panel.description
        assert (defaults["unit"], defaults["noValue"]) == (panel.unit, panel.empty)
        assert len(defaults["thresholds"]["steps"]) == 3
        assert [target["expr"] for target in made["targets"]] == [query.expression for query in panel.queries]


@EACH_PAGE
def test_panels_lie_side_by_side_without_gaps(page: Page) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in built_panels(page):
        place = panel["gridPos"]
        cells = {(place["x"] + right, place["y"] + down) for right in range(place["w"]) for down in range(place["h"])}
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


@EACH_PAGE
def test_a_page_leads_to_the_others(page: Page) -> None:
    made = built(page)

    assert made["uid"] == f"lead-gateway-{page.name}"
    assert "lead-gateway" in made["tags"]
    (others,) = [link for link in made["links"] if link["type"] == "dashboards"]
    assert (others["tags"], others["includeVars"], others["keepTime"]) == (["lead-gateway"], True, True)


def test_the_page_of_a_route_leads_to_the_console() -> None:
    (route,) = [page for page in PAGES if page.by_route]
    (link,) = [link for link in built(route)["links"] if link["type"] == "link"]
    assert link["url"] == "${console}/routes/${route}"


@EACH_PANEL
def test_a_table_leads_to_the_page_of_the_route_and_to_the_console(page: Page, panel: Panel) -> None:
    (made,) = [made for made in built_panels(page) if made["title"] == panel.title]
    links = [link["url"] for link in made["fieldConfig"]["defaults"].get("links") or ()]
    if panel.kind is Kind.TABLE:
        assert [link.partition("?")[0] for link in links] == [
            "/d/lead-gateway-route",
            "${console}/routes/${__data.fields.route}",
        ]
    else:
        assert not links


def test_thresholds_colour_what_is_bad_red() -> None:
    rising = Thresholds(warn=1, bad=2).steps()
    falling = Thresholds(warn=0.99, bad=0.9, falling=True).steps()

    assert [(step.value, step.color) for step in rising] == [(None, "green"), (1, "orange"), (2, "red")]
    assert [(step.value, step.color) for step in falling] == [(None, "red"), (0.9, "orange"), (0.99, "green")]
