"""Write docs/metrics.md from the catalogue: `python -m leadgateway.telemetry.catalogue`."""

from __future__ import annotations

from collections.abc import Iterator

from leadgateway.telemetry.catalogue import backlog, console, operator, shared, webhook, worker
from leadgateway.telemetry.catalogue.definition import CounterMetric, HistogramMetric, Metric

_HEAD = """\
<!-- Generated from core/leadgateway/telemetry/catalogue by `make generate`; `make check` fails when it is stale. -->
# Metrics

Each process answers `/metrics` on its status port (webhook 9100, worker 9101, operator 9102, console 9103), in
Prometheus' format.

- Label values are bounded: what a source or a customer sends never becomes one. `route` is `namespace/name`.
- A process exposes at most five series of its own a route, the worker that tells what the database holds five more; no
  histogram has the label `route`. Series of a route that is gone go with it.
- Counters begin at 0 with each process: use `rate()` and `increase()`.
- Times are in seconds, sizes in bytes.
"""

_TAIL = """
## Process

Every role also exposes what the Prometheus client says of any Python process:

| metric | type | meaning |
|---|---|---|
| `process_cpu_seconds_total` | counter | CPU time used |
| `process_resident_memory_bytes`, `process_virtual_memory_bytes` | gauge | memory |
| `process_open_fds`, `process_max_fds` | gauge | file descriptors, and how many there may be |
| `process_start_time_seconds` | gauge | when it was started, in Unix time |
| `python_gc_objects_collected_total`, `python_gc_objects_uncollectable_total`, `python_gc_collections_total` | \
counter | what Python's garbage collector did, by `generation` |
| `python_info` | gauge | always 1; the labels name the interpreter |
"""

_SECTIONS = (
    ("Webhook", "Intake: from a post to its answer.", webhook.METRICS),
    ("Worker", "From a due lead to its delivery.", worker.METRICS),
    (
        "Backlog",
        "What waits in the database. One worker, elected by a lock there, asks and tells; another takes over from it.",
        backlog.METRICS,
    ),
    ("Operator", "From LeadRoutes to the configuration that runs.", operator.METRICS),
    ("Console", "From a person's request to its answer.", console.METRICS),
    ("Shared", "What several roles say alike.", shared.METRICS),
)


def document() -> str:
    """The whole page."""
    return "".join([_HEAD, *(line for section in _SECTIONS for line in _section(*section)), _TAIL])


def _section(title: str, sentence: str, metrics: tuple[Metric, ...]) -> Iterator[str]:
    yield f"\n## {title}\n\n{sentence}\n\n| metric | type | from | meaning | labels |\n|---|---|---|---|---|\n"
    yield from map(_row, metrics)


def _row(metric: Metric) -> str:
    labels = "; ".join(f"`{name}`: {values}" for name, values in metric.labels.items())
    roles = ", ".join(metric.roles)
    return f"| `{metric.name}` | {_type(metric)} | {roles} | {_help(metric)} | {labels} |\n"


def _type(metric: Metric) -> str:
    if isinstance(metric, CounterMetric):
        return "counter"
    return "histogram" if isinstance(metric, HistogramMetric) else "gauge"


def _help(metric: Metric) -> str:
    if not isinstance(metric, HistogramMetric):
        return metric.help
    return f"{metric.help} Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}."


if __name__ == "__main__":
    print(document(), end="")  # noqa: T201
