"""What a newcomer is told to type can be typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadgateway.dev.guide import show_command
from leadgateway.dev.home import DEFAULT


def test_a_program_below_the_working_directory_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    shown = show_command(str(tmp_path / ".venv" / "bin" / "leadgateway"), DEFAULT)

    assert shown == ".venv/bin/leadgateway lead show 1"


def test_a_program_elsewhere_is_named_whole() -> None:
    assert show_command("/opt/x/leadgateway", DEFAULT) == "/opt/x/leadgateway lead show 1"


def test_a_program_that_was_started_as_a_module_is_named_as_it_is_installed() -> None:
    assert show_command("/x/leadgateway/__main__.py", DEFAULT) == "leadgateway lead show 1"


def test_a_data_folder_of_ones_own_is_named() -> None:
    assert show_command("leadgateway", Path("/tmp/my data")) == "leadgateway lead show 1 --data '/tmp/my data'"
