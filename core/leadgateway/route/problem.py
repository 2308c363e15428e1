"""What is wrong with a LeadRoute, said so that its author can put it right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake.

    Attributes:
        field: The path of the field at fault as an author would write it, like `spec.validation.rules[1].matches`.
        message: A sentence that says what to change. It never holds a Secret's value or a lead's contents.
    """

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
