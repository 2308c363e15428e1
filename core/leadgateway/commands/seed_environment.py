"""From the environment of the Django service that came before to the LeadRoute and Secret that do the same.

Pure but for reading the mapping file, which the caller hands in as a function.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from leadgateway.json import JsonValue

URL = "CUSTOMER_API_URL"
TOKEN = "CUSTOMER_TOKEN"  # noqa: S105 - the name of a variable
PRODUCT = "CUSTOMER_PRODUCT_NAME"
MAPPING = "ATTRIBUTE_MAPPING_PATH"
SHARED_SECRET = "WEBHOOK_SHARED_SECRET"  # noqa: S105 - the name of a variable

DEFAULT_PRODUCT = "Solaranlage"
DEFAULT_MAPPING_PATH = "customer_attribute_mapping.json"
DEFAULT_MAPPING = {
    "customer_email": "email",
    "customer_zip": "address.zip",
    "customer_street": "address.street",
    "is_homeowner": "house.is_owner",
}
"""What the service shipped as its mapping file."""

BOOLEAN_SOURCE = "house.is_owner"
"""The one source that the service normalised to a boolean and required to be one."""

REPLACED = {
    "CELERY_BROKER_URL": "REDIS_URL takes its value (Redis or Valkey; it rings the bell, PostgreSQL holds the queue)",
    "POSTGRES_DB, POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_HOST, POSTGRES_PORT": (
        "still read; DATABASE_URL, where set, wins"
    ),
    "ALLOWED_HOSTS": "no longer needed: the webhook builds no link from the Host header",
    "DJANGO_SECRET_KEY": "no longer needed: there are no sessions or cookies to sign",
    "DEBUG": "LEADGATEWAY_LOG_LEVEL=debug for more logs; errors are never shown to lead sources",
}
"""Every other variable of the service, and what stands in its place."""


class InvalidEnvironment(Exception):
    """Variables that no route can be made from; `problems` names each with what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Seed:
    """The service's settings, as far as a route can carry them."""

    url: str
    token: str
    product: str
    mapping: Mapping[str, str]
    shared_secret: str


def read_seed(environment: Mapping[str, str], read_text: Callable[[str], str]) -> Seed:
    """Read the service's variables.

    Args:
        environment: Its variables.
        read_text: Reads the mapping file; raises OSError or UnicodeDecodeError as `Path.read_text` does.

    Raises:
        InvalidEnvironment: Some can't be used; all of them are named.
    """
    problems = [*_url_problems(environment), *_credential_problems(environment)]
    mapping: dict[str, str] = {}
    try:
        mapping = _read_mapping(environment.get(MAPPING, ""), read_text)
    except InvalidEnvironment as error:
        problems.extend(error.problems)
    if problems:
        raise InvalidEnvironment(problems)
    return Seed(
        url=environment[URL].strip(),
        token=environment[TOKEN].strip(),
        product=environment.get(PRODUCT, "") or DEFAULT_PRODUCT,
        mapping=mapping,
        shared_secret=environment.get(SHARED_SECRET, "").strip(),
    )


def documents(seed: Seed, *, name: str, namespace: str | None) -> list[dict[str, JsonValue]]:
    """The LeadRoute and, where there is anything secret, the Secret that amount to the service's settings.

    Args:
        seed: Its settings.
        name: For both objects.
        namespace: For both objects; None leaves it to who applies them.
    """
    metadata: dict[str, JsonValue] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    route: dict[str, JsonValue] = {
        "apiVersion": "leadgateway.io/v1alpha1",
        "kind": "LeadRoute",
        "metadata": metadata,
        "spec": _spec(seed, name),
    }
    values: dict[str, JsonValue] = {}
    if seed.token:
        values["token"] = seed.token
    if seed.shared_secret:
        values["webhook-secret"] = seed.shared_secret
    labelled: dict[str, JsonValue] = metadata | {"labels": {"leadgateway.io/credentials": "true"}}
    secret: dict[str, JsonValue] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": labelled,
        "stringData": values,
    }
    return [route, secret] if values else [route]


def variable_of(field: str) -> str:
    """The variable that a field of the LeadRoute comes from."""
    if field.startswith("spec.endpoint"):
        return URL
    return PRODUCT if field.startswith("spec.mapping[product.name]") else MAPPING


