"""What a panel says, and how it is written for Grafana."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog import builder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
GOOD, WARN, BAD = "green", "orange", "red"


class Unit(StrEnum):
    """Grafana's names of the units that are used."""

    COUNT = "short"
    PER_SECOND = "cps"
    SECONDS = "s"
    BYTES = "bytes"
    SHARE = "percentunit"
    CORES = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From which value on something is worth a look, and from which it is bad.

    Attributes:
        warn: Orange from here.
        bad: Red from here.
        falling: Whether low values are the bad ones.
    """

    warn: float
    bad: float
    falling: bool = False

    def steps(self) -> list[model.Threshold]:
        """As Grafana has them: the first step has no value."""
        if self.falling:
            return [
                model.Threshold(value=None, color=BAD),
                model.Threshold(value=self.bad, color=WARN),
                model.Threshold(value=self.warn, color=GOOD),
            ]
        return [
            model.Threshold(value=None, color=GOOD),
            model.Threshold(value=self.warn, color=WARN),
            model.Threshold(value=self.bad, color=BAD),
        ]


NEVER = Thresholds(warn=1e12, bad=1e13)
"""For what is neither good nor bad, however much of it there is."""


@dataclass(frozen=True, slots=True)
class Query:
    """One expression of a panel.

    Attributes:
        expression: PromQL.
        legend: Grafana's template of a series' name.
        absent: Why it returns nothing though all is well; empty where it always returns something.
    """

    expression: str
    legend: str = ""
    absent: str = ""


class Kind(StrEnum):
    """How values are shown."""

    NUMBER = "number"
    GRAPH = "graph"
    TABLE = "table"


Link = builder.Builder[model.DashboardLink]
Builder = stat.Panel | timeseries.Panel | table.Panel

_SIZES = {Kind.NUMBER: (4, 5), Kind.GRAPH: (12, 8), Kind.TABLE: (8, 8)}
"""Columns of 24, and rows of about 30 pixels."""

ROUTE_PAGE = "/d/lead-gateway-route?${datasource:queryparam}&${namespace:queryparam}&var-route=${__data.fields.route}"
CONSOLE_PAGE = "${console}/routes/${__data.fields.route}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel of any kind.

    Attributes:
        title: A noun.
        description: A sentence or two: what is shown, and what it should look like.
        queries: What it asks.
        unit: Of its values.
        thresholds: What is worth a look.
        empty: What it says instead of "No data".
        kind: How values are shown. Tables are by route, and lead to its pages.
        width: Columns of 24; 0: as is usual for its kind.
    """

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: Unit
    thresholds: Thresholds = NEVER
    empty: str
    kind: Kind = Kind.GRAPH
    width: int = 0

    def builder(self) -> Builder:
        """For a dashboard of the SDK."""
        made = _empty(self.kind)
        made.title(self.title).description(self.description).datasource(SOURCE)
        width, height = _SIZES[self.kind]
        made.unit(self.unit).no_value(self.empty).span(self.width or width).height(height)
        made.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(self.thresholds.steps()))
        for number, query in enumerate(self.queries):
            made.with_target(_target(query, chr(ord("A") + number), is_table=self.kind is Kind.TABLE))
        return made


def _empty(kind: Kind) -> Builder:
    match kind:
        case Kind.NUMBER:
            return _number()
        case Kind.GRAPH:
            return _graph()
        case Kind.TABLE:
            return _table()


def _target(query: Query, reference: str, *, is_table: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(reference).expr(query.expression).legend_format(query.legend)
    if is_table:
        return target.instant().format(PromQueryFormat.TABLE)
    return target.range()


def _number() -> stat.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    return (
        stat.Panel()
        .reduce_options(last)
        .color_mode(common_model.BigValueColorMode.VALUE)
        .graph_mode(common_model.BigValueGraphMode.AREA)
    )


def _graph() -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .display_mode(common_model.LegendDisplayMode.LIST)
        .placement(common_model.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    lines = common.GraphThresholdsStyleConfig().mode(common_model.GraphThresholdsStyleMode.DASHED)
    tooltip = common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
    return timeseries.Panel().legend(legend).tooltip(tooltip).thresholds_style(lines).fill_opacity(10).min(0)


def _table() -> table.Panel:
    tidy = {"excludeByName": {"Time": True}}
    coloured = [model.DynamicConfigValue("custom.cellOptions", {"type": "color-text"})]
    links: list[Link] = [_link("This route", ROUTE_PAGE), _link("This route in the console", CONSOLE_PAGE)]
    return (
        table.Panel()
        .with_transformation(model.DataTransformerConfig(id_val="organize", options=tidy))
        .override_by_name("Value", coloured)
        .data_links(links)
    )


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).url(url)
