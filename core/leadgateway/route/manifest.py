"""Reads LeadRoutes and Secrets from YAML files, as `kubectl apply` would, for everything that works without a cluster.

Where YAML is ambiguous it is read as kubectl reads it: dates stay strings, `12:30` is no number, `1e3` is one. A key
that stands twice is refused, since one of the two would be lost silently.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from leadgateway.route.model import API_VERSION, KIND, NAME_PATTERN, NAMESPACE_PATTERN, LeadRoute
from leadgateway.route.problem import Problem
from leadgateway.route.reading import read_route

CREDENTIALS_LABEL: Final = "leadgateway.io/credentials"
"""Only Secrets with this label set to "true" may be used: otherwise whoever may write a LeadRoute could send any Secret
of the namespace away."""

MAX_FILE_BYTES: Final = 8 << 20
"""Largest file that is read."""

MAX_VALUES: Final = 200_000
"""Most values a document may hold once its aliases are written out."""

SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class SecretManifest:
    """A Secret. Its values are in no repr.

    Attributes:
        values: Decoded values by key; a value that is not UTF-8 text is a problem.
        is_labelled: Whether it carries `CREDENTIALS_LABEL`.
    """

    namespace: str
    name: str
    is_labelled: bool
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A problem and where it was found.

    Attributes:
        file: The file as it was named to `load_file`.
        resource: Which document, like `LeadRoute default/solar-saarland` or `document 2`; empty for the whole file.
        problem: What is wrong.
    """

    file: str
    resource: str
    problem: Problem

    def __str__(self) -> str:
        return ": ".join(filter(None, [self.file, self.resource, str(self.problem)]))


@dataclass(frozen=True, slots=True)
class Manifests:
    """What files hold.

    Attributes:
        routes: Each with the name of its file.
        secrets: In the order in which they were read.
        problems: What could not be read.
    """

    routes: tuple[tuple[str, LeadRoute], ...] = ()
    secrets: tuple[SecretManifest, ...] = ()
    problems: tuple[FileProblem, ...] = ()

    def __add__(self, other: Manifests) -> Manifests:
        return Manifests(self.routes + other.routes, self.secrets + other.secrets, self.problems + other.problems)


def load_files(files: Iterable[Path]) -> Manifests:
    """Read files one after another; what is wrong with one does not keep the others from being read."""
    return sum(map(load_file, files), start=Manifests())


def manifest_files(folder: Path) -> list[Path]:
    """The YAML files directly in a folder, sorted by name; hidden ones (editors' copies) are left out."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def load_file(file: Path) -> Manifests:
    """Read the LeadRoutes and Secrets of one file.

    Args:
        file: YAML with any number of documents.

    Returns:
        What is in it; reading errors are among the problems.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            return _unreadable(str(file), f"is larger than {MAX_FILE_BYTES >> 20} MiB; split it")
        return load_documents(content.decode("utf-8-sig"), str(file))
    except OSError as error:
        return _unreadable(str(file), f"can't be read: {error.strerror}")
    except UnicodeDecodeError as error:
        return _unreadable(str(file), f"is not UTF-8 (byte {error.start}); save it as UTF-8")


def load_documents(text: str, file: str = "<text>") -> Manifests:
    """Read the LeadRoutes and Secrets of a text.

    Args:
        text: YAML with any number of documents; also JSON.
        file: How to name it in problems.

    Returns:
        What is in it. Nothing of a text with a syntax error is returned but that problem.
    """
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        return _unreadable(file, _syntax_sentence(error))
    except RecursionError:
        return _unreadable(file, "nests too deeply")
    except ValueError:
        return _unreadable(file, "holds a number that can't be read; put it in quotes if it is text")
    return sum(
        (_read_document(file, number, document) for number, document in enumerate(documents, 1)), start=Manifests()
    )


def _read_document(file: str, number: int, document: Any) -> Manifests:
    if document is None:
        return Manifests()
    resource = f"document {number}"
    if _is_too_large(document):
        return _problems_in(file, resource, [Problem("(document)", f"holds more than {MAX_VALUES} values; split it")])
    if not isinstance(document, dict):
        return _problems_in(file, resource, [Problem("(document)", "must be an object with apiVersion and kind")])
    if (document.get("apiVersion"), document.get("kind")) == ("v1", "Secret"):
        return _read_secret(file, document)
    if document.get("kind") == KIND:
        return _read_lead_route(file, document)
    sentence = f"must be {KIND} (apiVersion {API_VERSION}) or Secret (apiVersion v1)"
    return _problems_in(file, resource, [Problem("kind", sentence)])


