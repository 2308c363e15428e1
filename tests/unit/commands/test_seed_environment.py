"""From the variables of the Django service to the LeadRoute and Secret that do the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from leadgateway.commands.seed_environment import InvalidEnvironment, documents, read_seed

COMPLETE = {
    "CUSTOMER_API_URL": "https://customer.example/lead/receive",
    "CUSTOMER_TOKEN": "t0ken",
    "CUSTOMER_PRODUCT_NAME": "Wärmepumpe",
    "ATTRIBUTE_MAPPING_PATH": "config/customer_attribute_mapping.json",
    "WEBHOOK_SHARED_SECRET": "shh",
}
MAPPING = {
    "customer_email": "email",
    "customer_zip": "address.zip",
    "customer_street": "address.street",
    "is_homeowner": "house.is_owner",
}


def files(**contents: str) -> Callable[[str], str]:
    """A reader of the mapping file that knows only `contents`, by the last part of their path without suffix."""

    def read_text(path: str) -> str:
        name = path.rsplit("/", 1)[-1].removesuffix(".json")
        if name not in contents:
            raise FileNotFoundError(2, "No such file or directory", path)
        return contents[name]

    return read_text


SHIPPED = files(customer_attribute_mapping=json.dumps(MAPPING))


def route(environment: dict[str, str], read_text: Callable[[str], str] = SHIPPED) -> Any:
    return documents(read_seed(environment, read_text), name="customer", namespace=None)[0]


def problems(environment: dict[str, str], read_text: Callable[[str], str] = SHIPPED) -> list[str]:
    with pytest.raises(InvalidEnvironment) as refused:
        read_seed(environment, read_text)
    return refused.value.problems


def without(*variables: str) -> dict[str, str]:
    return {name: value for name, value in COMPLETE.items() if name not in variables}


def test_the_rules_are_the_services_own_in_order() -> None:
    assert route(COMPLETE)["spec"]["validation"]["rules"] == [
        {"code": "MISSING_REQUIRED_FIELD", "required": ["address.zip", "house.is_owner"]},
        {"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": r"^66\d{3}$"},
        {"code": "NOT_HOMEOWNER", "field": "house.is_owner", "equals": True},
    ]


def test_retries_are_the_services_own() -> None:
    assert route(COMPLETE)["spec"]["retry"] == {
        "maxRetries": 5,
        "initialDelay": "30s",
        "factor": 2,
        "maxDelay": "480s",
    }


def test_the_flat_mapping_becomes_objects_with_phone_and_product_name_required() -> None:
    assert route(COMPLETE)["spec"]["mapping"] == {
        "customer_email": {"from": "email"},
        "customer_zip": {"from": "address.zip"},
        "customer_street": {"from": "address.street"},
        "is_homeowner": {"from": "house.is_owner", "type": "boolean"},
        "phone": {"from": "phone", "required": True},
        "product.name": {"value": "Wärmepumpe", "required": True},
    }


def test_a_mapping_that_names_phone_and_product_itself_keeps_their_sources() -> None:
    mapping = {"phone": "contact.tel", "product.name": "wish"}

    found = route(COMPLETE, files(customer_attribute_mapping=json.dumps(mapping)))["spec"]["mapping"]

    assert found == {
        "phone": {"from": "contact.tel", "required": True},
        "product.name": {"from": "wish", "default": "Wärmepumpe", "required": True},
    }


def test_the_route_takes_posts_without_a_path_as_the_service_did() -> None:
    assert route(COMPLETE)["spec"]["default"] is True


def test_secrets_are_in_the_secret_and_nowhere_else() -> None:
    made, secret = documents(read_seed(COMPLETE, SHIPPED), name="customer", namespace="sales")

    assert secret["stringData"] == {"token": "t0ken", "webhook-secret": "shh"}
    assert made["metadata"] == {"name": "customer", "namespace": "sales"}
    assert secret["metadata"] == made["metadata"] | {"labels": {"leadgateway.io/credentials": "true"}}
    assert "t0ken" not in str(made)
    assert "shh" not in str(made)


def test_without_a_shared_secret_the_route_asks_for_none() -> None:
    made, secret = documents(read_seed(without("WEBHOOK_SHARED_SECRET"), SHIPPED), name="customer", namespace=None)

    assert "source" not in made["spec"]  # type: ignore[operator]
    assert secret["stringData"] == {"token": "t0ken"}


def test_an_empty_token_means_that_the_customer_asks_for_none() -> None:
    found = documents(
        read_seed(without("WEBHOOK_SHARED_SECRET") | {"CUSTOMER_TOKEN": ""}, SHIPPED), name="c", namespace=""
    )

    assert [document["kind"] for document in found] == ["LeadRoute"]
    assert "token" not in found[0]["spec"]["endpoint"]  # type: ignore[index, call-overload, operator]


def test_the_services_defaults_hold_for_product_and_mapping() -> None:
    found = route(without("CUSTOMER_PRODUCT_NAME", "ATTRIBUTE_MAPPING_PATH"), files())["spec"]["mapping"]

    assert found["product.name"]["value"] == "Solaranlage"
    assert {target: found[target]["from"] for target in MAPPING} == MAPPING


def test_the_services_default_file_is_read_where_it_is() -> None:
    found = route(without("ATTRIBUTE_MAPPING_PATH"), files(customer_attribute_mapping='{"mail": "email"}'))

    assert found["spec"]["mapping"]["mail"] == {"from": "email"}


@pytest.mark.parametrize("url", ["http://localhost:8080/x", "http://127.0.0.1/x", "http://10.1.2.3/", "http://[::1]/"])
def test_an_address_in_a_private_network_is_allowed_since_the_service_asked_nobody(url: str) -> None:
    assert route(COMPLETE | {"CUSTOMER_API_URL": url})["spec"]["endpoint"]["allowPrivateNetworks"] is True


@pytest.mark.parametrize("url", ["https://customer.example/x", "https://8.8.8.8/x"])
def test_an_address_in_public_is_not(url: str) -> None:
    assert "allowPrivateNetworks" not in route(COMPLETE | {"CUSTOMER_API_URL": url})["spec"]["endpoint"]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "isn't set"),
        ("customer.example/x", "isn't a URL that can be posted to"),
        ("ftp://customer.example/x", "isn't a URL that can be posted to"),
        ("http:///x", "isn't a URL that can be posted to"),
        ("http://[::1/x", "isn't a URL"),
        ("https://user:secret@customer.example/x", "user name or password"),
    ],
)
def test_a_url_that_no_lead_can_be_posted_to_is_refused_by_name(url: str, sentence: str) -> None:
    (problem,) = problems(COMPLETE | {"CUSTOMER_API_URL": url})

    assert problem.startswith("CUSTOMER_API_URL ")
    assert sentence in problem
    assert "secret" not in problem.split("is no secret")[0]


def test_a_missing_token_is_refused_by_name() -> None:
    (problem,) = problems(without("CUSTOMER_TOKEN"))

    assert problem.startswith("CUSTOMER_TOKEN isn't set")


@pytest.mark.parametrize("variable", ["CUSTOMER_TOKEN", "WEBHOOK_SHARED_SECRET"])
@pytest.mark.parametrize("value", ["a\nb", "schlüssel", "a\x00b"])
def test_a_secret_that_no_header_can_carry_is_refused_without_being_shown(variable: str, value: str) -> None:
    (problem,) = problems(COMPLETE | {variable: value})

    assert problem.startswith(f"{variable} ")
    assert value not in problem


def test_the_line_break_that_ends_a_secrets_file_is_no_part_of_it() -> None:
    assert read_seed(COMPLETE | {"CUSTOMER_TOKEN": "t0ken\n"}, SHIPPED).token == "t0ken"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "isn't JSON, line 1: "),
        ("[" * 100_000, "isn't JSON"),
        ("[]", "isn't a JSON object"),
        ('{"zip": ["address", "zip"], "ok": "x", "no": null}', "there, zip, no must be dot paths"),
        ('{"zip": ""}', "there, zip must be dot paths"),
    ],
)
def test_a_mapping_file_that_is_none_is_refused_with_variable_and_file(content: str, sentence: str) -> None:
    (problem,) = problems(COMPLETE, files(customer_attribute_mapping=content))

    assert problem.startswith("ATTRIBUTE_MAPPING_PATH names config/customer_attribute_mapping.json")
    assert sentence in problem


def test_a_mapping_file_that_is_not_there_is_refused_by_name() -> None:
    (problem,) = problems(COMPLETE, files())

    assert problem == (
        "ATTRIBUTE_MAPPING_PATH names config/customer_attribute_mapping.json, and there is no such file."
    )


def test_a_mapping_file_that_may_not_be_read_is_refused_by_name() -> None:
    def refuse(path: str) -> str:
        raise PermissionError(13, "Permission denied", path)

    (problem,) = problems(COMPLETE, refuse)

    assert problem.endswith("can't be read: Permission denied.")


def test_a_mapping_file_that_is_no_text_is_refused_by_name() -> None:
    (problem,) = problems(COMPLETE, lambda _: b"\xff\xfe".decode())

    assert problem.endswith("isn't UTF-8.")


def test_everything_that_is_wrong_is_named_at_once() -> None:
    found = problems({}, files(customer_attribute_mapping="[]"))

    assert [problem.split()[0] for problem in found] == [
        "CUSTOMER_API_URL",
        "CUSTOMER_TOKEN",
        "ATTRIBUTE_MAPPING_PATH",
    ]
