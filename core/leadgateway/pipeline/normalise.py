"""Bring a lead into the form that rules, mapping and deduplication may count on."""

from __future__ import annotations

from collections.abc import Iterable

from leadgateway.json import JsonValue
from leadgateway.pipeline.boolean import LITERALS, to_boolean
from leadgateway.pipeline.email_address import is_email_address
from leadgateway.route.path import DotPath

_EMAIL_KEYS = {"email", "emailaddress"}


def normalise(lead: dict[str, JsonValue], booleans: Iterable[DotPath] = ()) -> dict[str, JsonValue]:
    """Normalise a lead, into a new one. Normalising twice is normalising once.

    1. Strings lose the white space around them (Unicode's; keys are left as they are).
    2. E-mail addresses are written in lower case: each string that is in full an e-mail address (see
       `email_address.is_email_address`), and each string under a key named email, e-mail, email_address or
       emailAddress in any case, whatever it holds.
    3. Booleans: the words `true` and `false`, in any case, become booleans in whichever field they stand. All else
       that people send for a boolean (yes, ja, on, 1 …, see `boolean.to_boolean`) becomes one in the fields at
       `booleans` only, since elsewhere "No" may be a name, and "1" a house number.

    Args:
        lead: As received; it is not changed.
        booleans: The fields that the route treats as booleans (see `boolean_fields`).
    """
    normalised = {key: _normalise(key, value) for key, value in lead.items()}
    for path in booleans:
        _read_as_boolean(normalised, path)
    return normalised


def _normalise(key: str, value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return _normalise_text(key, value.strip())
    if isinstance(value, dict):
        return {inner: _normalise(inner, element) for inner, element in value.items()}
    if isinstance(value, list):
        return [_normalise(key, element) for element in value]
    return value


def _normalise_text(key: str, text: str) -> str | bool:
    if len(text) in (4, 5) and (literal := LITERALS.get(text.lower())) is not None:
        return literal
    if is_email_address(text) or _names_an_email(key):
        return text.lower()
    return text


def _names_an_email(key: str) -> bool:
    return "mail" in key.lower() and key.lower().replace("-", "").replace("_", "") in _EMAIL_KEYS


def _read_as_boolean(lead: dict[str, JsonValue], path: DotPath) -> None:
    container: JsonValue = lead
    *parents, last = path.segments
    for segment in parents:
        container = _step(container, segment)
    boolean = to_boolean(_step(container, last))
    if boolean is None:
        return
    if isinstance(container, dict):
        container[str(last)] = boolean
    elif isinstance(container, list) and isinstance(last, int):
        container[last] = boolean


def _step(container: JsonValue, segment: str | int) -> JsonValue:
    """One step of `DotPath.lookup`; None where there is nothing, since that is no boolean either."""
    if isinstance(container, dict):
        return container.get(str(segment))
    if isinstance(container, list) and isinstance(segment, int) and segment < len(container):
        return container[segment]
    return None
