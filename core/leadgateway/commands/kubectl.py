"""`kubectl leads …`: the commands for leads against a gateway in a cluster, through the admin API of its console.

kubectl runs any `kubectl-leads` on the PATH as its own. Everything that touches the cluster is asked of kubectl itself,
so whoever is signed in there, may here what they may there.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import queue
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from typer._completion_classes import completion_init

from leadgateway import __version__
from leadgateway.commands.api_source import console
from leadgateway.commands.exits import NEGATIVE, UNAVAILABLE, USAGE, fail
from leadgateway.commands.lead import COMMANDS, over
from leadgateway.commands.source import LeadSource
from leadgateway.commands.stats import count
from leadgateway.dev.child import end, spawn

SECRET_ANNOTATION = "leadgateway.io/console-secret"  # noqa: S105 - the name of a place
"""On the console's Service: the Secret with its tokens, where it is not named like the Service."""

_CHART = "lead-gateway"
_SELECTOR = "app.kubernetes.io/component=console"
_ANSWER_SECONDS = 60.0
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")

Namespace: TypeAlias = Annotated[
    str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Of the gateway; default: the context's.")
]
Context: TypeAlias = Annotated[str | None, typer.Option("--context", metavar="NAME", help="Of the kubeconfig.")]
Kubeconfig: TypeAlias = Annotated[
    Path | None, typer.Option("--kubeconfig", metavar="FILE", help="Default: as kubectl finds it.")
]
Release: TypeAlias = Annotated[
    str | None, typer.Option("--release", metavar="NAME", help="Of Helm, where the namespace has several.")
]
TokenFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--token-file", metavar="FILE", help="With the console's token; default: from the chart's Secret."),
]


@dataclass(frozen=True, slots=True)
class Place:
    """Which gateway is meant; None: as kubectl has it, or as it is found.

    Attributes:
        namespace: Its namespace.
        context: Of the kubeconfig.
        kubeconfig: The file.
        release: Helm's name of it.
        token_file: Holds the console's token.
    """

    namespace: str | None = None
    context: str | None = None
    kubeconfig: Path | None = None
    release: str | None = None
    token_file: Path | None = None

    def over(self, other: Place) -> Place:
        """This one, with what only the other says."""
        return Place(*(getattr(self, each.name) or getattr(other, each.name) for each in fields(Place)))

    @property
    def flags(self) -> list[str]:
        """For kubectl."""
        named = {"namespace": self.namespace, "context": self.context, "kubeconfig": self.kubeconfig}
        return [f"--{name}={value}" for name, value in named.items() if value is not None]


@dataclass(frozen=True, slots=True)
class Service:
    """The Service of a console.

    Attributes:
        name: Its name.
        port: Its port.
        secret: The Secret that has the tokens.
    """

    name: str
    port: int
    secret: str


@contextmanager
def cluster(
    ctx: typer.Context,
    *,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    release: Release = None,
    token_file: TokenFile = None,
) -> Iterator[LeadSource]:
    """The console of a gateway in the cluster, through a port of this machine that is closed afterwards."""
    place = Place(namespace, context, kubeconfig, release, token_file)
    if isinstance(ctx.obj, Place):
        place = place.over(ctx.obj)
    service = _service(place)
    token = _token(place, service)
    with _forwarded(place, service) as port, console(f"http://127.0.0.1:{port}", token) as source:
        yield source


app = typer.Typer(
    name="kubectl leads",
    help="Find leads in a cluster's Lead Gateway and act on them: list, show, tail, export, replay, reject, move, "
    "bulk, stats.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_show_locals=False,
)
for _name, _command in {**COMMANDS, "stats": count}.items():
    app.command(_name)(over(cluster, _command))


def _show_version(value: bool) -> None:  # noqa: FBT001
    if value:
        typer.echo(f"lead-gateway {__version__}")
        raise typer.Exit


