"""The sample routes that a development stack serves where no other folder is named."""

from __future__ import annotations

import shutil
from pathlib import Path

from leadgateway.dev.home import Home

_IN_A_CLONE = Path(__file__).parents[3] / "crds" / "samples" / "dev"
_IN_A_WHEEL = Path(__file__).parent / "samples"


def sample_routes(home: Home) -> Path:
    """Find the sample routes: those of the clone, to be edited there, or a copy in the data folder.

    Returns:
        The folder, from the working directory where it is below that: so a person is shown short names.
    """
    if _IN_A_CLONE.is_dir():
        here = Path.cwd()
        return _IN_A_CLONE.relative_to(here) if _IN_A_CLONE.is_relative_to(here) else _IN_A_CLONE
    if not home.routes.exists():
        shutil.copytree(_IN_A_WHEEL, home.routes)
    return home.routes
