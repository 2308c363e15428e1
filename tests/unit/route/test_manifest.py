"""LeadRoutes and Secrets are read as kubectl reads them, and whatever a file holds, the answer is a sentence."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadgateway.pipeline.examples import run_examples
from leadgateway.route.compile import compile_route
from leadgateway.route.manifest import MAX_FILE_BYTES, Manifests, load_documents, load_file, load_files, manifest_files
from leadgateway.route.snapshot import RouteSnapshot
from tests.building.routes import a_spec

SAMPLES = sorted((Path(__file__).parents[3] / "crds" / "samples").rglob("*.yaml"))


def lead_route(**spec: Any) -> str:
    document = {
        "apiVersion": "leadgateway.io/v1alpha1",
        "kind": "LeadRoute",
        "metadata": {"name": "solar"},
        "spec": a_spec(**spec),
    }
    return yaml.safe_dump(document)


def secret(**fields: Any) -> str:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "solar"}} | fields)


def said(manifests: Manifests) -> str:
    return "\n".join(map(str, manifests.problems))


@pytest.mark.parametrize("file", SAMPLES, ids=lambda file: file.name)
def test_every_sample_compiles_and_proves_itself(file: Path) -> None:
    manifests = load_file(file)

    assert manifests.problems == ()
    for _, route in manifests.routes:
        compiled = compile_route(route)
        assert isinstance(compiled, RouteSnapshot), compiled
        assert compiled.examples
        assert run_examples(compiled) == []


def test_a_file_holds_any_number_of_documents() -> None:
    manifests = load_documents(f"---\n{lead_route()}\n---\n{secret(stringData={'token': 't'})}\n---\n")

    assert [route.key for _, route in manifests.routes] == ["default/solar"]
    assert manifests.secrets[0].values == {"token": "t"}
    assert not manifests.secrets[0].is_labelled


def test_encoded_values_are_decoded_and_plain_ones_win() -> None:
    encoded = {"token": base64.b64encode(b"old").decode(), "key": base64.b64encode(b"k").decode()}
    labels = {"leadgateway.io/credentials": "true"}
    (found,) = load_documents(
        secret(data=encoded, stringData={"token": "new"}, metadata={"name": "solar", "labels": labels})
    ).secrets

    assert found.values == {"token": "new", "key": "k"}
    assert found.is_labelled
    assert "new" not in repr(found)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "not valid YAML at line"),
        ("a: 1\na: 2", "the key 'a' stands twice"),
        ("? [1]\n: 2", "a key must be a string"),
        ("\tkind: LeadRoute", "not valid YAML"),
        ("kind: \x00", "not valid YAML"),
        ("- 1", "must be an object with apiVersion and kind"),
        ("just text", "must be an object with apiVersion and kind"),
        ("kind: Deployment", "must be LeadRoute"),
        ("!!python/object/apply:os.system ['true']", "not valid YAML"),
        ("[" * 20_000, "nests too deeply"),
        (f"a: {'9' * 5000}", "holds a number that can't be read"),
    ],
)
def test_what_is_no_manifest_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    assert sentence in said(load_documents(text, "routes.yaml"))
    assert said(load_documents(text, "routes.yaml")).startswith("routes.yaml: ")


def test_aliases_that_multiply_are_refused_and_do_not_take_for_ever() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]

    assert "holds more than" in said(load_documents("\n".join(lines)))


def test_an_alias_of_itself_is_refused() -> None:
    assert said(load_documents("a: &a\n  b: *a"))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (secret(metadata=1), "metadata"),
        (secret(metadata={"name": "Solar"}), "metadata.name"),
        (secret(metadata={"name": "solar", "namespace": "a.b"}), "metadata.namespace"),
        (secret(metadata={"name": "solar", "labels": [1]}), "metadata.labels"),
        (secret(data=[1]), "data"),
        (secret(data={"token": "%%%"}), "data[token]"),
        (secret(data={"token": base64.b64encode(b"\xff").decode()}), "data[token]"),
        (secret(stringData={"token": 1}), "stringData[token]"),
    ],
)
def test_a_mistake_in_a_secret_names_its_field_and_not_its_value(document: str, field: str) -> None:
    manifests = load_documents(document)

    assert manifests.problems[0].problem.field == field
    assert manifests.secrets == ()
    assert "%%%" not in said(manifests)


@pytest.mark.parametrize(
    ("spec", "field", "sentence"),
    [
        ({"paht": "x"}, "spec.paht", "did you mean path?"),
        ({"zzz": "x"}, "spec.zzz", "there are"),
        ({"paused": "yes"}, "spec.paused", "true or false"),
        ({"path": 1}, "spec.path", "a string"),
        ({"path": ""}, "spec.path", "must not be empty"),
        ({"path": "x" * 101}, "spec.path", "at most 100"),
        ({"mapping": {}}, "spec.mapping", "at least 1"),
        ({"mapping": {"a": {"from": 1}}}, "spec.mapping[a].from", "a string"),
        ({"mapping": {"a": {"form": "x"}}}, "spec.mapping[a].form", "did you mean from?"),
        ({"mapping": 1}, "spec.mapping", "an object"),
        ({"endpoint": {}}, "spec.endpoint.url", "required"),
        ({"endpoint": 1}, "spec.endpoint", "an object"),
        ({"endpoint": {"url": "https://a.example/", "concurrency": 0}}, "spec.endpoint.concurrency", "at least 1"),
        ({"endpoint": {"url": "https://a.example/", "concurrency": 1.5}}, "spec.endpoint.concurrency", "whole number"),
        ({"endpoint": {"url": "https://a.example/", "timeout": "10"}}, "spec.endpoint.timeout", "30s"),
        ({"validation": {"evaluate": "sent"}}, "spec.validation.evaluate", "received"),
        ({"validation": {"rules": [{"code": "no", "cel": "true"}]}}, "spec.validation.rules[0].code", "ZIP_NOT_66XXX"),
        ({"validation": {"rules": {}}}, "spec.validation.rules", "a list"),
        ({"retry": {"maxRetries": 21}}, "spec.retry.maxRetries", "at most 20"),
        ({"retry": {"factor": "2"}}, "spec.retry.factor", "a number"),
    ],
)
def test_a_mistake_in_a_lead_route_names_its_field_and_what_to_write(
    spec: dict[str, Any], field: str, sentence: str
) -> None:
    (problem, *_) = load_documents(lead_route(**spec), "routes.yaml").problems

    assert problem.problem.field == field
    assert sentence in problem.problem.message
    assert str(problem).startswith("routes.yaml: LeadRoute default/solar: ")


def test_scalars_are_read_as_kubectl_reads_them() -> None:
    text = lead_route()
    values = {"1e3": 1000.0, "2026-02-28": "2026-02-28", "12:30": "12:30", "no": False, "0x10": 16, "~": None}
    for written, meant in values.items():
        document = (
            text.replace("name: solar", "name: solar", 1)
            + f"  tests:\n  - {{name: t, lead: {{x: {written}}}, reject: A}}\n"
        )
        ((_, route),) = load_documents(document).routes
        assert route.spec.tests[0].lead == {"x": meant}


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    latin, huge = tmp_path / "latin.yaml", tmp_path / "huge.yaml"
    latin.write_bytes(b"name: M\xfcller")
    huge.write_bytes(b"#" * (MAX_FILE_BYTES + 1))

    manifests = load_files([tmp_path / "missing.yaml", latin, huge])

    assert "missing.yaml: (file): can't be read" in said(manifests)
    assert "latin.yaml: (file): is not UTF-8" in said(manifests)
    assert "huge.yaml: (file): is larger than" in said(manifests)


def test_a_folder_shows_its_yaml_files_only(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", ".a.yaml.swp", ".hidden.yaml", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.yaml").mkdir()

    assert [file.name for file in manifest_files(tmp_path)] == ["a.yaml", "b.yml"]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + lead_route().encode())

    assert load_file(file).problems == ()
