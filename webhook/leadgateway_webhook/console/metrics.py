"""What the console counts; what each means stands in `leadgateway.telemetry.catalogue.console`.

No label holds anything that a request could choose freely.
"""

from __future__ import annotations

from prometheus_client import REGISTRY, CollectorRegistry

from leadgateway.telemetry.catalogue import console


class Metrics:
    """The console's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        """Register them.

        Args:
            registry: Where; each can hold them once.
        """
        self.requests = console.REQUESTS.register(registry)
        self.seconds = console.REQUEST_SECONDS.register(registry)
        self.failed_sign_ins = console.FAILED_SIGN_INS.register(registry)
