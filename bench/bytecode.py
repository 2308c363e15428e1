"""Byte-code as the image has it, see `scripts/compile_lean.py` and the Dockerfile.

Processes that find none compile what they import, which leaves their heaps in pieces: 10 MiB more that nobody has.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent
_OURS = ("core", "webhook", "worker")


@cache
def as_in_the_image() -> Mapping[str, str]:
    """Compile what webhook and worker load, as far as it has changed (the first time takes ten seconds).

    Returns:
        The environment variables with which they use it.
    """
    prefix = Path(sys.prefix) / "lean-byte-code"
    script = _REPOSITORY / "scripts" / "compile_lean.py"
    lean = ["-X", "no_debug_ranges", str(script), "--packages", "--stdlib", "--prefix", str(prefix)]
    ours = [
        "-X",
        f"pycache_prefix={prefix}",
        "-m",
        "compileall",
        "-q",
        *(str(_REPOSITORY / folder) for folder in _OURS),
    ]
    for arguments in (lean, ours):
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return {"PYTHONPYCACHEPREFIX": str(prefix)}
