"""A folder of LeadRoutes as the gateway serves it: always the last good version of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leadgateway.dev.route_folder import Refreshed, RouteFolder, described
from leadgateway.route.shard import read_credentials
from tests.building.routes import a_lead, a_spec, compiled


class Folder:
    """A folder that a test edits, and what is published of it."""

    def __init__(self, path: Path) -> None:
        self.path = path / "routes"
        self.path.mkdir()
        self.config = path / "config"
        self.routes = RouteFolder(self.path, self.config, fingerprint_key=b"k")

    def write(self, file: str, *documents: dict[str, Any] | str) -> None:
        texts = (each if isinstance(each, str) else json.dumps(each) for each in documents)
        (self.path / file).write_text("\n---\n".join(texts))

    def refresh(self) -> Refreshed:
        """Let the folder settle and take what changed over."""
        refreshed = self.routes.refresh() or self.routes.refresh()
        assert refreshed is not None, "nothing changed"
        return refreshed

    def served(self) -> dict[str, Any]:
        """The published specs by route."""
        files = self.config.glob("routes-*/default.*.json")
        documents = [json.loads(file.read_text()) for file in files]
        return {document["name"]: document["spec"] for document in documents}

    def token(self, name: str) -> str | None:
        (file,) = self.config.glob(f"credentials-*/default.{name}.json")
        return read_credentials(file.read_bytes()).token


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def route(name: str, **spec: Any) -> dict[str, Any]:
    document = {"apiVersion": "leadgateway.io/v1alpha1", "kind": "LeadRoute", "metadata": {"name": name}}
    return {**document, "spec": a_spec(**spec)}


def with_token(name: str, secret: str = "customer") -> dict[str, Any]:
    return route(name, endpoint={"url": "https://customer.example/", "token": {"name": secret, "key": "token"}})


def secret(name: str = "customer", token: str = "t1", *, labelled: bool = True) -> dict[str, Any]:
    labels = {"leadgateway.io/credentials": "true"} if labelled else {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": labels},
        "stringData": {"token": token},
    }


def sentences(refreshed: Refreshed) -> list[str]:
    return [str(problem) for problem in refreshed.problems]


def test_routes_of_all_files_are_published(folder: Folder) -> None:
    folder.write("a.yaml", route("a"), route("b"))
    folder.write("c.yml", route("c"))
    folder.write("notes.txt", "no YAML")

    refreshed = folder.refresh()

    assert set(folder.served()) == {"a", "b", "c"}
    assert refreshed.changed == {"default/a", "default/b", "default/c"}
    assert not refreshed.problems


def test_an_empty_folder_publishes_that_there_is_no_route(folder: Folder) -> None:
    refreshed = folder.refresh()

    assert refreshed.routes == ()
    assert len(list(folder.config.glob("routes-*/shard.json"))) == 2


def test_a_folder_that_did_not_change_is_not_read_again(folder: Folder) -> None:
    folder.write("a.yaml", route("a"))
    folder.refresh()

    assert folder.routes.refresh() is None
    assert folder.routes.refresh() is None


def test_an_edit_is_taken_over(folder: Folder) -> None:
    folder.write("a.yaml", route("a"))
    folder.refresh()
    folder.write("a.yaml", route("a", paused=True))

    refreshed = folder.refresh()

    assert folder.served()["a"]["paused"] is True
    assert refreshed.changed == {"default/a"}


def test_a_file_that_is_still_being_written_is_left_alone(folder: Folder) -> None:
    folder.write("a.yaml", route("a"))
    folder.refresh()
    (folder.path / "a.yaml").write_text("")  # as an editor that is about to write
    assert folder.routes.refresh() is None
    folder.write("a.yaml", route("a", paused=True))

    assert folder.routes.refresh() is None
    refreshed = folder.routes.refresh()

    assert refreshed is not None
    assert not refreshed.gone
    assert folder.served()["a"]["paused"] is True


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("spec: [", "not valid YAML at line 1"),
        ("kind: LeadRoute", "apiVersion"),
        (json.dumps(route("a", paused="perhaps")), "spec.paused: write true or false"),
        (
            json.dumps(route("a", validation={"rules": [{"code": "X", "field": "zip", "matches": "("}]})),
            "spec.validation.rules[0].matches",
        ),
        (
            json.dumps(route("a", tests=[{"name": "a tenant", "lead": a_lead(), "reject": "NOT_HOMEOWNER"}])),
            "spec.tests[a tenant]",
        ),
    ],
)
def test_a_broken_edit_is_told_with_file_and_field_and_the_last_good_version_goes_on(
    folder: Folder, broken: str, sentence: str
) -> None:
    folder.write("a.yaml", route("a", path="good"))
    folder.write("b.yaml", route("b"))
    folder.refresh()
    folder.write("a.yaml", broken)

    refreshed = folder.refresh()

    assert any(str(folder.path / "a.yaml") in each and sentence in each for each in sentences(refreshed))
    assert folder.served()["a"]["path"] == "good"
    assert set(folder.served()) == {"a", "b"}
    assert not refreshed.changed
    assert not refreshed.gone


def test_a_mended_edit_is_taken_over(folder: Folder) -> None:
    folder.write("a.yaml", route("a"))
    folder.refresh()
    folder.write("a.yaml", "spec: [")
    folder.refresh()
    folder.write("a.yaml", route("a", paused=True))

    refreshed = folder.refresh()

    assert not refreshed.problems
    assert folder.served()["a"]["paused"] is True


def test_a_file_that_was_broken_from_the_start_keeps_no_other_from_being_served(folder: Folder) -> None:
    folder.write("a.yaml", "spec: [")
    folder.write("b.yaml", route("b"))

    refreshed = folder.refresh()

    assert set(folder.served()) == {"b"}
    assert len(refreshed.problems) == 1


def test_a_removed_file_ends_its_routes(folder: Folder) -> None:
    folder.write("a.yaml", route("a"))
    folder.write("b.yaml", route("b"))
    folder.refresh()
    (folder.path / "a.yaml").unlink()

    refreshed = folder.refresh()

    assert set(folder.served()) == {"b"}
    assert refreshed.gone == {"default/a"}


@pytest.mark.parametrize("file", ["0.yaml", "z.yaml"])
def test_who_has_a_path_keeps_it_whatever_its_files_name(folder: Folder, file: str) -> None:
    folder.write("m.yaml", route("first", path="taken"))
    folder.refresh()
    folder.write(file, route("second", path="taken"))

    refreshed = folder.refresh()

    assert set(folder.served()) == {"first"}
    (sentence,) = sentences(refreshed)
    assert "LeadRoute default/second: spec.path: the path taken is taken by default/first" in sentence


def test_only_one_route_can_be_the_default_and_have_a_name(folder: Folder) -> None:
    folder.write("a.yaml", route("a", default=True))
    folder.write("b.yaml", route("b", default=True))
    folder.write("c.yaml", route("a", path="c"))

    refreshed = folder.refresh()

    assert set(folder.served()) == {"a"}
    fields = [problem.problem.field for problem in refreshed.problems]
    assert fields == ["spec.default", "metadata.name"]


def test_two_routes_of_one_file_can_not_have_the_same_path(folder: Folder) -> None:
    folder.write("a.yaml", route("a", path="x"), route("b", path="x"))

    refreshed = folder.refresh()

    assert folder.served() == {}
    assert len(refreshed.problems) == 1


def test_two_routes_can_swap_their_paths_in_one_edit(folder: Folder) -> None:
    folder.write("a.yaml", route("a", path="x"))
    folder.write("b.yaml", route("b", path="y"))
    folder.refresh()
    folder.write("a.yaml", route("a", path="y"))
    folder.write("b.yaml", route("b", path="x"))

    refreshed = folder.refresh()

    assert not refreshed.problems
    assert (folder.served()["a"]["path"], folder.served()["b"]["path"]) == ("y", "x")


def test_a_path_that_a_refused_edit_would_have_given_up_stays_taken(folder: Folder) -> None:
    folder.write("a.yaml", route("a", path="x"))
    folder.write("b.yaml", route("b", path="y"))
    folder.write("c.yaml", route("c", path="z"))
    folder.refresh()
    folder.write("a.yaml", route("a", path="z"))  # c has it
    folder.write("b.yaml", route("b", path="x"))  # a keeps it

    refreshed = folder.refresh()

    assert {name: spec["path"] for name, spec in folder.served().items()} == {"a": "x", "b": "y", "c": "z"}
    assert [problem.resource for problem in refreshed.problems] == ["LeadRoute default/a", "LeadRoute default/b"]


def test_a_secret_of_another_file_is_used_whichever_is_read_first(folder: Folder) -> None:
    folder.write("a.yaml", with_token("a"))
    folder.write("z.yaml", secret(token="t1"))

    assert not folder.refresh().problems

    assert folder.token("a") == "t1"


def test_a_changed_secret_reaches_the_routes_that_use_it(folder: Folder) -> None:
    folder.write("a.yaml", with_token("a"))
    folder.write("z.yaml", secret(token="t1"))
    folder.refresh()
    folder.write("z.yaml", secret(token="t2"))

    refreshed = folder.refresh()

    assert folder.token("a") == "t2"
    assert refreshed.changed == {"default/a"}


def test_a_secret_that_is_not_labelled_is_none(folder: Folder) -> None:
    folder.write("a.yaml", with_token("a"), secret(labelled=False))

    (sentence,) = sentences(folder.refresh())

    assert "no key token in a Secret customer" in sentence
    assert "labelled leadgateway.io/credentials" in sentence
    assert folder.served() == {}


def test_a_secret_that_is_taken_away_is_told_and_its_routes_go_on_with_the_last_one(folder: Folder) -> None:
    folder.write("a.yaml", with_token("a"))
    folder.write("z.yaml", secret(token="t1"))
    folder.refresh()
    (folder.path / "z.yaml").unlink()

    refreshed = folder.refresh()

    assert folder.token("a") == "t1"
    (sentence,) = sentences(refreshed)
    assert "no key token in a Secret customer" in sentence


def test_no_secret_is_in_a_problem_or_a_description(folder: Folder) -> None:
    folder.write("a.yaml", with_token("a"), secret(token="s3cr3t"), "spec: [s3cr3t")

    refreshed = folder.refresh()

    assert "s3cr3t" not in repr(refreshed)


def test_hashes_are_the_same_after_a_restart(folder: Folder, tmp_path: Path) -> None:
    folder.write("a.yaml", with_token("a"), secret())
    folder.refresh()
    before = {file.name: file.read_bytes() for file in folder.config.glob("routes-*/*.json")}

    RouteFolder(folder.path, folder.config, fingerprint_key=b"k").refresh()

    assert {file.name: file.read_bytes() for file in folder.config.glob("routes-*/*.json")} == before


def test_what_can_not_be_published_is_tried_again(folder: Folder) -> None:
    folder.write("a.yaml", route("a"))
    folder.config.write_text("in the way")
    with pytest.raises(OSError, match="config"):
        folder.routes.refresh()
    folder.config.unlink()

    folder.refresh()

    assert set(folder.served()) == {"a"}


def test_a_folder_that_is_gone_for_a_moment_changes_nothing(folder: Folder) -> None:
    folder.write("a.yaml", route("a"))
    folder.refresh()
    folder.path.rename(folder.path.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError):
        folder.routes.refresh()

    folder.path.with_name("elsewhere").rename(folder.path)

    assert set(folder.served()) == {"a"}
    assert folder.routes.refresh() is None


def test_a_description_says_where_leads_come_from_and_go_to() -> None:
    shown = described(compiled(a_spec(default=True, path="p"), "solar"))

    assert shown == "solar: POST /webhooks/leads/p and /webhooks/leads/ → https://customer.example/lead/receive"
