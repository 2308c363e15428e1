"""Makes kopf's log records fit ours: they carry whole settings objects, which no log is to show."""

from __future__ import annotations

import logging

_CARRIED = ("settings", "k8s_skip")


class _Plain(logging.Filter):
    """Replaces what kopf attaches to a record by the name of the object it speaks of."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name in _CARRIED:
            record.__dict__.pop(name, None)
        reference = record.__dict__.pop("k8s_ref", None)
        if isinstance(reference, dict):
            record.__dict__["object"] = f"{reference.get('namespace')}/{reference.get('name')}"
        return True


def quieten() -> None:
    """Filter every record on its way to the handlers of the root logger; of kopf itself show what is amiss."""
    logging.getLogger("kopf").setLevel(max(logging.WARNING, logging.getLogger().level))
    for handler in logging.getLogger().handlers:
        handler.addFilter(_Plain())
