"""Write the generated files of the chart: `python -m observability CHART`; with `--check`, only say what is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from observability import rule_file
from observability.dashboards import PAGES


def files() -> dict[str, str]:
    """Every generated file: its content, by its path below the chart."""
    dashboards = {f"dashboards/{page.name}.json": page.json() for page in PAGES}
    return {"alerts/lead-gateway.rules.yaml": rule_file.text(), **dashboards}


def stale(chart: Path) -> list[str]:
    """What of the generated folders is not as it would be written."""
    wanted = files()
    found = {
        str(path.relative_to(chart)): path.read_text()
        for parent in {(chart / name).parent for name in wanted}
        if parent.is_dir()
        for path in parent.iterdir()
    }
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(chart: Path) -> None:
    """Make the generated folders what they should be."""
    wanted = files()
    for name in stale(chart):
        path = chart / name
        if name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[name])
        else:
            path.unlink()


def main(*arguments: str) -> int:
    """Do what the command line asks for; returns the exit status."""
    chart = Path(arguments[-1])
    if "--check" not in arguments:
        write(chart)
        return 0
    names = stale(chart)
    for name in names:
        print(f"{chart / name} is stale: run 'make generate'", file=sys.stderr)  # noqa: T201
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
