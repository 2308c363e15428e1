"""A lead as rules and mapping sources look at it."""

from __future__ import annotations

from functools import cached_property

from leadgateway.json import JsonValue
from leadgateway.route.expression import PreparedLead


class LeadView:
    """A lead and what CEL is shown of it: prepared once for all expressions, and only if there is one."""

    def __init__(self, lead: dict[str, JsonValue]) -> None:
        self.lead = lead

    @cached_property
    def prepared(self) -> PreparedLead:
        """The lead for CEL."""
        return PreparedLead.of(self.lead)
