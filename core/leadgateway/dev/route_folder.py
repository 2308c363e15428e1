"""LeadRoutes and Secrets from a folder of YAML, published as the operator would, again whenever a file changes.

A file counts as a whole: one with any mistake is reported, and its last good version goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from leadgateway.dev.demo_address import following_demo
from leadgateway.dev.options import DEMO_PORT
from leadgateway.pipeline.examples import run_examples
from leadgateway.route.compile import compile_route
from leadgateway.route.directory import publish
from leadgateway.route.manifest import FileProblem, Manifests, load_file, manifest_files
from leadgateway.route.model import LeadRoute, normalised_spec
from leadgateway.route.problem import Problem
from leadgateway.route.shard import MissingCredentials, PublishedRoute, render, resolve_credentials
from leadgateway.route.snapshot import RouteKey, RouteSnapshot

SHARDS = 2

_Signature = tuple[int, int, int]
_Secrets = dict[tuple[str, str], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a change of the folder came to.

    Attributes:
        routes: All that are published now.
        changed: Keys of those that are new or different.
        gone: Keys of those that were published before.
        problems: Of files whose last good version, if there is one, goes on.
    """

    routes: tuple[RouteSnapshot, ...]
    changed: frozenset[RouteKey]
    gone: frozenset[RouteKey]
    problems: tuple[FileProblem, ...]


@dataclass(frozen=True, slots=True)
class _Good:
    """A file without mistakes: what it holds, and its routes compiled."""

    manifests: Manifests
    snapshots: tuple[RouteSnapshot, ...]


class RouteFolder:
    """One folder, read again as it changes. Used by one thread."""

    def __init__(self, folder: Path, config: Path, *, fingerprint_key: bytes, demo_port: int = DEMO_PORT) -> None:
        """Read nothing yet, see `refresh`.

        Args:
            folder: Holds `*.yaml` and `*.yml`.
            config: Where webhook and worker look.
            fingerprint_key: The same at each start, so that hashes stay the same.
            demo_port: Where the demo customer is.
        """
        self._folder = folder
        self._config = config
        self._key = fingerprint_key
        self._demo_port = demo_port
        self._published_signatures: dict[Path, _Signature] | None = None
        self._last_signatures: dict[Path, _Signature] | None = None
        self._good: dict[str, _Good] = {}
        self._published: dict[RouteKey, PublishedRoute] = {}

    def refresh(self) -> Refreshed | None:
        """Read and publish anew if any file changed; None if none did.

        Call it several times a second. Files are read once they are the same at two calls: an editor that is about to
        write a file has emptied it first, and an empty file would end its routes. The first call reads at once.

        Raises:
            OSError: The folder can't be read, or the configuration can't be written; the next call tries again.
        """
        files = manifest_files(self._folder)
        signatures = {file: _signature(file) for file in files}
        settled = self._published_signatures is None or signatures == self._last_signatures
        self._last_signatures = signatures
        if not settled or signatures == self._published_signatures:
            return None
        problems = self._accept({str(file): self._load(file) for file in files})
        refreshed = self._publish(problems)
        self._published_signatures = signatures
        return refreshed

    def _load(self, file: Path) -> Manifests:
        manifests = load_file(file)
        routes = tuple((name, following_demo(route, self._demo_port)) for name, route in manifests.routes)
        return replace(manifests, routes=routes)

    def _accept(self, fresh: Mapping[str, Manifests]) -> tuple[FileProblem, ...]:
        """Take over every file that is good beside the others; returns what is wrong with the rest."""
        self._good = {file: good for file, good in self._good.items() if file in fresh}
        pending = dict(fresh)
        while True:
            # A file may need a Secret, or a path, that another one brings or gives up: try until nothing moves.
            judged = {file: self._judge(file, manifests) for file, manifests in pending.items()}
            accepted = {file: found for file, found in judged.items() if isinstance(found, _Good)}
            for file, good in accepted.items():
                if isinstance(self._judge(file, good.manifests), _Good):  # not against what was accepted a moment ago
                    self._good[file] = good
                    del pending[file]
            if not accepted:
                return tuple(problem for found in judged.values() if isinstance(found, list) for problem in found)

    def _judge(self, file: str, manifests: Manifests) -> _Good | list[FileProblem]:
        others = {name: good for name, good in self._good.items() if name != file}
        problems = list(manifests.problems)
        snapshots: list[RouteSnapshot] = []
        secrets = _secrets(manifests, *(good.manifests for good in others.values()))
        taken = {claim: route.key for good in others.values() for route in good.snapshots for claim in _claims(route)}
        for _, route in manifests.routes:
            found = compile_route(route)
            if isinstance(found, RouteSnapshot):
                snapshots.append(found)
                wrong = [*_conflicts(found, taken), *_missing(found, secrets), *_failures(found)]
                taken |= dict.fromkeys(_claims(found), found.key)
            else:
                wrong = found
            problems += [FileProblem(file, f"LeadRoute {route.key}", problem) for problem in wrong]
        return problems or _Good(manifests, tuple(snapshots))

    def _publish(self, problems: tuple[FileProblem, ...]) -> Refreshed:
        secrets = _secrets(*(good.manifests for good in self._good.values()))
        snapshots = [route for good in self._good.values() for route in good.snapshots]
        sources = {route.key: route for good in self._good.values() for _, route in good.manifests.routes}
        published = {route.key: _published(sources[route.key], route, secrets) for route in snapshots}
        publish(self._config, render(published.values(), count=SHARDS, fingerprint_key=self._key))
        before, self._published = self._published, published
        changed = frozenset(key for key, route in published.items() if before.get(key) != route)
        return Refreshed(tuple(snapshots), changed, frozenset(before.keys() - published.keys()), problems)


