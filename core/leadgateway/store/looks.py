"""Looks at personal data: each is recorded, with who looked and at how much, without what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from leadgateway.store import arrays
from leadgateway.store.connection import Connection
from leadgateway.store.execute import rows

Kind: TypeAlias = Literal["contents", "search", "export"]
"""What was looked at: a lead's contents, whether there are leads about somebody, or many leads' contents at once."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at personal data.

    Attributes:
        kind: What kind of look.
        leads: At how many leads.
        lead_id: Which, if it was one.
    """

    kind: Kind
    leads: int
    lead_id: int | None = None


def record_look(connection: Connection, look: Look, *, person: str) -> None:
    """Record a look; call it before anything is shown.

    Args:
        connection: In autocommit.
        look: The look.
        person: Who looks.
    """
    actor = f"person:{arrays.storable(person)}"
    rows(connection, _RECORD, {"actor": actor, "kind": look.kind, "leads": look.leads, "lead_id": look.lead_id})


_RECORD = """
INSERT INTO personal_data_look (at, actor, kind, leads, lead_id)
VALUES (now(), %(actor)s, %(kind)s, %(leads)s, %(lead_id)s)
"""
