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
from leadgateway.route.model import normalised_spec
from leadgateway.route.problem import Problem
from leadgateway.route.shard import MissingCredentials, PublishedRoute, render, resolve_credentials
from leadgateway.route.snapshot import RouteKey, RouteSnapshot

SHARDS = 2

_Signature = tuple[int, int, int]
_Secrets = Mapping[tuple[str, str], Mapping[str, str]]


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
class _Version:
    """A file without mistakes of its own: what it holds, and its routes compiled."""

    manifests: Manifests
    snapshots: tuple[RouteSnapshot, ...]


_World = Mapping[str, _Version]
"""What is to be published, by file."""


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
        self._good: _World = {}
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
        refreshed = self._take_over({str(file): self._load(file) for file in files})
        self._published_signatures = signatures
        return refreshed

    def _load(self, file: Path) -> Manifests:
        manifests = load_file(file)
        routes = tuple((name, following_demo(route, self._demo_port)) for name, route in manifests.routes)
        return replace(manifests, routes=routes)

    def _take_over(self, files: Mapping[str, Manifests]) -> Refreshed:
        """Publish what is good of the files, and the last good version of the rest."""
        problems: list[FileProblem] = []
        candidates: dict[str, _Version] = {}
        for file, manifests in files.items():
            snapshots, wrong = _compile(file, manifests)
            problems += wrong
            if not wrong:
                candidates[file] = _Version(manifests, snapshots)
        before = {file: version for file, version in self._good.items() if file in files}
        while misfits := _first_misfits(before, candidates):
            problems += misfits
            del candidates[misfits[0].file]
        world = before | candidates
        routes, changed, gone = self._publish(world)
        self._good = world
        return Refreshed(routes, changed, gone, tuple(problems))

    def _publish(self, world: _World) -> tuple[tuple[RouteSnapshot, ...], frozenset[RouteKey], frozenset[RouteKey]]:
        secrets = _secrets(world)
        published: dict[RouteKey, PublishedRoute] = {}
        for version in world.values():
            for (_, written), route in zip(version.manifests.routes, version.snapshots, strict=True):
                try:
                    credentials = resolve_credentials(route, secrets)
                except MissingCredentials:  # a last good version, whose Secret has been taken away since
                    credentials = self._published[route.key].credentials
                spec = normalised_spec(written.spec)
                published[route.key] = PublishedRoute(route.namespace, route.name, spec, credentials)
        publish(self._config, render(published.values(), count=SHARDS, fingerprint_key=self._key))
        before, self._published = self._published, published
        changed = frozenset(key for key, route in published.items() if before.get(key) != route)
        routes = tuple(route for version in world.values() for route in version.snapshots)
        return routes, changed, frozenset(before.keys() - published.keys())


def _compile(file: str, manifests: Manifests) -> tuple[tuple[RouteSnapshot, ...], list[FileProblem]]:
    """Judge a file by itself: its routes compiled, and all its mistakes."""
    problems = list(manifests.problems)
    snapshots: list[RouteSnapshot] = []
    for _, route in manifests.routes:
        found = compile_route(route)
        wrong = found if isinstance(found, list) else list(_failures(found))
        problems += [FileProblem(file, f"LeadRoute {route.key}", problem) for problem in wrong]
        if isinstance(found, RouteSnapshot):
            snapshots.append(found)
    return tuple(snapshots), problems


def _first_misfits(before: _World, candidates: _World) -> list[FileProblem]:
    """What keeps a candidate from being taken over beside the others: all about the first one that doesn't fit.

    Only the first, since the others may fit once it is left out. Who has a name, a path or the default already keeps
    it, so files come first that are as before.
    """
    world = {**before, **candidates}
    secrets = _secrets(world)
    taken: dict[tuple[str, str], RouteKey] = {}
    for file in sorted(world, key=lambda file: (world[file] != before.get(file), file)):
        wrong = []
        for route in world[file].snapshots:
            problems = [*_conflicts(route, taken), *_missing(route, secrets)]
            wrong += [FileProblem(file, f"LeadRoute {route.key}", problem) for problem in problems]
            taken |= dict.fromkeys(_claims(route), route.key)
        if wrong and file in candidates:
            return wrong
    return []


def _signature(file: Path) -> _Signature:
    """Tell one state of a file from another; editors replace files, so the inode counts too."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _secrets(world: _World) -> _Secrets:
    """The Secrets that routes may use: only those that carry the label, as in a cluster."""
    labelled = (secret for version in world.values() for secret in version.manifests.secrets if secret.is_labelled)
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


def described(route: RouteSnapshot) -> str:
    """Say where a route takes leads and where they go."""
    also = " and /webhooks/leads/" if route.default else ""
    return f"{route.name}: POST /webhooks/leads/{route.path}{also} → {route.endpoint.url}"
