"""How long the properties are looked at.

`ci`, the default, tries the same examples in each run, so that a red test is a change's fault. To look for new ones:
`HYPOTHESIS_PROFILE=explore make test ARGS=tests/property`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

# Deep and wide JSON takes a while to make, and a shared machine may stall: neither is a defect.
_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60, suppress_health_check=_PATIENT)
settings.register_profile("explore", deadline=None, max_examples=1_000, suppress_health_check=_PATIENT)
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10, phases=[Phase.explicit, Phase.generate])


def load() -> None:
    """Take the profile that the environment names."""
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
