"""Byte-code without what no process that serves needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = Path(__file__).parents[2] / "scripts" / "compile_lean.py"
_MODULE = '''"""Of a module."""
from __future__ import annotations

class Documented:
    """Of a class."""

    def only_documented(self) -> None:
        """Of a function."""

    async def also(self) -> int:
        """Of a coroutine."""
        return 1

text = """No docstring."""
asserts = False
try:
    assert False, text
except AssertionError:
    asserts = True
'''
_LOOK = """
import importlib.util, json, sys
sys.path.insert(0, sys.argv[1])
import module
documented = module.Documented
code = documented.also.__code__
print(json.dumps({
    "docstrings": [one.__doc__ for one in (module, documented, documented.only_documented, documented.also)],
    "text": module.text,
    "asserts": module.asserts,
    "columns": sorted({column for _, _, column, _ in code.co_positions()} - {None}),
}))
"""


def _python(*arguments: str, cache: Path | None = None) -> str:
    options = [] if cache is None else ["-X", f"pycache_prefix={cache}"]
    command = [sys.executable, *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "module.py"
    path.write_text(_MODULE)
    return path


def _compile(module: Path, cache: Path | None) -> bool:
    script = "import pathlib, runpy, sys; path, *cache = map(pathlib.Path, sys.argv[2:]);"
    script += "print(runpy.run_path(sys.argv[1])['compile_file'](path, *(cache or [None])))"
    places = [str(module)] if cache is None else [str(module), str(cache)]
    return _python("-X", "no_debug_ranges", "-c", script, str(_SCRIPT), *places) == "True\n"


def _look(module: Path, cache: Path | None) -> dict[str, Any]:
    return dict(json.loads(_python("-c", _LOOK, str(module.parent), cache=cache)))


@pytest.mark.parametrize("with_cache", [False, True])
def test_docstrings_and_columns_are_left_out_and_nothing_else(module: Path, tmp_path: Path, with_cache: bool) -> None:
    cache = tmp_path / "cache" if with_cache else None

    assert _compile(module, cache)

    expected = {"docstrings": [None] * 4, "text": "No docstring.", "asserts": True, "columns": []}
    assert _look(module, cache) == expected


def test_a_source_that_has_changed_since_is_compiled_again(module: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    _compile(module, cache)
    module.write_text(_MODULE.replace("No docstring.", "Something longer."))

    _compile(module, cache)

    found = _look(module, cache)
    assert (found["text"], found["docstrings"]) == ("Something longer.", [None] * 4)


def test_what_is_no_python_is_passed_over(tmp_path: Path) -> None:
    template = tmp_path / "template.py"
    template.write_text("class {{ name }}:\n")

    assert not _compile(template, None)
