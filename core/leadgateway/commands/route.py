"""`leadgateway route …`: judge LeadRoutes offline, and make one from the settings of the service that came before."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
import yaml

from leadgateway.commands import seed_environment
from leadgateway.commands.exits import NEGATIVE, USAGE, fail
from leadgateway.json import JsonValue
from leadgateway.pipeline.examples import run_examples
from leadgateway.pipeline.lead import InvalidLead, parse_lead
from leadgateway.pipeline.outcome import Rejected
from leadgateway.pipeline.process import decide
from leadgateway.route.compile import compile_route
from leadgateway.route.manifest import FileProblem, load_documents, load_files
from leadgateway.route.model import NAME_PATTERN, NAMESPACE_PATTERN
from leadgateway.route.problem import Problem
from leadgateway.route.snapshot import RouteSnapshot

app = typer.Typer(
    help="Judge LeadRoutes offline: check, test; make one from another system's settings: from-env.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

_HEADER = """\
# Made by `leadgateway route from-env`. It holds secrets: keep it out of version control.
# The other variables of the service, and what replaces them:
"""

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="YAML files with LeadRoutes (and Secrets)."),
]


@app.command()
def check(files: Files) -> None:
    """Check that LeadRoutes can be used: every mistake is named with file, field and what to change.

    What only a cluster knows is not checked: whether Secrets exist, and whether another LeadRoute has the path.

    Exit status: 0 all are good, 1 some have mistakes, 2 a file can't be named.
    """
    routes, problems = _load(files)
    problems += _claimed_twice(routes)
    _report(problems)
    for file, route in routes:
        typer.echo(f"{file}: LeadRoute {route.key}: good")


@app.command("test")
def prove(
    files: Files,
    lead: Annotated[
        Path | None,
        typer.Option(
            "--lead",
            metavar="FILE",
            help="A lead as JSON (- for standard input): show what each route makes of it.",
        ),
    ] = None,
) -> None:
    """Run the inline tests of LeadRoutes, or show what they make of a lead. Nothing is stored or sent.

    Exit status: 0 all came out as they say (or the lead would be delivered), 1 one did not (or the lead would be
    rejected), 2 a file can't be used.
    """
    routes, problems = _load(files)
    _report(problems)
    if lead is None:
        good = [_prove(file, route) for file, route in routes]
    else:
        content = _read_lead(lead)
        good = [_try(file, route, content) for file, route in routes]
    if not all(good):
        raise typer.Exit(NEGATIVE)


@app.command("from-env")
def from_env(
    name: Annotated[str, typer.Option("--name", help="Name of the LeadRoute and the Secret.")] = "customer",
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", help="Their namespace.")] = None,
) -> None:
    """Print the LeadRoute and the Secret that the Django service's variables amount to, as YAML for kubectl.

    Reads CUSTOMER_API_URL, CUSTOMER_TOKEN, CUSTOMER_PRODUCT_NAME, ATTRIBUTE_MAPPING_PATH and WEBHOOK_SHARED_SECRET.
    Comments at the top say what replaces the others. The output holds the secrets: redirect it into a file that only
    you can read.

    Exit status: 0 printed, 2 a variable can't be used (each is named).
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise typer.BadParameter("write a lower-case DNS name, like solar-saarland", param_hint="--name")
    if namespace is not None and not re.fullmatch(NAMESPACE_PATTERN, namespace):
        raise typer.BadParameter("write a lower-case DNS label, like default", param_hint="--namespace")
    try:
        seed = seed_environment.read_seed(os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
    except seed_environment.InvalidEnvironment as error:
        raise fail(str(error), USAGE) from None
    documents = seed_environment.documents(seed, name=name, namespace=namespace)
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True)
    _check_output(text)
    typer.echo(_HEADER, nl=False)
    typer.echo("".join(f"#   {name}: {instead}\n" for name, instead in seed_environment.REPLACED.items()), nl=False)
    typer.echo(text, nl=False)


