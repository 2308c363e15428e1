"""Files are read as kubectl reads them; what can't be read is told with its file."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from leadgateway.route.manifest import (
    MAX_FILE_BYTES,
    FileProblem,
    Manifests,
    load_documents,
    load_file,
    load_files,
    manifest_files,
)
from leadgateway.route.problem import Problem

ROUTE = """
apiVersion: leadgateway.io/v1alpha1
kind: LeadRoute
metadata: {name: solar}
spec:
  mapping: {a: {from: b}}
  endpoint: {url: https://customer.example/}
"""
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: solar, namespace: sales, labels: {leadgateway.io/credentials: "true"}}
data: {token: MTIz, both: b2xk}
stringData: {both: new, plain: text}
"""


def with_value(text: str) -> object:
    """What a YAML scalar is read as."""
    ((_, route),) = load_documents(ROUTE.replace("{a: {from: b}}", f"{{a: {{value: {text}}}}}")).routes
    return route.spec.mapping["a"].value


def only_problem(text: str) -> FileProblem:
    (problem,) = load_documents(text, "solar.yaml").problems
    return problem


def test_routes_and_secrets_are_read_from_one_text() -> None:
    found = load_documents(f"---\n# nothing here\n---{ROUTE}---{SECRET}", "solar.yaml")

    ((file, route),) = found.routes
    (secret,) = found.secrets
    assert (file, route.key) == ("solar.yaml", "default/solar")
    assert (secret.namespace, secret.name, secret.is_labelled) == ("sales", "solar", True)
    assert secret.values == {"token": "123", "both": "new", "plain": "text"}
    assert not found.problems


def test_a_secret_shows_no_value_in_its_repr() -> None:
    (secret,) = load_documents(SECRET).secrets

    assert "123" not in repr(secret)


@pytest.mark.parametrize("labels", ["{}", "", '{leadgateway.io/credentials: "false"}', "{other: x}"])
def test_a_secret_without_the_label_is_told_apart(labels: str) -> None:
    (secret,) = load_documents(SECRET.replace('{leadgateway.io/credentials: "true"}', labels)).secrets

    assert not secret.is_labelled


def test_json_is_yaml_too() -> None:
    text = (
        '{"apiVersion": "leadgateway.io/v1alpha1", "kind": "LeadRoute", "metadata": {"name": "a"}, '
        '"spec": {"mapping": {"a": {"from": "b"}}, "endpoint": {"url": "https://customer.example/"}}}'
    )

    assert len(load_documents(text).routes) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-11-24", "2026-11-24"),
        ("12:30:45", "12:30:45"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("0x1F", 31),
        ("010", 8),
        ("1_000", 1000),
        ("'0681'", "0681"),
        ("yes", True),
        ("off", False),
        ("y", "y"),
        (".nan", ".nan"),
        ("=", "="),
        ("{1: a, true: b}", {"1": "a", "true": "b"}),
        ('"\\ud800"', "\ud800"),
    ],
)
def test_scalars_are_what_kubectl_takes_them_for(text: str, value: object) -> None:
    found = with_value(text)

    assert found == value
    assert type(found) is type(value)


def test_anchors_and_merges_are_written_out() -> None:
    text = ROUTE.replace("{a: {from: b}}", "{a: &a {from: b, required: true}, c: {<<: *a, from: d}, e: *a}")

    ((_, route),) = load_documents(text).routes

    assert (route.spec.mapping["c"].from_, route.spec.mapping["c"].required) == ("d", True)
    assert route.spec.mapping["e"] == route.spec.mapping["a"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not valid YAML at line 1"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' stands twice"),
        ("a: {b: {c: 1, c: 2}}", "the key 'c' stands twice"),
        ("? [1]\n: 2", "a key must be a string"),
        ("a: !!binary aGk=", "could not determine a constructor"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("a: *nowhere", "undefined alias"),
        ("a: \0", "special characters are not allowed"),
        ("[" * 1500, "nests too deeply"),
        ("a: !!int text", "holds a number that can't be read"),
        (f"a: {'9' * 5000}", "holds a number that can't be read"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, sentence: str) -> None:
    problem = only_problem(text)

    assert (problem.file, problem.resource, problem.problem.field) == ("solar.yaml", "", "(file)")
    assert sentence in problem.problem.message


def levels(line: str) -> str:
    """Ten aliases of the level before on each of seven lines."""
    pairs = zip("abcdefg", "bcdefgh", strict=True)
    return "".join(line.format(name, name, ", ".join([f"*{before}"] * 10)) + "\n" for before, name in pairs)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- 1", "must be an object with apiVersion and kind"),
        ("text", "must be an object with apiVersion and kind"),
        ("&a [*a]", "holds more than 200000 values"),
        (f"a: &a [{', '.join('x' * 10)}]\n" + levels("{}: &{} [{}]"), "holds more than 200000 values"),
    ],
)
def test_a_document_that_is_no_manifest_is_told_by_its_number(text: str, sentence: str) -> None:
    problem = only_problem(f"---{ROUTE}---\n{text}")

    assert problem.resource == "document 2"
    assert sentence in problem.problem.message


