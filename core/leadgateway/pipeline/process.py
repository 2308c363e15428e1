"""Decide about a lead: rules, normalise, map."""

from __future__ import annotations

from leadgateway.json import JsonValue
from leadgateway.pipeline.boolean_fields import boolean_fields
from leadgateway.pipeline.mapping import map_lead
from leadgateway.pipeline.normalise import normalise
from leadgateway.pipeline.outcome import Decision, Mapped, Omission, OmissionReason, Rejected
from leadgateway.pipeline.payload import encode_payload
from leadgateway.pipeline.rules import first_failure
from leadgateway.route.snapshot import RouteSnapshot

__all__ = ["Decision", "Mapped", "Omission", "OmissionReason", "Rejected", "decide", "encode_payload"]


def decide(lead: dict[str, JsonValue], route: RouteSnapshot) -> Decision:
    """Decide what becomes of a lead on a route. The lead is not changed, and nothing of it is in a rejection's message.

    Args:
        lead: As `parse_lead` returned it.
        route: Its `evaluate` says whether the rules see the lead as sent or normalised; the mapping sees it normalised.
    """
    if route.evaluate == "received":
        failure = first_failure(lead, route.rules)
        return failure or map_lead(normalise(lead, boolean_fields(route)), route.mapping)
    normalised = normalise(lead, boolean_fields(route))
    return first_failure(normalised, route.rules) or map_lead(normalised, route.mapping)
