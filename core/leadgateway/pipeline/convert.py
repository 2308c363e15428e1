"""Read a value as one of the types that a mapping may ask for."""

from __future__ import annotations

from collections.abc import Callable

from leadgateway.json import JsonValue, is_number
from leadgateway.pipeline.boolean import to_boolean
from leadgateway.pipeline.calendar_date import to_iso_date
from leadgateway.pipeline.email_address import to_email_address
from leadgateway.pipeline.numeral import to_integer, to_number, to_text
from leadgateway.route.snapshot import TargetType


def convert(value: JsonValue, to: TargetType, *, region: str) -> str | int | float | bool | None:
    """Read a value as a type; None if it can't be read as one. Converting what was converted changes nothing.

    | type    | read from                                                     | becomes                     |
    |---------|---------------------------------------------------------------|-----------------------------|
    | string  | a string, a number, a boolean                                 | itself; `66123`; `true`     |
    | integer | a number without a fraction, text of ASCII digits             | an integer, exactly         |
    | number  | a number, text that holds one (`1e3`)                         | a number                    |
    | boolean | a boolean, 1, 0, the words of `boolean.to_boolean`            | a boolean                   |
    | email   | text that is in full an e-mail address                        | itself in lower case        |
    | phone   | text or a whole number that is a valid phone number           | E.164                       |
    | date    | ISO 8601, with or without a time; day.month.year              | `YYYY-MM-DD`                |

    Args:
        value: What the lead, or the route, says.
        to: The type.
        region: The ISO 3166 region of phone numbers without a country code.
    """
    if to == "phone":
        return _to_phone(value, region)
    return _CONVERTERS[to](value)


def _to_string(value: JsonValue) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return to_text(value)
    return value if isinstance(value, str) else None


def _to_email(value: JsonValue) -> str | None:
    return to_email_address(value) if isinstance(value, str) else None


def _to_phone(value: JsonValue, region: str) -> str | None:
    # With 60 modules of the library: 1 MiB that a webhook needs only for routes with phone numbers
    from leadgateway.pipeline.phone_number import to_e164  # noqa: PLC0415

    if isinstance(value, str):
        return to_e164(value, region)
    number = to_integer(value)  # some sources send phone numbers as JSON numbers
    return None if number is None or number < 0 else to_e164(to_text(number) or "", region)


def _to_date(value: JsonValue) -> str | None:
    return to_iso_date(value) if isinstance(value, str) else None


_CONVERTERS: dict[TargetType, Callable[[JsonValue], str | int | float | bool | None]] = {
    "string": _to_string,
    "integer": to_integer,
    "number": to_number,
    "boolean": to_boolean,
    "email": _to_email,
    "date": _to_date,
}
