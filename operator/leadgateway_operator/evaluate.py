"""Judges one version of a LeadRoute's spec: does it compile, and do its examples come out?

The same steps that webhook and worker take, so that what is accepted here runs there. It is the costly part of a
rebuild, so each version is judged once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from leadgateway.json import write_compactly
from leadgateway.pipeline.examples import ExampleFailure, run_examples
from leadgateway.route.compile import compile_route
from leadgateway.route.model import API_VERSION, KIND, LeadRoute, normalised_spec
from leadgateway.route.problem import Problem
from leadgateway.route.reading import read_route
from leadgateway_operator.credentials import References, references_of
from leadgateway_operator.spec_text import MAX_DEPTH, read_spec, write_spec


@dataclass(frozen=True, slots=True)
class Flawed:
    """A version that does not compile.

    Attributes:
        path: What it would be posted to, as far as that can be told.
        default: Whether it asks for posts without a path.
        spec: As it was given: an accepted version that a newer release finds flawed still keeps its place.
    """

    problems: tuple[Problem, ...]
    path: str
    default: bool
    spec: bytes


@dataclass(frozen=True, slots=True)
class Sound:
    """A version that compiles.

    Attributes:
        spec: Normalised, as compact JSON: what the pods are given.
        references: The Secret keys it needs.
        examples: Number of its examples.
        failures: Those that do not come out as they say.
    """

    path: str
    default: bool
    paused: bool
    spec: bytes
    references: References
    examples: int
    failures: tuple[ExampleFailure, ...]


Version = Flawed | Sound


def evaluate(*, namespace: str, name: str, spec: bytes) -> Version:
    """Judge a spec.

    Args:
        namespace: Of the LeadRoute.
        name: Of the LeadRoute.
        spec: JSON as the API holds it; empty if it nests too deeply to be read.
    """
    parsed = read_spec(spec)
    if parsed is None:
        problem = Problem("spec", f"nests more than {MAX_DEPTH} levels deep; make it flatter")
        return Flawed((problem,), name, default=False, spec=b"{}")
    judged = _judge(_read(namespace, name, parsed))
    if isinstance(judged, Sound):
        return judged
    path = parsed.get("path")
    return Flawed(tuple(judged), path if isinstance(path, str) else name, parsed.get("default") is True, spec)


def evaluate_manifest(namespace: str, name: str, spec: Any) -> Version:
    """Judge a spec that is not stored yet, as admission sees it."""
    return evaluate(namespace=namespace, name=name, spec=write_spec(spec))


def _read(namespace: str, name: str, spec: Any) -> LeadRoute | list[Problem]:
    metadata = {"namespace": namespace, "name": name}
    return read_route({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})


def _judge(route: LeadRoute | list[Problem]) -> Sound | list[Problem]:
    if isinstance(route, list):
        return route
    compiled = compile_route(route)
    if isinstance(compiled, list):
        return compiled
    return Sound(
        path=compiled.path,
        default=compiled.default,
        paused=compiled.paused,
        spec=write_compactly(normalised_spec(route.spec)),
        references=references_of(compiled),
        examples=len(compiled.examples),
        failures=tuple(run_examples(compiled)),
    )
