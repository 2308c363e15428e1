"""The rule file, as Prometheus loads it and as the chart wraps it."""

from __future__ import annotations

import yaml

from observability.alerts import GROUPS

_HEAD = "# Generated from observability/alerts by `make generate`; `make check` fails when it is stale.\n"


def text() -> str:
    """The whole file."""
    content = {"groups": [group.to_dict() for group in GROUPS]}
    return _HEAD + yaml.safe_dump(content, sort_keys=False, width=10_000, allow_unicode=True)
