"""Compile what webhook and worker load of other people's code to byte-code that takes less memory.

    python -X no_debug_ranges scripts/compile_lean.py --packages --stdlib [--prefix CACHE]

Left out are docstrings, which no process that serves reads, and by `-X no_debug_ranges` the columns with which
tracebacks underline: 3 MiB of each. Assertions stay, which `python -OO` would leave out as well. Ours is not for this:
the `--help` texts are docstrings. Nor is everything else that is installed: SQLAlchemy asserts that it has docstrings.
Needs nothing but Python, since the image is made with it.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib._bootstrap_external import (  # type: ignore[import-not-found]  # as py_compile does
    _code_to_hash_pyc,
    _code_to_timestamp_pyc,
)
from itertools import repeat
from pathlib import Path

PACKAGES = (
    "aiohappyeyeballs",
    "aiohttp",
    "aiosignal",
    "annotated_doc",
    "annotated_types",
    "anyio",
    "attr",
    "click",
    "dotenv",
    "fastapi",
    "frozenlist",
    "httptools",
    "httpx",
    "httpx_aiohttp",
    "idna",
    "multidict",
    "opentelemetry",
    "orjson",
    "phonenumbers",
    "prometheus_client",
    "propcache",
    "psycopg2",
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "re2",
    "redis",
    "rq",
    "shellingham",
    "starlette",
    "structlog",
    "typer",
    "typing_extensions",
    "typing_inspection",
    "uvicorn",
    "uvloop",
    "yarl",
)
"""What webhook and worker load."""

_NEVER_SERVED = ("site-packages", "test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_HEADER_BYTES = 16


def without_docstrings(source: bytes) -> ast.Module:
    """Parse a module, and leave its docstrings out.

    Raises:
        SyntaxError, ValueError: It is no Python, or of another version.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            first = node.body.pop(0)
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.copy_location(ast.Pass(), first))
    return tree


def compile_file(path: Path, prefix: Path | None) -> bool:
    """Write the byte-code of a module.

    Args:
        path: The source.
        prefix: As PYTHONPYCACHEPREFIX. Byte-code below it belongs to one state of the source, by its time and size, and
            is not made again for that; without one it stands beside the source and is never checked again.

    Returns:
        Whether Python can load it.
    """
    sys.pycache_prefix = None if prefix is None else str(prefix)
    target, state = Path(importlib.util.cache_from_source(str(path))), path.stat()
    if prefix is not None and _is_of(target, state):
        return True
    source = path.read_bytes()
    try:
        code = compile(without_docstrings(source), str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError):  # a template, or for another version
        return False
    if prefix is None:
        compiled = _code_to_hash_pyc(code, importlib.util.source_hash(source), False)
    else:
        compiled = _code_to_timestamp_pyc(code, int(state.st_mtime), state.st_size)
    target.parent.mkdir(parents=True, exist_ok=True)
    begun = target.with_name(f"{target.name}.{os.getpid()}")
    begun.write_bytes(compiled)
    begun.replace(target)
    return True


def _is_of(target: Path, state: os.stat_result) -> bool:
    """Whether byte-code is that of a source: its header has the source's time and size, see PEP 552."""
    if not target.exists():
        return False
    with target.open("rb") as compiled:
        header = compiled.read(_HEADER_BYTES)
    told = (int(state.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little"), (state.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    return header == importlib.util.MAGIC_NUMBER + bytes(4) + b"".join(told)


def packages() -> Iterator[Path]:
    """The modules of `PACKAGES`."""
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        if found is None:
            raise SystemExit(f"{name} is not installed: PACKAGES names what webhook and worker load")
        for folder in found.submodule_search_locations or ():
            yield from sorted(Path(folder).rglob("*.py"))
        if not found.submodule_search_locations and found.origin is not None:
            yield Path(found.origin)


def standard_library() -> Iterator[Path]:
    """Python's own modules, but for those that are for developers."""
    folder = Path(sysconfig.get_path("stdlib"))
    for path in sorted(folder.rglob("*.py")):
        if not set(path.relative_to(folder).parts) & set(_NEVER_SERVED):
            yield path


def main() -> None:
    """Compile what the command line asks for, with all processors."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--packages", action="store_true", help="those that webhook and worker load")
    options.add_argument("--stdlib", action="store_true", help="Python's own modules")
    options.add_argument("--known", action="store_true", help="only those that have byte-code beside them")
    options.add_argument("--prefix", type=Path, help="folder for the byte-code, as PYTHONPYCACHEPREFIX")
    asked = options.parse_args()
    paths = [*(packages() if asked.packages else ()), *(standard_library() if asked.stdlib else ())]
    if asked.known:
        paths = [path for path in paths if Path(importlib.util.cache_from_source(str(path))).exists()]
    with ProcessPoolExecutor() as processes:
        done = list(processes.map(compile_file, paths, repeat(asked.prefix), chunksize=16))
    sys.stdout.write(f"{sum(done)} of {len(done)} modules compiled\n")


if __name__ == "__main__":
    main()