def test_merging_the_same_again_and_again_ends() -> None:
    assert "must be LeadRoute" in only_problem("a: &a {x: 1, y: 2}\n" + levels("{}: &{} {{<<: [{}]}}")).problem.message


@pytest.mark.parametrize("kind", ["ConfigMap", "leadroute", ""])
def test_another_kind_is_refused(kind: str) -> None:
    problem = only_problem(f"apiVersion: v1\nkind: {kind}")

    sentence = "must be LeadRoute (apiVersion leadgateway.io/v1alpha1) or Secret (apiVersion v1)"
    assert problem.problem == Problem("kind", sentence)


def test_a_mistake_in_a_route_names_file_route_and_field() -> None:
    problem = only_problem(ROUTE.replace("from: b", "form: b").replace("name: solar", "name: solar, namespace: sales"))

    assert str(problem) == (
        "solar.yaml: LeadRoute sales/solar: spec.mapping[a].form: there is no such field; did you mean from?"
    )


def test_a_route_without_a_name_is_told_as_such() -> None:
    assert only_problem(ROUTE.replace("{name: solar}", "x")).resource == "LeadRoute default/(no name)"


@pytest.mark.parametrize(
    ("old", "new", "field", "sentence"),
    [
        ("MTIz", "M*Iz", "data[token]", "must be base64 of UTF-8 text"),
        ("MTIz", base64.b64encode(b"\xff").decode(), "data[token]", "must be base64 of UTF-8 text"),
        ("MTIz", "MTI", "data[token]", "must be base64 of UTF-8 text"),
        ("MTIz", "123", "data[token]", "must be a string"),
        ("plain: text", "plain: 1", "stringData[plain]", "must be a string"),
        ("{both: new, plain: text}", "[a]", "stringData", "must be an object"),
        ("name: solar", "name: Solar", "metadata.name", "must be a lower-case DNS name"),
        ("namespace: sales", "namespace: a.b", "metadata.namespace", "must be a lower-case DNS label"),
        ('{leadgateway.io/credentials: "true"}', "[a]", "metadata.labels", "must be an object"),
    ],
)
def test_a_mistake_in_a_secret_names_its_field_and_no_value(old: str, new: str, field: str, sentence: str) -> None:
    problem = only_problem(SECRET.replace(old, new))

    assert problem.problem.field == field
    assert sentence in problem.problem.message


def test_a_secret_without_metadata_is_refused() -> None:
    assert only_problem("apiVersion: v1\nkind: Secret").problem == Problem("metadata", "must be an object with a name")


def test_what_is_wrong_with_one_file_does_not_hide_the_others(tmp_path: Path) -> None:
    good, broken, absent = tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "c.yaml"
    good.write_text(ROUTE)
    broken.write_text("a: [")

    found = load_files([broken, absent, good])

    assert [route.key for _, route in found.routes] == ["default/solar"]
    assert [problem.file for problem in found.problems] == [str(broken), str(absent)]
    assert "No such file" in found.problems[1].problem.message
    assert load_files([]) == Manifests()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"a: \xff", "is not UTF-8 (byte 3)"), (b"#" * (MAX_FILE_BYTES + 1), "is larger than 8 MiB")],
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(content)

    (problem,) = load_file(file).problems

    assert sentence in problem.problem.message


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(ROUTE, encoding="utf-8-sig")

    assert len(load_file(file).routes) == 1


def test_a_folder_holds_its_yaml_files_and_no_editor_copies(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", ".a.yaml.swp", ".b.yaml", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.yaml").mkdir()

    assert [file.name for file in manifest_files(tmp_path)] == ["a.yml", "b.yaml"]
