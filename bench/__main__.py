"""`make bench`: posts and deliveries per second, and CPU seconds per 1,000 leads, of the whole product on this machine.

Each figure is the median of three runs, with the least and the greatest beside it. PostgreSQL and Valkey run with
their default durability; load generator, receiver and all parts share this machine's processors.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.processes import await_ready, cpu_seconds, receiving, resident_mebibytes, started
from leadgateway import __version__
from leadgateway.dev.postgres import EmbeddedPostgres
from leadgateway.dev.route_folder import RouteFolder
from leadgateway.dev.valkey import EmbeddedValkey

_ROUTES = 1
_DELIVERY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Stack:
    """A running gateway and where to reach its parts."""

    webhook_port: int
    receiver_port: int
    pids: dict[str, int]

    def received(self) -> tuple[int, float]:
        """How many deliveries have come, and when the last one did (monotonic seconds)."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.receiver_port}/count", timeout=10) as answer:
            told = json.load(answer)
        return told["received"], told["last"]

    def cpu(self) -> dict[str, float]:
        """CPU seconds used so far, by part."""
        return {name: cpu_seconds(pid) for name, pid in self.pids.items()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def route(receiver_port: int, number: int) -> dict[str, object]:
    """A route like the sample one: its rules and mapping, delivered to the receiver."""
    return {
        "apiVersion": "leadgateway.io/v1alpha1",
        "kind": "LeadRoute",
        "metadata": {"name": f"route-{number}"},
        "spec": {
            "default": number == 0,
            "validation": {
                "rules": [
                    {"code": "MISSING_REQUIRED_FIELD", "required": ["address.zip", "house.is_owner"]},
                    {"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": r"^66\d{3}$"},
                    {"code": "NOT_HOMEOWNER", "field": "house.is_owner", "equals": True},
                ]
            },
            "mapping": {
                "customer_email": {"from": "email"},
                "customer_zip": {"from": "address.zip"},
                "customer_street": {"from": "address.street"},
                "is_homeowner": {"from": "house.is_owner", "type": "boolean"},
                "phone": {"from": "phone", "required": True},
                "product.name": {"value": "Solaranlage", "required": True},
            },
            "endpoint": {
                "url": f"http://127.0.0.1:{receiver_port}/lead/receive",
                "concurrency": 64,
                "allowPrivateNetworks": True,
            },
        },
    }


@contextmanager
def stack(folder: Path, *, delay: float) -> Iterator[Stack]:
    """Start everything and wait until it is ready."""
    with ExitStack() as parts:
        postgres = parts.enter_context(EmbeddedPostgres(folder / "postgres"))
        valkey = parts.enter_context(EmbeddedValkey(folder / "valkey"))
        receiver_port = parts.enter_context(receiving(delay))
        routes = folder / "routes"
        routes.mkdir()
        documents = [route(receiver_port, number) for number in range(_ROUTES)]
        (routes / "routes.yaml").write_text(yaml.safe_dump_all(documents))
        refreshed = RouteFolder(routes, folder / "config", fingerprint_key=b"bench").refresh()
        assert refreshed is not None
        assert not refreshed.problems, refreshed.problems
        environment = os.environ | {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "LEADGATEWAY_CONFIG_DIR": str(folder / "config"),
            "LEADGATEWAY_WORKER_ALLOW_PRIVATE_NETWORKS": "true",
        }
        command = [sys.executable, "-m", "leadgateway"]
        subprocess.run([*command, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
        pids = {"postgresql": postgres.pid, "valkey": valkey.pid}
        webhook_port = free_port()
        for role, options in (("webhook", ["--port", str(webhook_port)]), ("worker", [])):
            status_port, log = free_port(), folder / f"{role}.log"
            call = [*command, role, *options, "--status-port", str(status_port)]
            process = parts.enter_context(started(role, call, log=log, environment=environment))
            await_ready(status_port, process, log)
            pids[role] = process.pid
        yield Stack(webhook_port, receiver_port, pids)


def post(running: Stack, *, leads: int, connections: int, first: int) -> dict[str, float]:
    """Run the load generator once; every answer must be 200."""
    command = [
        sys.executable, "-m", "bench.load",
        "--port", str(running.webhook_port),
        "--connections", str(connections),
        "--leads", str(leads),
        "--first", str(first),
    ]  # fmt: skip
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if told["statuses"] != {"200": leads}:
        sys.exit(f"the webhook did not accept every lead: {told['statuses']}")
    return dict(told)


def measure(running: Stack, *, leads: int, connections: int, first: int) -> dict[str, float]:
    """One run: post all leads, wait until the customer has them, and read what it took."""
    cpu_before = running.cpu()
    already, _ = running.received()
    began = time.monotonic()
    posted = post(running, leads=leads, connections=connections, first=first)
    end = time.monotonic() + _DELIVERY_SECONDS
    while (now := running.received())[0] < already + leads:
        if time.monotonic() > end:
            sys.exit(f"only {now[0] - already} of {leads} leads were delivered within {_DELIVERY_SECONDS:.0f} s")
        time.sleep(0.02)
    seconds = running.received()[1] - began
    thousands = leads / 1000
    cpu = {name: (after - cpu_before[name]) / thousands for name, after in running.cpu().items()}
    return {
        "posts/s": posted["posts_per_second"],
        "post p50, ms": posted["p50_ms"],
        "post p99, ms": posted["p99_ms"],
        "delivered/s end to end": leads / seconds,
        "CPU s per 1,000 leads: webhook": cpu["webhook"],
        "CPU s per 1,000 leads: worker": cpu["worker"],
        "CPU s per 1,000 leads: webhook + worker": cpu["webhook"] + cpu["worker"],
        "CPU s per 1,000 leads: PostgreSQL": cpu["postgresql"],
        "CPU s per 1,000 leads: Valkey": cpu["valkey"],
        "RSS of webhook + worker, MiB": sum(resident_mebibytes(running.pids[role]) for role in ("webhook", "worker")),
    }


def report(runs: list[dict[str, float]]) -> str:
    """A Markdown table: median, least and greatest of every figure."""
    lines = ["| figure | median | min | max |", "| --- | ---: | ---: | ---: |"]
    for name in runs[0]:
        values = [run[name] for run in runs]
        digits = 0 if statistics.median(values) >= 100 else 2
        shown = (f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--leads", type=int, default=10_000, help="leads a run")
    parser.add_argument("--connections", type=int, default=32, help="connections of the load generator")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds the customer takes to answer")
    options = parser.parse_args()
    print(
        f"Lead Gateway {__version__}, Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"{platform.system()} {platform.release()}; {options.runs} runs of {options.leads:,} leads at "
        f"{options.connections} connections, customer answers after {options.delay * 1000:.0f} ms\n",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="leadgateway-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with stack(Path(folder), delay=options.delay) as running:
            post(running, leads=1000, connections=options.connections, first=0)
            runs = []
            for number in range(options.runs):
                first = 1000 + number * options.leads
                runs.append(measure(running, leads=options.leads, connections=options.connections, first=first))
                print(f"run {number + 1}: {runs[-1]['delivered/s end to end']:,.0f} leads/s", file=sys.stderr)
    print(report(runs))


if __name__ == "__main__":
    main()