def _read_lead_route(file: str, document: dict[str, Any]) -> Manifests:
    route = read_route(document)
    if isinstance(route, LeadRoute):
        return Manifests(routes=((file, route),))
    return _problems_in(file, _resource_name(document), route)


def _read_secret(file: str, document: dict[str, Any]) -> Manifests:
    problems = list(_secret_problems(document))
    if problems:
        return _problems_in(file, _resource_name(document), problems)
    metadata = document["metadata"]
    encoded = document.get("data") or {}
    values = {key: base64.b64decode(value).decode() for key, value in encoded.items()}
    values |= document.get("stringData") or {}  # as the API server merges them
    labels = metadata.get("labels") or {}
    return Manifests(
        secrets=(
            SecretManifest(
                namespace=metadata.get("namespace", "default"),
                name=metadata["name"],
                is_labelled=labels.get(CREDENTIALS_LABEL) == "true",
                values=values,
            ),
        )
    )


def _secret_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _metadata_problems(document.get("metadata"))
    for name in ("data", "stringData"):
        values = document.get(name) or {}
        if not isinstance(values, dict):
            yield Problem(name, "must be an object of keys and values")
            continue
        for key, value in values.items():
            if not isinstance(value, str):
                yield Problem(f"{name}[{key}]", "must be a string; put it in quotes")
            elif name == "data" and not _is_encoded_text(value):
                yield Problem(f"{name}[{key}]", "must be base64 of UTF-8 text; write plain text into stringData")


def _metadata_problems(metadata: object) -> Iterator[Problem]:
    if not isinstance(metadata, dict):
        yield Problem("metadata", "must be an object with a name")
        return
    if not re.fullmatch(NAME_PATTERN, str(metadata.get("name", ""))):
        yield Problem("metadata.name", "must be a lower-case DNS name, like solar-saarland")
    if not re.fullmatch(NAMESPACE_PATTERN, str(metadata.get("namespace", "default"))):
        yield Problem("metadata.namespace", "must be a lower-case DNS label, like default")
    if not isinstance(metadata.get("labels") or {}, dict):
        yield Problem("metadata.labels", "must be an object of strings")


def _is_encoded_text(value: str) -> bool:
    try:
        base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    return True


def _resource_name(document: Mapping[str, Any]) -> str:
    metadata = document.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return f"{document['kind']} {known.get('namespace', 'default')}/{known.get('name', '(no name)')}"


def _problems_in(file: str, resource: str, problems: Iterable[Problem]) -> Manifests:
    return Manifests(problems=tuple(FileProblem(file, resource, problem) for problem in problems))


def _unreadable(file: str, sentence: str) -> Manifests:
    return _problems_in(file, "", [Problem("(file)", sentence)])


def _syntax_sentence(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        where = f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}"
        return f"is not valid YAML at {where}: {error.problem or error.context}"
    return f"is not valid YAML: {str(error).splitlines()[0]}"


def _is_too_large(document: object) -> bool:
    """Count values with aliases written out; one that holds itself never ends, so counting has a limit."""
    count, pending = 0, [document]
    while pending:
        current = pending.pop()
        count += 1
        if count > MAX_VALUES:
            return True
        if isinstance(current, dict):
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
    return False


class _Loader(yaml.SafeLoader):
    """Reads plain JSON values, resolved as kubectl's YAML library resolves them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        self._refuse_duplicates(node)
        self.flatten_mapping(node)  # puts what `<<` merges in first, so that the mapping's own keys win
        return {self._key(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge, and keep one value a key: merging the same thing ten times in ten levels would never end."""
        super().flatten_mapping(node)
        node.value = list({self._key(key): (key, value) for key, value in node.value}.values())

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        seen = set()
        for key_node, _ in node.value:
            key = self._key(key_node)
            if key in seen:
                sentence = f"the key {key!r} stands twice; keep one of them"
                raise yaml.constructor.ConstructorError(None, None, sentence, key_node.start_mark)
            seen.add(key)

    def _key(self, node: yaml.Node) -> str:
        """JSON keys are strings, so a scalar is taken as it is written (`true:` is the key "true")."""
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a string", node.start_mark)
        return str(node.value)


_JSON_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")}
_RESOLVERS = {
    "tag:yaml.org,2002:bool": (
        r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$",
        "yYnNtTfFoO",
    ),
    "tag:yaml.org,2002:int": (r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$", "-+0123456789"),
    "tag:yaml.org,2002:float": (r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    "tag:yaml.org,2002:null": (r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:merge": (r"^<<$", "<"),
}
_Loader.yaml_implicit_resolvers = {}
for _tag, (_pattern, _first) in _RESOLVERS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))
_Loader.yaml_constructors = {
    tag: constructor for tag, constructor in _Loader.yaml_constructors.items() if tag in _JSON_TAGS or tag is None
}
