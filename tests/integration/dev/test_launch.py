"""The launcher: whatever becomes of the process that asked for a program, the program ends with it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from leadgateway.dev.child import LAUNCH, end, spawn
from tests.building.waiting import eventually, gone

SLEEP = ["sleep", "60"]
PARENT = """
import sys, time
sys.path.insert(0, sys.argv[1])
import launch
{how}
"""
WATCHING = PARENT.format(how="sys.exit(launch.watch(int(sys.argv[2]), 15, sys.argv[3:]))")


def child_of(pid: int) -> psutil.Process:
    return eventually(lambda: psutil.Process(pid).children(), what="a child")[0]


@pytest.fixture
def parent() -> subprocess.Popen[str]:
    """A process that can be killed: it runs a launcher that stays and watches, and that launcher a sleep."""
    starter = (
        "import os, subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-c', {WATCHING!r}, {str(LAUNCH.parent)!r}, str(os.getpid()),"
        " 'sleep', '60'])\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    return subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)


def test_a_program_keeps_its_process_id_and_is_led_by_nobodys_terminal() -> None:
    process = spawn(SLEEP)
    try:
        eventually(lambda: psutil.Process(process.pid).name() == "sleep", what="becoming the program")
        assert psutil.Process(process.pid).terminal() is None
    finally:
        end(process)


def test_a_program_that_ignores_the_request_to_end_is_killed() -> None:
    ready = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    process = spawn([sys.executable, "-c", ready], output=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    before = time.monotonic()

    code = end(process, grace=0.2)

    process.stdout.close()
    assert code == -signal.SIGKILL
    assert time.monotonic() - before < 10


def test_a_program_that_does_not_exist_ends_with_an_error_that_names_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = spawn(["/does/not/exist"], output=output)

    assert process.wait(20) != 0
    assert "FileNotFoundError" in log.read_text()


def test_a_launcher_whose_parent_has_gone_already_starts_nothing(tmp_path: Path) -> None:
    started = tmp_path / "started"

    launched = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCH), "1", "15", "-", "touch", str(started)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "has gone" in launched.stderr
    assert not started.exists()


def test_a_watching_launcher_ends_the_program_when_the_parent_is_killed(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    with parent:
        launcher = int(parent.stdout.readline())
        program = child_of(launcher)

        parent.kill()

    eventually(lambda: gone(program.pid), what="the end of the program")
    eventually(lambda: gone(launcher), what="the end of the launcher")


def test_a_watching_launcher_passes_signals_on_and_the_exit_code_back(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    with parent:
        launcher = psutil.Process(int(parent.stdout.readline()))
        program = child_of(launcher.pid)

        launcher.send_signal(signal.SIGTERM)

        eventually(lambda: gone(program.pid), what="the end of the program")
        eventually(lambda: gone(launcher.pid), what="the end of the launcher")
        parent.kill()


def test_a_watching_launcher_gives_the_programs_exit_code() -> None:
    launched = subprocess.run(
        [sys.executable, "-c", WATCHING, str(LAUNCH.parent), str(psutil.Process().pid), "sh", "-c", "exit 7"],
        check=False,
    )

    assert launched.returncode == 7
