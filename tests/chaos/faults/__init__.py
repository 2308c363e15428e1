"""Everything that may go wrong, one module a family."""

from __future__ import annotations

from tests.chaos.faults import customers, network, postgres, processes, routes, valkey
from tests.chaos.faults.fault import Fault

ALL: tuple[Fault, ...] = (
    *processes.FAULTS,
    *valkey.FAULTS,
    *postgres.FAULTS,
    *network.FAULTS,
    *customers.FAULTS,
    *routes.FAULTS,
)
"""Every fault; some need more of the stack than others."""
