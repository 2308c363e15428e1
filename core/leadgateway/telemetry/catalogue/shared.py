"""What several roles count alike."""

from __future__ import annotations

from dataclasses import dataclass

from leadgateway.telemetry.catalogue.definition import CounterMetric, GaugeMetric, Metric, Role

_ALL = tuple(Role)
_STORING = (Role.WEBHOOK, Role.WORKER)

BUILD_INFO = GaugeMetric(
    name="leadgateway_build_info",
    help="Always 1; the labels say what runs.",
    roles=_ALL,
    labels={"role": ", ".join(f"`{role}`" for role in _ALL), "version": "of Lead Gateway", "python": "of Python"},
)
WAKEUPS_SENT = CounterMetric(
    name="leadgateway_wakeups_sent_total",
    help="Wake-ups asked for, by kind and by what became of them.",
    roles=_STORING,
    labels={
        "kind": "`now`, `scheduled`, `clear` (of the marker, before a look)",
        "outcome": "`sent`, `waiting` (one was under way already), `unreachable` (Redis is away)",
    },
)
DATABASE_CONNECTIONS = GaugeMetric(
    name="leadgateway_database_connections",
    help="Connections of this process to PostgreSQL that are open.",
    roles=_STORING,
)


@dataclass(frozen=True, slots=True)
class RouteTableMetrics:
    """What a role that loads routes says of its table."""

    routes: GaugeMetric
    config_faults: GaugeMetric
    table_hash: GaugeMetric
    loaded_at: GaugeMetric

    @property
    def all(self) -> tuple[Metric, ...]:
        """Each of them."""
        return (self.routes, self.config_faults, self.table_hash, self.loaded_at)


def route_table(role: Role) -> RouteTableMetrics:
    """The metrics of one role's route table."""
    return RouteTableMetrics(
        routes=GaugeMetric(
            name=f"leadgateway_{role}_routes",
            help="Routes by state.",
            roles=(role,),
            labels={
                "state": "`running`, `pending` (not run at all yet), `broken` (a published version that is not run; "
                "an older one may be)"
            },
        ),
        config_faults=GaugeMetric(
            name=f"leadgateway_{role}_config_faults",
            help="Mounted folders whose last good contents go on because the present ones can't be used.",
            roles=(role,),
        ),
        table_hash=GaugeMetric(
            name=f"leadgateway_{role}_route_table_hash",
            help="A number that stands for all routes that run; it is the same in all processes that run the same.",
            roles=(role,),
        ),
        loaded_at=GaugeMetric(
            name=f"leadgateway_{role}_route_table_loaded_timestamp_seconds",
            help="When the route table was last replaced, in Unix time; its age is time() minus this.",
            roles=(role,),
        ),
    )


WEBHOOK_ROUTE_TABLE = route_table(Role.WEBHOOK)
WORKER_ROUTE_TABLE = route_table(Role.WORKER)

METRICS: tuple[Metric, ...] = (
    BUILD_INFO,
    WAKEUPS_SENT,
    DATABASE_CONNECTIONS,
    *WEBHOOK_ROUTE_TABLE.all,
    *WORKER_ROUTE_TABLE.all,
)
