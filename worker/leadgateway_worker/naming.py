"""How every log line about a lead names it."""

from __future__ import annotations

from leadgateway.store.claims import Claim


def names(claim: Claim) -> dict[str, int | str]:
    """The lead, its route, and the id under which its source, the customer and the audit know it."""
    return {"lead_id": claim.lead_id, "route": claim.route, "correlation_id": str(claim.correlation_id)}