def _load(files: Iterable[Path]) -> tuple[list[tuple[str, RouteSnapshot]], list[FileProblem]]:
    """Read and compile; a file without any LeadRoute is a mistake, since nobody names it on purpose."""
    names = list(files)
    manifests = load_files(names)
    problems = list(manifests.problems)
    routes: list[tuple[str, RouteSnapshot]] = []
    for file, route in manifests.routes:
        compiled = compile_route(route)
        if isinstance(compiled, RouteSnapshot):
            routes.append((file, compiled))
        else:
            problems += [FileProblem(file, f"LeadRoute {route.key}", problem) for problem in compiled]
    for name in names:
        if not any(file == str(name) for file, _ in manifests.routes) and not any(
            p.file == str(name) for p in problems
        ):
            problems.append(FileProblem(str(name), "", Problem("(file)", "holds no LeadRoute")))
    return routes, problems


def _claimed_twice(routes: Iterable[tuple[str, RouteSnapshot]]) -> Iterator[FileProblem]:
    """Two LeadRoutes of the same call can't both have a name, a path or the default."""
    taken: dict[tuple[str, str], str] = {}
    for file, route in routes:
        claims = [("metadata.name", route.key), ("spec.path", route.path)]
        claims += [("spec.default", "the default route")] if route.default else []
        for claim in claims:
            if claim in taken:
                problem = Problem(claim[0], f"{claim[1]} is taken by {taken[claim]}; choose another")
                yield FileProblem(file, f"LeadRoute {route.key}", problem)
            else:
                taken[claim] = f"{route.key} in {file}"


def _report(problems: Iterable[FileProblem]) -> None:
    found = list(problems)
    for problem in found:
        typer.echo(str(problem), err=True)
    if found:
        typer.secho(f"{len(found)} {'mistake' if len(found) == 1 else 'mistakes'}", fg="red", err=True)
        raise typer.Exit(NEGATIVE)


def _prove(file: str, route: RouteSnapshot) -> bool:
    failures = {failure.name: failure.message for failure in run_examples(route)}
    typer.echo(f"{file}: LeadRoute {route.key}")
    for example in route.examples:
        if example.name in failures:
            typer.secho(f"  ✗ {example.name}", fg="red")
            typer.echo("".join(f"    {line}\n" for line in failures[example.name].split("\n")), nl=False)
        else:
            typer.secho(f"  ✓ {example.name}", fg="green")
    if not route.examples:
        typer.echo("  no tests; add some under spec.tests")
    return not failures


def _read_lead(file: Path) -> dict[str, JsonValue]:
    try:
        return parse_lead(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise fail(f"--lead {file} can't be read: {error.strerror}", USAGE) from None
    except InvalidLead as error:
        raise fail(f"--lead {file}: {error.sentence}", USAGE) from None


def _try(file: str, route: RouteSnapshot, lead: dict[str, JsonValue]) -> bool:
    decision = decide(lead, route)
    typer.echo(f"{file}: LeadRoute {route.key}")
    if isinstance(decision, Rejected):
        typer.secho(f"  rejected with {decision.code}: {decision.message}", fg="yellow")
        return False
    typer.secho("  would be delivered as", fg="green")
    typer.echo("\n".join(f"  {line}" for line in json.dumps(decision.payload, indent=2).split("\n")))
    for omission in decision.omitted:
        typer.echo(f"  left out: {omission.target} ({omission.reason})")
    return True


def _check_output(text: str) -> None:
    """What the variables amount to must be a route that works; a mapping file may hold what no LeadRoute can."""
    manifests = load_documents(text, "the LeadRoute")
    problems = [problem.problem for problem in manifests.problems]
    for _, route in manifests.routes:
        compiled = compile_route(route)
        problems += compiled if isinstance(compiled, list) else []
    if problems:
        raise fail("\n".join(f"{seed_environment.variable_of(each.field)}: {each}" for each in problems), USAGE)
