"""The states of a lead and the steps between them that are allowed.

The database refuses every other step by itself (a trigger on `lead_state`, a CHECK on `status_transition`); what stands
here is the same table for Python, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class LeadStatus(StrEnum):
    """Where a lead stands."""

    RECEIVED = "RECEIVED"
    """Accepted and stored; not judged yet."""
    REJECTED = "REJECTED"
    """A rule, a required target or a person turned it down (an end)."""
    READY = "READY"
    """Mapped: the payload of its delivery round is stored and may be on its way."""
    DELIVERED = "DELIVERED"
    """The customer answered 2xx (an end)."""
    FAILED = "FAILED"
    """An attempt failed; the next one has a time."""
    PERMANENTLY_FAILED = "PERMANENTLY_FAILED"
    """Given up (an end): the dead-letter queue."""


_S = LeadStatus

LEGAL_STEPS: Mapping[LeadStatus, frozenset[LeadStatus]] = {
    _S.RECEIVED: frozenset({_S.READY, _S.REJECTED, _S.PERMANENTLY_FAILED}),
    _S.READY: frozenset({_S.DELIVERED, _S.FAILED, _S.PERMANENTLY_FAILED, _S.REJECTED}),
    _S.FAILED: frozenset({_S.READY, _S.PERMANENTLY_FAILED, _S.REJECTED}),
    _S.PERMANENTLY_FAILED: frozenset({_S.RECEIVED}),
    _S.REJECTED: frozenset({_S.RECEIVED}),
    _S.DELIVERED: frozenset(),
}
"""What may follow what on one route. RECEIVED to PERMANENTLY_FAILED is the end of a lead that can't be processed."""

MOVABLE = frozenset({_S.RECEIVED, _S.READY, _S.FAILED, _S.REJECTED, _S.PERMANENTLY_FAILED})
"""From each of these a person may move a lead to another route, where it is RECEIVED again."""

WAITING = frozenset({_S.RECEIVED, _S.READY, _S.FAILED})
"""The states that are not an end: such a lead is due at some time."""
