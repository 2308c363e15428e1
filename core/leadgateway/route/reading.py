"""Reads a LeadRoute from the JSON that a file or the API holds, and says in sentences what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from leadgateway.route.model import LeadRoute
from leadgateway.route.problem import Problem

Location = tuple[int | str, ...]

_MAP: Location = ("spec", "mapping")
"""The one map: what follows is a key that its author chose."""


def read_route(document: object) -> LeadRoute | list[Problem]:
    """Read a whole LeadRoute.

    Args:
        document: Its JSON as Python objects.

    Returns:
        The LeadRoute, or everything that is wrong with its shape. What a value means is judged by `compile_route`.
    """
    try:
        return LeadRoute.model_validate(document)
    except ValidationError as error:
        return list(_problems(error))


def _problems(error: ValidationError) -> Iterator[Problem]:
    for details in error.errors(include_url=False, include_input=False):
        yield Problem(field_path(details["loc"]), _sentence(details))


def field_path(location: Location) -> str:
    """Write where something stands as Kubernetes does: `spec.mapping[product.name].from`."""
    path = ""
    for index, part in enumerate(location):
        if isinstance(part, int) or location[:index] == _MAP:
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path or "(document)"


def _sentence(details: ErrorDetails) -> str:
    say = _SENTENCES.get(details["type"])
    if details["type"] == "extra_forbidden":
        return _unknown_field(details["loc"])
    sentence = say(details.get("ctx", {})) if say else details["msg"].removeprefix("Value error, ")
    return sentence + _example(details["loc"]) if details["type"] == "string_pattern_mismatch" else sentence


def _unknown_field(location: Location) -> str:
    """Name the fields there are: a typo is the likeliest reason."""
    owner = _model_at(location[:-1])
    known = sorted(_aliases(owner)) if owner else []
    guess = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean {guess[0]}?" if guess else f"there are {', '.join(known)}"
    return f"there is no such field; {hint}"


def _example(location: Location) -> str:
    owner = _model_at(location[:-1])
    field = _aliases(owner).get(str(location[-1])) if owner else None
    return f", for example {field.examples[0]}" if field and field.examples else ""


def _aliases(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(location: Location) -> type[BaseModel] | None:
    """The model whose field is named at a location: indices and map keys lead to the elements' model."""
    current: type[BaseModel] | None = LeadRoute
    for index, part in enumerate(location):
        if isinstance(part, int) or location[:index] == _MAP:
            continue
        field = _aliases(current).get(part) if current else None
        current = _model_within(field.annotation) if field else None
    return current


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation like `list[Rule] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_within, get_args(annotation))), None)


def _types(name: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda _: f"write {name}"


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "this field is required; add it",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda context: f"is too long; write at most {context['max_length']} characters",
    "too_long": lambda context: f"has too many entries; write at most {context['max_length']}",
    "too_short": lambda context: f"has too few entries; write at least {context['min_length']}",
    "greater_than_equal": lambda context: f"is too small; write at least {context['ge']}",
    "less_than_equal": lambda context: f"is too large; write at most {context['le']}",
    "string_pattern_mismatch": lambda context: f"must match {context['pattern']}",
    "literal_error": lambda context: f"write {context['expected']}",
    "string_type": _types("a string (in quotes, where YAML would read a number, a boolean or a date)"),
    "int_type": _types("a whole number"),
    "int_from_float": _types("a whole number"),
    "float_type": _types("a number"),
    "finite_number": _types("a finite number"),
    "bool_type": _types("true or false"),
    "list_type": _types("a list"),
    "dict_type": _types("an object (fields with values)"),
    "model_type": _types("an object (fields with values)"),
    "model_attributes_type": _types("an object (fields with values)"),
}
