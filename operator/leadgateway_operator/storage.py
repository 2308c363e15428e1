"""What kopf is to remember on the objects it sees: nothing.

Its default storages write annotations for change handlers. There are none here, yet kopf copies each object on every
event to look for changes; these two stop both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf


class NoProgress(kopf.ProgressStorage):
    """Keeps no handler's progress: event handlers and indexes have none."""

    def fetch(self, *, key: kopf.HandlerId, body: kopf.Body) -> None:  # noqa: ARG002
        """Know of nothing."""
        return

    def store(self, *, key: kopf.HandlerId, record: kopf.ProgressRecord, body: kopf.Body, patch: kopf.Patch) -> None:
        """Write nothing."""

    def purge(self, *, key: kopf.HandlerId, body: kopf.Body, patch: kopf.Patch) -> None:
        """Write nothing."""

    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        """Write nothing."""

    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        """Leave it as it is."""
        return essence


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no former state of an object."""

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:  # noqa: ARG002
        """Take nothing from the object, which also spares a deep copy of it."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> None:  # noqa: ARG002
        """Know of nothing."""
        return

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Write nothing."""
