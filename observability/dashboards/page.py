"""A dashboard: rows of panels below the same choices, with links to the others."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from observability.dashboards.panel import SOURCE, Panel

TAG = "lead-gateway"
CONSOLE = "http://localhost:8001"
"""Where the console is unless the chart is told; the chart puts its value in this place."""

_ROUTES = (
    "{__name__=~'leadgateway_(leads_waiting|webhook_posts_total|delivery_attempts_total)',namespace=~'$namespace'}"
)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels below a title that says what they answer."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One dashboard.

    Attributes:
        name: Of its file and, after `lead-gateway-`, of its address.
        title: For people.
        description: The question it answers.
        rows: From the most telling to the details.
        by_route: Whether one route is chosen at the top.
    """

    name: str
    title: str
    description: str
    rows: tuple[Row, ...]
    by_route: bool = False

    def panels(self) -> tuple[Panel, ...]:
        """All of them."""
        return tuple(panel for row in self.rows for panel in row.panels)

    def json(self) -> str:
        """As Grafana imports it."""
        page = (
            dashboard.Dashboard(f"Lead Gateway / {self.title}")
            .uid(f"lead-gateway-{self.name}")
            .description(self.description)
            .tags([TAG])
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .time("now-6h", "now")
            .refresh("30s")
            .timezone("browser")
            .link(_others())
        )
        for choice in _choices(by_route=self.by_route):
            page.with_variable(choice)
        if self.by_route:
            page.link(_console())
        for row in self.rows:
            page.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                page.with_panel(panel.builder())
        return JSONEncoder(sort_keys=True, indent=1).encode(page.build()) + "\n"


def _others() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Lead Gateway")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(as_dropdown=False)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
    )


def _console() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("This route in the console")
        .type(model.DashboardLinkType.LINK)
        .url("${console}/routes/${route}")
        .tooltip("Its leads, one by one")
        .icon("external link")
        .target_blank(target_blank=True)
    )


Choice = dashboard.DatasourceVariable | dashboard.QueryVariable | dashboard.TextBoxVariable


def _choices(*, by_route: bool) -> list[Choice]:
    everything = model.VariableOption(selected=True, text="All", value="$__all")
    choices: list[Choice] = [
        dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        dashboard.QueryVariable("namespace")
        .label("Namespace")
        .datasource(SOURCE)
        .query(_values("leadgateway_build_info", "namespace"))
        .refresh(model.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .include_all(include_all=True)
        .all_value(".*")
        .current(everything),
    ]
    if by_route:
        choices.append(
            dashboard.QueryVariable("route")
            .label("Route")
            .datasource(SOURCE)
            .query(_values(_ROUTES, "route"))
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(model.VariableSort.ALPHABETICAL_ASC)
        )
    console = model.VariableOption(text=CONSOLE, value=CONSOLE)
    choices.append(
        dashboard.TextBoxVariable("console")
        .label("Console")
        .default_value(CONSOLE)
        .current(console)
        .hide(model.VariableHide.HIDE_VARIABLE)
    )
    return choices


def _values(selector: str, label: str) -> dict[str, object]:
    return {"query": f"label_values({selector}, {label})", "refId": label}
