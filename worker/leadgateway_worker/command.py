"""`leadgateway worker`: run the part that delivers leads."""

from __future__ import annotations

from typing import Annotated

import typer

from leadgateway.commands import role_options
from leadgateway.commands.role_options import EXIT_PORT, ConfigDir, StatusHost
from leadgateway.heap import share_one_heap
from leadgateway.settings import DatabaseSettings, LogSettings, RedisSettings, TracingSettings, WorkerSettings, load
from leadgateway.telemetry.logs import configure_logging
from leadgateway_worker.process import PortUnavailable, Worker


def worker(  # noqa: PLR0917 - Typer's options are parameters
    max_in_flight: Annotated[
        int | None,
        typer.Option(
            envvar="LEADGATEWAY_WORKER_MAX_IN_FLIGHT",
            show_default="512",
            min=1,
            max=10_000,
            help="Deliveries at the same time; a single route has half of them at the most.",
        ),
    ] = None,
    allow_private_networks: Annotated[
        bool | None,
        typer.Option(
            "--allow-private-networks/--no-private-networks",
            envvar="LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS",
            show_default="no",
            help="Let routes with allowPrivateNetworks deliver to private addresses; link-local ones never.",
        ),
    ] = None,
    sweep_seconds: Annotated[
        float | None,
        typer.Option(
            envvar="LEADGATEWAY_WORKER_SWEEP_SECONDS",
            show_default="5",
            help="How often the database is asked what is due, besides wake-ups.",
        ),
    ] = None,
    grace_seconds: Annotated[
        float | None,
        typer.Option(
            envvar="LEADGATEWAY_WORKER_GRACE_SECONDS",
            show_default="30",
            help="How long deliveries may go on after SIGTERM; the rest is given back.",
        ),
    ] = None,
    lease_margin_seconds: Annotated[
        float | None,
        typer.Option(
            envvar="LEADGATEWAY_WORKER_LEASE_MARGIN_SECONDS",
            show_default="30",
            help="How much longer than its timeout a delivery's lease is: the time a lead waits at the most, once its "
            "worker has died.",
        ),
    ] = None,
    status_host: StatusHost = None,
    status_port: Annotated[int | None, role_options.status_port("LEADGATEWAY_WORKER_STATUS_PORT", 9101)] = None,
    deleted_route_payload_days: Annotated[
        float | None,
        typer.Option(
            envvar="LEADGATEWAY_WORKER_DELETED_ROUTE_PAYLOAD_DAYS",
            show_default="90",
            help="How long contents are kept of leads whose LeadRoute was deleted. A LeadRoute has its spec.retention.",
        ),
    ] = None,
    deleted_route_records_days: Annotated[
        float | None,
        typer.Option(
            envvar="LEADGATEWAY_WORKER_DELETED_ROUTE_RECORDS_DAYS",
            show_default="365",
            help="How long their bare records are kept.",
        ),
    ] = None,
    breaker_openings_days: Annotated[
        float | None,
        typer.Option(
            envvar="LEADGATEWAY_WORKER_BREAKER_OPENINGS_DAYS",
            show_default="365",
            help="How long it is kept when circuit breakers were open.",
        ),
    ] = None,
    config_dir: ConfigDir = None,
) -> None:
    """Take due leads from the database, check and map them, and deliver each to its customer's API, until SIGTERM.

    PostgreSQL (DATABASE_URL or POSTGRES_*) and Redis (REDIS_URL) need not be there at the start; without Redis
    leads are found a few seconds later. Routes are read from the folder and read again when they change.

    Exit status: 0 ended by a signal, with every lead delivered or given back; 1 a port is taken or a defect ended the
    process; 2 a setting can't be used; 128 + n ended at once by a second signal n.
    """
    settings = load(
        WorkerSettings,
        max_in_flight=max_in_flight,
        allow_private_networks=allow_private_networks,
        sweep_seconds=sweep_seconds,
        grace_seconds=grace_seconds,
        lease_margin_seconds=lease_margin_seconds,
        status_host=status_host,
        status_port=status_port,
        deleted_route_payload_days=deleted_route_payload_days,
        deleted_route_records_days=deleted_route_records_days,
        breaker_openings_days=breaker_openings_days,
        config_dir=config_dir,
    )
    share_one_heap()
    logs = load(LogSettings)
    configure_logging("worker", format=logs.format, level=logs.level)
    try:
        process = Worker(settings, load(DatabaseSettings), load(RedisSettings), tracing=load(TracingSettings))
    except PortUnavailable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(EXIT_PORT) from None
    raise typer.Exit(process.run())