@app.callback()
def leads(
    ctx: typer.Context,
    *,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    release: Release = None,
    token_file: TokenFile = None,
    version: Annotated[  # noqa: ARG001 - acted on by its callback
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Find leads in a cluster's Lead Gateway and act on them, through the admin API of its console."""
    ctx.obj = Place(namespace, context, kubeconfig, release, token_file)


def main() -> None:
    """Run `kubectl-leads`."""
    app(prog_name="kubectl leads")


def complete() -> None:
    """Run `kubectl_complete-leads`, which kubectl calls with the words so far, the last of them unfinished.

    Prints what may follow, a line each, and Cobra's directive not to offer files
    (https://github.com/spf13/cobra/blob/main/site/content/completions/_index.md).
    """
    words = sys.argv[1:] or [""]
    variable = "_KUBECTL_LEADS_COMPLETE"
    os.environ |= {
        variable: "complete_bash",
        "COMP_WORDS": shlex.join(["kubectl-leads", *words]),
        "COMP_CWORD": str(len(words)),
    }
    completion_init()
    try:
        app(prog_name="kubectl-leads", complete_var=variable)
    finally:
        typer.echo("\n:4")


def _service(place: Place) -> Service:
    found = json.loads(_kubectl(place, "get", "services", f"--selector={_SELECTOR}", "--output=json"))
    services = [each for each in found["items"] if _is_ours(each) and place.release in (None, _release(each))]
    where = f"namespace {place.namespace}" if place.namespace else "the context's namespace"
    if not services:
        which = f"of release {place.release} " if place.release else ""
        raise fail(
            f"There is no console of a Lead Gateway {which}in {where}. Name the gateway's namespace with -n; its chart "
            "must be installed with console.enabled.",
            USAGE,
        )
    if len(services) > 1:
        names = ", ".join(sorted(map(_release, services)))
        raise fail(f"There are several Lead Gateways in {where}: choose one with --release: {names}", USAGE)
    [service] = services
    metadata = service["metadata"]
    secret = (metadata.get("annotations") or {}).get(SECRET_ANNOTATION, metadata["name"])
    return Service(metadata["name"], int(service["spec"]["ports"][0]["port"]), secret)


def _is_ours(service: Mapping[str, Any]) -> bool:
    return str(service["metadata"]["labels"].get("helm.sh/chart", "")).startswith(f"{_CHART}-")


def _release(service: Mapping[str, Any]) -> str:
    return str(service["metadata"]["labels"].get("app.kubernetes.io/instance", ""))


def _token(place: Place, service: Service) -> str:
    if place.token_file is not None:
        try:
            return place.token_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise fail(f"--token-file: {place.token_file} can't be read as a token.", USAGE) from None
    remedy = "give a token with --token-file"
    text = _kubectl(
        place,
        "get",
        "secret",
        service.secret,
        "--output=json",
        forbidden=f"You may not read the Secret {service.secret}: ask for `get` on it, or {remedy}.",
        missing=f"There is no Secret {service.secret}: {remedy}.",
    )
    data = json.loads(text).get("data") or {}
    encoded = data.get("token") or data.get("viewer-token")
    if not encoded:
        raise fail(f"The Secret {service.secret} has neither token nor viewer-token: add one, or {remedy}.", USAGE)
    try:
        return base64.b64decode(encoded).decode("ascii").strip()
    except (binascii.Error, UnicodeDecodeError):
        raise fail(f"The token in the Secret {service.secret} is not of ASCII: {remedy}.", USAGE) from None


def _kubectl(place: Place, *arguments: str, forbidden: str | None = None, missing: str | None = None) -> str:
    """What kubectl prints; if it fails, the command ends with what kubectl says and what can be done."""
    called = subprocess.run(  # noqa: S603 - no shell
        [_program(), *place.flags, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if called.returncode == 0:
        return called.stdout
    error = called.stderr.strip()
    if "(Forbidden)" in error:
        raise fail(
            f"{error}\n{forbidden or 'Ask for a role that may list Services in the namespace of the gateway.'}",
            NEGATIVE,
        )
    if "(NotFound)" in error and missing:
        raise fail(f"{error}\n{missing}", NEGATIVE)
    raise fail(f"kubectl: {error}\nDoes `kubectl {shlex.join([*place.flags, 'get', 'services'])}` work?", UNAVAILABLE)


def _program() -> str:
    found = shutil.which("kubectl")
    if found is None:
        raise fail("kubectl is not on the PATH. Install it: https://kubernetes.io/docs/tasks/tools/", UNAVAILABLE)
    return found


@contextmanager
def _forwarded(place: Place, service: Service) -> Iterator[int]:
    """A port of this machine that leads to a Service, for as long as the block runs."""
    target = [f"service/{service.name}", f":{service.port}"]
    command = [_program(), *place.flags, "port-forward", "--address=127.0.0.1", *target]
    process = spawn(command, output=subprocess.PIPE)
    said: queue.Queue[str | None] = queue.Queue()
    # It says a line for every connection, which somebody has to read.
    reader = threading.Thread(target=_read, args=(process, said), daemon=True)
    reader.start()
    try:
        yield _port(said)
    finally:
        end(process)
        reader.join()
        if process.stdout is not None:
            process.stdout.close()


def _read(process: subprocess.Popen[bytes], said: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said.put(line.decode("utf-8", "replace"))
    said.put(None)


def _port(said: queue.Queue[str | None]) -> int:
    last, deadline = "it says nothing", time.monotonic() + _ANSWER_SECONDS
    while True:
        try:
            line = said.get(timeout=max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            line = None
        if line is None:
            raise fail(
                f"kubectl port-forward: {last}\nIs the console's pod ready? `kubectl get pods --selector={_SELECTOR}` "
                "tells. You need `create` on pods/portforward, too.",
                UNAVAILABLE,
            )
        matched = _FORWARDING.search(line)
        if matched:
            return int(matched[1])
        last = line.strip() or last
