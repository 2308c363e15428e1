"""What a development stack is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leadgateway.dev.ports import Port, free_port

DEMO_PORT = 8010
"""Where the demo customer is unless it is moved, and where the sample route delivers to."""


CONSOLE_STATUS_PORT = 9103
"""Where the console's status is, as long as no worker's is there."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. A port of 0 means any free one; `with_ports` chooses it.

    Attributes:
        data: The stack's own folder.
        routes: The folder of LeadRoutes; None: the sample's.
        port: The webhook's.
        demo_port: The demo customer's.
        webhook_status_port: The webhook's metrics and health.
        console_port: The console's.
        console_status_port: The console's metrics and health; None: 9103, or the first one after the workers'.
        worker_status_port: The first worker's; further workers have the ports after it.
        workers: How many worker processes.
        demo: Whether sample leads are sent.
    """

    data: Path
    routes: Path | None = None
    port: int = 8000
    demo_port: int = DEMO_PORT
    webhook_status_port: int = 9100
    console_port: int = 8001
    console_status_port: int | None = None
    worker_status_port: int = 9101
    workers: int = 1
    demo: bool = True


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one stack."""

    webhook: Port
    demo: Port
    webhook_status: Port
    console: Port
    console_status: Port
    worker_status: tuple[Port, ...]

    def all(self) -> tuple[Port, ...]:
        """Every one."""
        return (self.webhook, self.demo, self.webhook_status, self.console, self.console_status, *self.worker_status)


def ports_of(options: Options) -> Ports:
    """The ports that were asked for, with a free one chosen for every 0."""
    status = "--worker-status-port", "LEADGATEWAY_WORKER_STATUS_PORT"
    first = options.worker_status_port
    numbers = [first + index if first else 0 for index in range(options.workers)]
    console_status = options.console_status_port
    if console_status is None:
        console_status = max(CONSOLE_STATUS_PORT, *(number + 1 for number in numbers))
    return Ports(
        webhook=_port("webhook", options.port, "--port", "LEADGATEWAY_WEBHOOK_PORT"),
        demo=_port("demo customer", options.demo_port, "--demo-port", "LEADGATEWAY_DEMO_PORT"),
        webhook_status=_port(
            "webhook status", options.webhook_status_port, "--webhook-status-port", "LEADGATEWAY_WEBHOOK_STATUS_PORT"
        ),
        console=_port("console", options.console_port, "--console-port", "LEADGATEWAY_CONSOLE_PORT"),
        console_status=_port(
            "console status", console_status, "--console-status-port", "LEADGATEWAY_CONSOLE_STATUS_PORT"
        ),
        worker_status=tuple(
            _port(f"status of worker {index}", number, *status) for index, number in enumerate(numbers, start=1)
        ),
    )


def _port(purpose: str, number: int, option: str, variable: str) -> Port:
    return Port(purpose, number or free_port(), option, variable)