def _signature(file: Path) -> _Signature:
    """Tell one state of a file from another; editors replace files, so the inode counts too."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _secrets(*manifests: Manifests) -> _Secrets:
    """The Secrets that routes may use: only those that carry the label, as in a cluster."""
    labelled = (secret for each in manifests for secret in each.secrets if secret.is_labelled)
    return {(secret.namespace, secret.name): secret.values for secret in labelled}


def _claims(route: RouteSnapshot) -> Iterator[tuple[str, str]]:
    """What only one route may have: the field it is asked for with, and what it is."""
    yield "metadata.name", f"name {route.key}"
    yield "spec.path", f"path {route.path}"
    if route.default:
        yield "spec.default", "place of the default route"


def _conflicts(route: RouteSnapshot, taken: Mapping[tuple[str, str], RouteKey]) -> Iterator[Problem]:
    for field, what in _claims(route):
        holder = taken.get((field, what))
        if holder is not None:
            yield Problem(field, f"the {what} is taken by {holder}; choose another, or take it from there")


def _missing(route: RouteSnapshot, secrets: _Secrets) -> Iterator[Problem]:
    try:
        resolve_credentials(route, secrets)
    except MissingCredentials as error:
        yield Problem(
            "spec",
            f'{error}; add it (labelled leadgateway.io/credentials: "true") to a file of this folder',
        )


def _failures(route: RouteSnapshot) -> Iterator[Problem]:
    for failure in run_examples(route):
        yield Problem(f"spec.tests[{failure.name}]", failure.message)


def _published(written: LeadRoute, route: RouteSnapshot, secrets: _Secrets) -> PublishedRoute:
    return PublishedRoute(
        namespace=route.namespace,
        name=route.name,
        spec=normalised_spec(written.spec),
        credentials=resolve_credentials(route, secrets),
    )


def described(route: RouteSnapshot) -> str:
    """Say where a route takes leads and where they go."""
    also = " and /webhooks/leads/" if route.default else ""
    return f"{route.name}: POST /webhooks/leads/{route.path}{also} → {route.endpoint.url}"
