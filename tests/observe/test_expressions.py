"""Every expression of every panel and alert, asked of a real Prometheus that scrapes real processes."""

from __future__ import annotations

import json
import re

import pytest

from observability.alerts import alerts
from observability.dashboards import PAGES, Page
from observability.dashboards.panel import Query
from tests.building.expressions import names
from tests.building.waiting import eventually
from tests.chart.rendering import CHART
from tests.observe.conftest import World
from tests.observe.rig.acceleration import shipped
from tests.observe.rig.gateway import WIND

GRAFANA = {"$__rate_interval": "10s", "$__range": "5m", "$namespace": ".*", "$route": WIND}
"""What Grafana puts into an expression before it asks."""

SILENT_WHILE_WELL = {
    "leadgateway_breaker_state": "a closed breaker has no series",
}
"""Metrics of alerts that have no series while all is well, and why."""


def filled_in(expression: str) -> str:
    for variable, value in GRAFANA.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


def queries(page: Page) -> list[tuple[str, Query]]:
    return [(panel.title, query) for panel in page.panels() for query in panel.queries]


EACH_QUERY = pytest.mark.parametrize(
    ("page", "query"),
    [
        pytest.param(page, query, id=f"{page.name}: {title} {query.legend}")
        for page in PAGES
        for title, query in queries(page)
    ],
)


@EACH_QUERY
def test_a_panel_returns_data_or_says_why_not(world: World, page: Page, query: Query) -> None:
    expression = filled_in(query.expression)
    if query.absent:
        world.prometheus.ask(expression)
        return

    eventually(lambda: world.prometheus.ask(expression), within=60, what=f"data of {expression}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_shipped_file_asks_the_same(page: Page) -> None:
    shipped = json.loads((CHART / "dashboards" / f"{page.name}.json").read_text())
    asked = [target["expr"] for panel in shipped["panels"] for target in panel.get("targets", ())]
    assert asked == [query.expression for _, query in queries(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_choices_at_the_top_of_a_page_have_values(world: World, page: Page) -> None:
    variables = json.loads(page.json())["templating"]["list"]
    for variable in variables:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert asked
            selector, label = filled_in(asked[1]), asked[2]
            assert world.prometheus.ask(f"count by ({label}) ({selector})"), variable["name"]


RULES = [rule for group in shipped()["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.get("alert", rule.get("record")))
def test_a_rule_is_answered(world: World, rule: dict[str, str]) -> None:
    world.prometheus.ask(rule["expr"])


@pytest.mark.parametrize("name", sorted(set().union(*(names(alert.expression) for alert in alerts()))))
def test_what_an_alert_asks_for_is_there(world: World, name: str) -> None:
    if name in SILENT_WHILE_WELL:
        return

    eventually(lambda: world.prometheus.ask(f'count({{__name__="{name}"}})'), within=60, what=f"series of {name}")
