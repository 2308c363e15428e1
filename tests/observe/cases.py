"""For each alert, series on which it fires, and series on which it keeps quiet though something is going on.

In promtool's notation: `0+5x10` begins at 0 and grows by 5, ten times; `1x10` stays at 1; `stale _x10` is gone. A step
is a minute. https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]

HERE = 'namespace="leads"'
ROUTE = f'{HERE},route="leads/solar"'
WEBHOOK, WORKER, OPERATOR = (
    f'leadgateway_build_info{{{HERE},role="{role}",instance="{role}"}}' for role in ("webhook", "worker", "operator")
)
DATABASE = f'leadgateway_webhook_database_available{{{HERE},instance="webhook"}}'
WORKERS_DATABASE = f'leadgateway_worker_database_available{{{HERE},instance="worker"}}'
REDIS = f'leadgateway_worker_redis_available{{{HERE},instance="worker"}}'
OLDEST = f"leadgateway_oldest_due_seconds{{{ROUTE}}}"
BREAKER = f"leadgateway_breaker_state{{{ROUTE}}}"


def posts(outcome: str) -> str:
    return f'leadgateway_webhook_posts_total{{{ROUTE},outcome="{outcome}"}}'


def attempts(result: str) -> str:
    return f'leadgateway_delivery_attempts_total{{{ROUTE},result="{result}"}}'


def answered(suffix: str, bound: str = "") -> str:
    return f"leadgateway_webhook_post_seconds_{suffix}{{{HERE}{bound}}}"


def outcomes(suffix: str, bound: str = "") -> str:
    return f"leadgateway_lead_first_outcome_seconds_{suffix}{{{HERE}{bound}}}"


FAST, IN_TIME = ',le="0.5"', ',le="60.0"'


@dataclass(frozen=True, slots=True)
class Case:
    """What is observed, and whether the alert fires at its end.

    Attributes:
        what: In words.
        alert: Its name.
        severity: Of the alert.
        minutes: When it is asked.
        series: What was observed until then.
        fires: Whether it fires; exactly once, then.
    """

    what: str
    alert: str
    severity: str
    minutes: int
    series: Series
    fires: bool


def _pair(alert: str, severity: str, minutes: int, fires: tuple[str, Series], quiet: tuple[str, Series]) -> list[Case]:
    return [
        Case(fires[0], alert, severity, minutes, fires[1], True),
        Case(quiet[0], alert, severity, minutes, quiet[1], False),
    ]


CASES = [
    *_pair(
        "LeadGatewayNoWebhook",
        "critical",
        10,
        ("the webhook goes", {WORKER: "1x20", WEBHOOK: "1x5 stale _x15"}),
        ("it misses a scrape", {WORKER: "1x20", WEBHOOK: "1x8 stale 1x10"}),
    ),
    *_pair(
        "LeadGatewayNoWorker",
        "critical",
        10,
        ("the worker goes", {WEBHOOK: "1x20", WORKER: "1x2 stale _x18"}),
        ("all are there", {WEBHOOK: "1x20", WORKER: "1x20"}),
    ),
    *_pair(
        "LeadGatewayAbsent",
        "critical",
        20,
        ("nothing is scraped", {"up": "0x30"}),
        ("one role is", {WEBHOOK: "1x30"}),
    ),
    *_pair(
        "LeadGatewayDatabaseUnavailable",
        "critical",
        10,
        ("a worker can't reach it", {DATABASE: "1x20", WORKERS_DATABASE: "1x5 0x15"}),
        ("all can", {DATABASE: "1x20", WORKERS_DATABASE: "1x20"}),
    ),
    *_pair(
        "LeadGatewayDatabaseConnections",
        "warning",
        10,
        (
            "most are in use",
            {
                f"leadgateway_database_server_connections{{{HERE}}}": "90x20",
                f"leadgateway_database_server_connections_limit{{{HERE}}}": "100x20",
            },
        ),
        (
            "a fifth is free",
            {
                f"leadgateway_database_server_connections{{{HERE}}}": "80x20",
                f"leadgateway_database_server_connections_limit{{{HERE}}}": "100x20",
            },
        ),
    ),
    *_pair(
        "LeadGatewayRedisUnavailable",
        "warning",
        10,
        ("it is away", {REDIS: "1x2 0x20"}),
        ("it was away for a moment", {REDIS: "1x4 0x3 1x20"}),
    ),
    *_pair(
        "LeadGatewayIntakeErrors",
        "critical",
        15,
        ("a tenth is answered 5xx", {posts("accepted"): "0+90x30", posts("unavailable"): "0+10x30", DATABASE: "1x30"}),
        (
            "all are, since the database is away",
            {posts("accepted"): "0+90x30", posts("unavailable"): "0+90x30", DATABASE: "1x2 0x28"},
        ),
    ),
    *_pair(
        "LeadGatewayLeadsWaitingTooLong",
        "critical",
        15,
        ("a lead waits", {OLDEST: "0+60x30"}),
        ("its customer is down", {OLDEST: "0+60x30", BREAKER: "1x30"}),
    ),
    Case(
        "those that waited for a customer who is back are being worked off",
        "LeadGatewayLeadsWaitingTooLong",
        "critical",
        45,
        {OLDEST: "0+60x40 2400-120x20", BREAKER: "_ 1x40 stale"},
        False,
    ),
    *_pair(
        "LeadGatewayRouteFailing",
        "warning",
        25,
        ("two of three fail", {attempts("failed"): "0+2x40", attempts("delivered"): "0+1x40"}),
        ("one of three fails", {attempts("failed"): "0+1x40", attempts("delivered"): "0+2x40"}),
    ),
    Case(
        "the breaker opens and closes over and over again",
        "LeadGatewayRouteFailing",
        "warning",
        25,
        {attempts("failed"): "0+20x40", attempts("delivered"): "0+1x40", BREAKER: "1 stale " * 20},
        True,
    ),
    Case(
        "the breaker is open",
        "LeadGatewayRouteFailing",
        "warning",
        40,
        {attempts("failed"): "0+20x2 40+2x60", attempts("delivered"): "0+1x2 2x60", BREAKER: "_ _ 1x60"},
        False,
    ),
    Case(
        "the customer is back, and failed for so long that its leads of now are few beside that",
        "LeadGatewayRouteFailing",
        "warning",
        48,
        {attempts("failed"): "0+2x40 80x30", attempts("delivered"): "0x40 0+1x30", BREAKER: "1x40 stale"},
        False,
    ),
    *_pair(
        "LeadGatewayBreakerOpen",
        "warning",
        10,
        ("it opens, and tries a lead now and then", {BREAKER: "_x5 1 1 2 1 1 2 1 1"}),
        ("it has closed", {BREAKER: "1x5 stale _x20"}),
    ),
    *_pair(
        "LeadGatewayLeadsGivenUp",
        "warning",
        60,
        ("one a minute", {f'leadgateway_leads_finished_total{{{ROUTE},status="PERMANENTLY_FAILED"}}': "0+1x90"}),
        ("all are delivered", {f'leadgateway_leads_finished_total{{{ROUTE},status="DELIVERED"}}': "0+100x90"}),
    ),
    *_pair(
        "LeadGatewayBacklogUnknown",
        "warning",
        15,
        ("nobody tells", {f"leadgateway_backlog_exporter{{{HERE}}}": "0x30", DATABASE: "1x30"}),
        (
            "one of two does",
            {
                f'leadgateway_backlog_exporter{{{HERE},instance="a"}}': "0x30",
                f'leadgateway_backlog_exporter{{{HERE},instance="b"}}': "1x30",
                f"leadgateway_backlog_age_seconds{{{HERE}}}": "5x30",
            },
        ),
    ),
    *_pair(
        "LeadGatewayNoScheduler",
        "warning",
        30,
        ("none schedules", {f"leadgateway_worker_scheduler_active{{{HERE}}}": "0x60", REDIS: "1x60"}),
        ("none can, since Redis is away", {f"leadgateway_worker_scheduler_active{{{HERE}}}": "0x60", REDIS: "0x60"}),
    ),
    *_pair(
        "LeadGatewayDefect",
        "warning",
        20,
        (
            "a post is answered 500",
            {f'leadgateway_webhook_refusals_total{{{HERE},code="internal_error"}}': "0x15 1x20"},
        ),
        ("posts are refused", {f'leadgateway_webhook_refusals_total{{{HERE},code="invalid_json"}}': "0+5x40"}),
    ),
    *_pair(
        "LeadGatewayConfigurationBroken",
        "warning",
        10,
        ("a route is broken", {f'leadgateway_worker_routes{{{HERE},state="broken"}}': "0x3 1x20"}),
        (
            "many run, and one waited for its credentials for a minute",
            {
                f'leadgateway_webhook_routes{{{HERE},state="running"}}': "90x30",
                f'leadgateway_webhook_routes{{{HERE},state="pending"}}': "0x5 1x1 0x20",
                f"leadgateway_webhook_config_faults{{{HERE}}}": "0x30",
            },
        ),
    ),
    *_pair(
        "LeadGatewayRouteRefused",
        "warning",
        30,
        ("one is not accepted", {f'leadgateway_operator_routes{{{HERE},condition="Accepted",status="False"}}': "1x60"}),
        ("all are", {f'leadgateway_operator_routes{{{HERE},condition="Accepted",status="True"}}': "5x60"}),
    ),
    *_pair(
        "LeadGatewayRoutesDiffer",
        "warning",
        30,
        (
            "a worker has not loaded the change",
            {
                f'leadgateway_webhook_route_table_hash{{{HERE},instance="webhook"}}': "111x5 222x50",
                f'leadgateway_worker_route_table_hash{{{HERE},instance="worker"}}': "111x60",
            },
        ),
        (
            "it has, a minute later",
            {
                f'leadgateway_webhook_route_table_hash{{{HERE},instance="webhook"}}': "111x5 222x50",
                f'leadgateway_worker_route_table_hash{{{HERE},instance="worker"}}': "111x6 222x50",
            },
        ),
    ),
    *_pair(
        "LeadGatewayOperatorStalled",
        "warning",
        40,
        ("it goes, and others stay", {OPERATOR: "1x20 stale _x40", WORKER: "1x60"}),
        (
            "it rebuilds every minute",
            {OPERATOR: "1x60", f"leadgateway_operator_seconds_since_successful_reconcile{{{HERE}}}": "60x60"},
        ),
    ),
    Case(
        "it has no success",
        "LeadGatewayOperatorStalled",
        "warning",
        40,
        {OPERATOR: "1x60", f"leadgateway_operator_seconds_since_successful_reconcile{{{HERE}}}": "0+60x60"},
        True,
    ),
    *_pair(
        "LeadGatewayIntakeBudgetBurn",
        "critical",
        75,
        (
            "two of a hundred posts are slow",
            {answered("count"): "0+100x120", answered("bucket", FAST): "0+98x120", DATABASE: "1x120"},
        ),
        (
            "one of ten thousand is",
            {answered("count"): "0+10000x120", answered("bucket", FAST): "0+9999x120", DATABASE: "1x120"},
        ),
    ),
    Case(
        "they were refused while the database was away",
        "LeadGatewayIntakeBudgetBurn",
        "critical",
        75,
        {
            answered("count"): "0+100x120",
            answered("bucket", FAST): "0+100x120",
            posts("unavailable"): "0+50x120",
            DATABASE: "0x120",
        },
        False,
    ),
    *_pair(
        "LeadGatewayIntakeBudgetBurn",
        "warning",
        1500,
        (
            "four of a thousand posts are slow for a day",
            {answered("count"): "0+1000x1600", answered("bucket", FAST): "0+996x1600", DATABASE: "1x1600"},
        ),
        (
            "they were slow for an hour, hours ago",
            {
                answered("count"): "0+1000x1600",
                answered("bucket", FAST): "0+1000x200 200000+996x60 260760+1000x1300",
                DATABASE: "1x1600",
            },
        ),
    ),
    *_pair(
        "LeadGatewayProcessingBudgetBurn",
        "critical",
        75,
        ("a fifth of the leads is late", {outcomes("count"): "0+100x120", outcomes("bucket", IN_TIME): "0+80x120"}),
        ("none is", {outcomes("count"): "0+100x120", outcomes("bucket", IN_TIME): "0+100x120"}),
    ),
    *_pair(
        "LeadGatewayProcessingBudgetBurn",
        "warning",
        1500,
        (
            "one of twenty is late for a day",
            {outcomes("count"): "0+100x1600", outcomes("bucket", IN_TIME): "0+95x1600"},
        ),
        (
            "three of them are late at night",
            {outcomes("count"): "0+0x1400 0+1x3 3x200", outcomes("bucket", IN_TIME): "0x1600"},
        ),
    ),
]
