"""What runs, as a metric."""

from __future__ import annotations

import platform

from prometheus_client import REGISTRY, CollectorRegistry

from leadgateway import __version__
from leadgateway.telemetry.catalogue import Role, shared


def tell_build(role: Role, registry: CollectorRegistry = REGISTRY) -> None:
    """Expose the version of this process.

    Args:
        role: What it is.
        registry: Where; each can hold it once.
    """
    shared.BUILD_INFO.register(registry).labels(role, __version__, platform.python_version()).set(1)
