"""`leadgateway route`: a LeadRoute judged offline, with sentences for people and exit statuses for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadgateway.route.compile import compile_route
from leadgateway.route.manifest import load_documents
from leadgateway.route.snapshot import RouteSnapshot
from tests.building.command_line import Called, leadgateway
from tests.building.routes import a_lead, a_spec

GOOD, NEGATIVE, USAGE = 0, 1, 2
SAMPLES = Path(__file__).parents[3] / "crds" / "samples"
DELIVERED = {
    "customer_email": "erika.muster@example.com",
    "customer_zip": "66123",
    "customer_street": "Hauptstr. 1",
    "is_homeowner": True,
    "phone": "0681 123456",
    "product": {"name": "Solaranlage"},
}
HOMEOWNER = {"name": "a homeowner", "lead": a_lead(), "deliver": DELIVERED}
TENANT = {"name": "a tenant", "lead": a_lead(house={"is_owner": False}), "reject": "NOT_HOMEOWNER"}
SEED = {"CUSTOMER_API_URL": "https://customer.example/x", "CUSTOMER_TOKEN": "t0ken"}

MAPPING_FILE = {"ATTRIBUTE_MAPPING_PATH": "mapping.json"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(file: Path, *routes: tuple[str, dict[str, Any]]) -> str:
    """Write LeadRoutes into a file; returns its name."""
    header = {"apiVersion": "leadgateway.io/v1alpha1", "kind": "LeadRoute"}
    file.write_text(yaml.safe_dump_all([{**header, "metadata": {"name": name}, "spec": spec} for name, spec in routes]))
    return str(file)


def a_rule(**rule: Any) -> dict[str, Any]:
    return a_spec(validation={"rules": [{"code": "X", **rule}]})


def test_check_finds_a_good_route_good(folder: Path) -> None:
    called = leadgateway("route", "check", write(folder / "a.yaml", ("solar", a_spec(tests=[HOMEOWNER, TENANT]))))

    assert called == Called(GOOD, f"{folder / 'a.yaml'}: LeadRoute default/solar: good\n", "")


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("**/*.yaml")), ids=lambda path: path.name)
def test_the_samples_are_good_and_prove_themselves(sample: Path) -> None:
    assert leadgateway("route", "check", str(sample)).status == GOOD
    assert leadgateway("route", "test", str(sample)).status == GOOD


def test_check_names_every_mistake_of_every_file_with_its_field(folder: Path) -> None:
    one = write(folder / "a.yaml", ("a", a_rule(field="zip", matches="(")), ("b", a_spec(paused="yes")))
    two = write(folder / "b.yaml", ("c", a_rule(cel="lead.")))

    called = leadgateway("route", "check", one, two)

    assert called.status == NEGATIVE
    assert f"{one}: LeadRoute default/a: spec.validation.rules[0].matches: " in called.error
    assert f"{one}: LeadRoute default/b: spec.paused: write true or false" in called.error
    assert f"{two}: LeadRoute default/c: spec.validation.rules[0].cel: " in called.error
    assert "3 mistakes" in called.error
    assert called.out == ""


def test_check_finds_what_two_routes_can_not_both_have(folder: Path) -> None:
    one = write(folder / "a.yaml", ("a", a_spec(path="x", default=True)))
    two = write(folder / "b.yaml", ("b", a_spec(path="x", default=True)), ("a", a_spec(path="y")))

    called = leadgateway("route", "check", one, two)

    assert called.status == NEGATIVE
    for field in ("spec.path", "spec.default", "metadata.name"):
        assert f"{field}: " in called.error


@pytest.mark.parametrize("content", ["", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"])
def test_check_of_a_file_without_a_route_is_a_mistake(folder: Path, content: str) -> None:
    (folder / "a.yaml").write_text(content)

    called = leadgateway("route", "check", "a.yaml")

    assert called.status == NEGATIVE
    assert "a.yaml: (file): holds no LeadRoute" in called.error


@pytest.mark.parametrize("arguments", [["check"], ["check", "nowhere.yaml"], ["test", "nowhere.yaml"], ["check", "."]])
def test_a_file_that_can_not_be_named_is_a_usage_error(folder: Path, arguments: list[str]) -> None:
    assert leadgateway("route", *arguments).status == USAGE


def test_test_shows_each_example_and_what_differs(folder: Path) -> None:
    wrong = {**HOMEOWNER, "deliver": {**DELIVERED, "customer_zip": "66124", "more": 1}}
    file = write(folder / "a.yaml", ("solar", a_spec(tests=[wrong, TENANT])))

    called = leadgateway("route", "test", file)

    assert called.status == NEGATIVE
    assert "  ✗ a homeowner\n" in called.out
    assert 'customer_zip: expected "66124", got "66123"' in called.out
    assert "more: " in called.out
    assert "customer_email" not in called.out
    assert "  ✓ a tenant\n" in called.out


def test_test_of_good_examples_is_good(folder: Path) -> None:
    called = leadgateway("route", "test", write(folder / "a.yaml", ("solar", a_spec(tests=[HOMEOWNER, TENANT]))))

    assert called.status == GOOD
    assert called.out.count("✓") == 2


def test_test_of_a_route_without_examples_says_so(folder: Path) -> None:
    called = leadgateway("route", "test", write(folder / "a.yaml", ("solar", a_spec())))

    assert called.status == GOOD
    assert "no tests; add some under spec.tests" in called.out


def test_test_of_a_route_with_mistakes_names_them(folder: Path) -> None:
    called = leadgateway("route", "test", write(folder / "a.yaml", ("solar", a_rule(cel="lead."))))

    assert called.status == NEGATIVE
    assert "spec.validation.rules[0].cel" in called.error


@pytest.fixture
def solar(folder: Path) -> str:
    return write(folder / "a.yaml", ("solar", a_spec()))


def test_a_lead_that_would_be_delivered_is_shown_as_the_customer_gets_it(folder: Path, solar: str) -> None:
    (folder / "lead.json").write_text(json.dumps(a_lead(address={"zip": "66123"})))

    called = leadgateway("route", "test", solar, "--lead", "lead.json")

    assert called.status == GOOD
    assert '"customer_email": "erika.muster@example.com"' in called.out
    assert "left out: customer_street (missing)" in called.out


def test_a_lead_that_would_be_rejected_is_shown_with_its_code(solar: str) -> None:
    called = leadgateway("route", "test", solar, "--lead", "-", stdin=json.dumps(a_lead(address={})).encode())

    assert called.status == NEGATIVE
    assert "rejected with MISSING_REQUIRED_FIELD: " in called.out


def test_a_lead_with_a_lone_surrogate_is_shown_all_the_same(solar: str) -> None:
    called = leadgateway("route", "test", solar, "--lead", "-", stdin=json.dumps(a_lead(email="\ud800")).encode())

    assert called.status == GOOD
    assert r'"\ud800"' in called.out


@pytest.mark.parametrize("lead", [b"{", b"[]", b"\xff", b'{"a": NaN}'])
def test_what_is_no_lead_is_a_usage_error_with_a_sentence(solar: str, lead: bytes) -> None:
    called = leadgateway("route", "test", solar, "--lead", "-", stdin=lead)

    assert called.status == USAGE
    assert called.error.startswith("error: --lead -: ")


def test_a_lead_that_is_not_there_is_a_usage_error(solar: str) -> None:
    called = leadgateway("route", "test", solar, "--lead", "nowhere.json")

    assert called.status == USAGE
    assert "nowhere.json can't be read: No such file or directory" in called.error


def test_from_env_prints_a_route_and_a_secret_that_work(folder: Path) -> None:
    called = leadgateway(
        "route", "from-env", "--name", "solar", "-n", "sales", environment=SEED | {"WEBHOOK_SHARED_SECRET": "shh"}
    )

    manifests = load_documents(called.out)
    ((_, route),) = manifests.routes
    (secret,) = manifests.secrets
    assert (called.status, called.error) == (GOOD, "")
    assert isinstance(compile_route(route), RouteSnapshot)
    assert route.key == "sales/solar"
    assert secret.is_labelled
    assert secret.values == {"token": "t0ken", "webhook-secret": "shh"}


def test_from_env_reads_the_mapping_file(folder: Path) -> None:
    (folder / "mapping.json").write_text('{"mail": "email", "product.name": "wish"}')

    called = leadgateway("route", "from-env", environment=SEED | MAPPING_FILE)

    ((_, route),) = load_documents(called.out).routes
    assert set(route.spec.mapping) == {"mail", "product.name", "phone"}
    assert isinstance(compile_route(route), RouteSnapshot)


@pytest.mark.parametrize(
    "variable",
    ["CELERY_BROKER_URL", "ALLOWED_HOSTS", "DJANGO_SECRET_KEY", "DEBUG", "POSTGRES_HOST", "POSTGRES_PASSWORD"],
)
def test_from_env_names_what_replaces_every_other_variable_and_shows_none_of_their_values(
    folder: Path, variable: str
) -> None:
    called = leadgateway("route", "from-env", environment=SEED | {variable: "v4lue"})

    assert any(line.startswith("#") and variable in line for line in called.out.splitlines())
    assert "v4lue" not in called.out + called.error


def test_from_env_names_every_variable_that_can_not_be_used_and_no_value(folder: Path) -> None:
    environment = {"CUSTOMER_TOKEN": "geheim\x01", "ATTRIBUTE_MAPPING_PATH": "nowhere.json"}

    called = leadgateway("route", "from-env", environment=environment)

    assert called.status == USAGE
    assert called.out == ""
    for variable in ("CUSTOMER_API_URL", "CUSTOMER_TOKEN", "ATTRIBUTE_MAPPING_PATH"):
        assert variable in called.error
    assert "geheim" not in called.error


@pytest.mark.parametrize(
    ("mapping", "field"),
    [('{"a": "email", "a.b": "phone"}', "spec.mapping"), ('{"a": "address..zip"}', "spec.mapping[a].from")],
)
def test_from_env_refuses_a_mapping_that_no_route_can_have_by_variable_and_field(
    folder: Path, mapping: str, field: str
) -> None:
    (folder / "mapping.json").write_text(mapping)

    called = leadgateway("route", "from-env", environment=SEED | MAPPING_FILE)

    assert called.status == USAGE
    assert f"ATTRIBUTE_MAPPING_PATH: {field}" in called.error


@pytest.mark.parametrize("option", [["--name", "Not A Name"], ["--namespace", "no.dots"]])
def test_from_env_refuses_names_that_kubernetes_would(folder: Path, option: list[str]) -> None:
    called = leadgateway("route", "from-env", *option, environment=SEED)

    assert called.status == USAGE
    assert option[0] in called.error
