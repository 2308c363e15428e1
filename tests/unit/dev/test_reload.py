from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.operator.rig.waiting import wait_until

PROGRAM = """
import pathlib, sys, time
pathlib.Path(sys.argv[1]).open("a").write("started\\n")
time.sleep(600)
"""
RUN = """
import sys
from pathlib import Path
from leadgateway.dev.reload import run
run([sys.executable, *sys.argv[2:]], [Path(sys.argv[1])], look_seconds=0.02)
"""


def test_a_changed_source_restarts_the_command_and_a_signal_ends_both(tmp_path: Path) -> None:
    sources, starts = tmp_path / "sources", tmp_path / "starts"
    sources.mkdir()
    program = sources / "program.py"
    program.write_text(PROGRAM)
    starts.touch()
    process = subprocess.Popen([sys.executable, "-c", RUN, str(sources), str(program), str(starts)])
    try:
        wait_until(lambda: starts.read_text().count("started") == 1, within=20, what="the first start")

        program.write_text(PROGRAM + "# changed\n")

        wait_until(lambda: starts.read_text().count("started") == 2, within=20, what="the start after a change")
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