def _spec(seed: Seed, name: str) -> dict[str, JsonValue]:
    """The seed's fixed rules and retry policy around its settings."""
    spec: dict[str, JsonValue] = {"path": name, "default": True}
    if seed.shared_secret:
        spec["source"] = {"sharedSecrets": [{"name": name, "key": "webhook-secret"}]}
    endpoint: dict[str, JsonValue] = {"url": seed.url}
    if seed.token:
        endpoint["token"] = {"name": name, "key": "token"}
    if _is_private(seed.url):
        endpoint["allowPrivateNetworks"] = True
    return spec | {
        "validation": {
            "rules": [
                {"code": "MISSING_REQUIRED_FIELD", "required": ["address.zip", "house.is_owner"]},
                {"code": "ZIP_NOT_66XXX", "field": "address.zip", "matches": r"^66\d{3}$"},
                {"code": "NOT_HOMEOWNER", "field": "house.is_owner", "equals": True},
            ]
        },
        "mapping": {target: _source(target, seed) for target in (*seed.mapping, *_required_targets(seed))},
        "endpoint": endpoint,
        "retry": {"maxRetries": 5, "initialDelay": "30s", "factor": 2, "maxDelay": "480s"},
    }


def _required_targets(seed: Seed) -> list[str]:
    """The two targets that the service required, where its mapping file doesn't name them."""
    return [target for target in ("phone", "product.name") if target not in seed.mapping]


def _source(target: str, seed: Seed) -> dict[str, JsonValue]:
    """Where a target's value comes from, in the LeadRoute's form."""
    if target == "product.name":
        path = seed.mapping.get(target)
        return {"from": path, "default": seed.product, "required": True} if path else _constant(seed.product)
    path = seed.mapping.get(target, target)
    source: dict[str, JsonValue] = {"from": path}
    if path == BOOLEAN_SOURCE:
        source["type"] = "boolean"
    if target == "phone":
        source["required"] = True
    return source


def _constant(value: str) -> dict[str, JsonValue]:
    return {"value": value, "required": True}


def _url_problems(environment: Mapping[str, str]) -> list[str]:
    url = environment.get(URL, "").strip()
    if not url:
        return [f"{URL} isn't set: give it the address that leads are delivered to, https://…"]
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return [f"{URL} isn't a URL: write https://HOST/PATH."]
    if parts.scheme not in {"http", "https"} or not host:
        return [f"{URL} isn't a URL that can be posted to: write https://HOST/PATH."]
    if parts.username is not None or parts.password is not None:
        return [f"{URL} holds a user name or password: take it out, a route's URL is no secret; {TOKEN} is."]
    return []


def _credential_problems(environment: Mapping[str, str]) -> list[str]:
    problems = []
    if TOKEN not in environment:
        problems.append(f"{TOKEN} isn't set: give it the customer's Bearer token, or set it to nothing ({TOKEN}=).")
    for variable in (TOKEN, SHARED_SECRET):
        value = environment.get(variable, "").strip()
        if not (value.isascii() and (value.isprintable() or not value)):
            problems.append(f"{variable} holds characters that no HTTP header can carry; it takes printable ASCII.")
    return problems


def _read_mapping(path: str, read_text: Callable[[str], str]) -> dict[str, str]:
    """The flat mapping of the file that the variable names, or what the service shipped when there is none."""
    try:
        text = read_text(path or DEFAULT_MAPPING_PATH)
    except FileNotFoundError:
        if not path:
            return dict(DEFAULT_MAPPING)
        raise InvalidEnvironment([f"{MAPPING} names {path}, and there is no such file."]) from None
    except OSError as error:
        raise InvalidEnvironment([f"{MAPPING} names {path}, which can't be read: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise InvalidEnvironment([f"{MAPPING} names {path}, which isn't UTF-8."]) from None
    return _parse_mapping(path or DEFAULT_MAPPING_PATH, text)


def _parse_mapping(path: str, text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidEnvironment([f"{MAPPING} names {path}, which isn't JSON{where}."]) from None
    if not isinstance(found, dict):
        raise InvalidEnvironment([f'{MAPPING} names {path}, which isn\'t a JSON object like {{"zip": "address.zip"}}.'])
    wrong = [target for target, source in found.items() if not isinstance(source, str) or not source]
    if wrong:
        message = f"{MAPPING} names {path}; there, {', '.join(wrong)} must be dot paths into the lead, as text."
        raise InvalidEnvironment([message])
    return found


def _is_private(url: str) -> bool:
    """Whether the URL says of itself that it leads to a private network."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
