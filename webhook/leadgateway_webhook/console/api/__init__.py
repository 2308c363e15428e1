"""The admin API, `/api/v1`: what the console's pages show and do, for programs.

It answers from the same functions of `leadgateway.store` as the pages do. Errors are problem details (RFC 9457), which
`problems` makes. What says something about a person never stands in an address, which proxies and browsers keep: it is
posted. Whatever shows personal data is recorded with who asked.
"""

from __future__ import annotations

from fastapi import APIRouter

from leadgateway_webhook.console.api import acts, bulk, export, following, leads, routes, statistics
from leadgateway_webhook.console.api.problems import ProblemRoute, documented

PREFIX = "/api/v1"


def api_router() -> APIRouter:
    """The API's addresses, all below `PREFIX`; for an application whose state has `access` and `parts`."""
    router = APIRouter(prefix=PREFIX, route_class=ProblemRoute, responses=documented(401, 403, 422, 503))
    # Those with a word where others have a number come first.
    for module in (following, leads, export, acts, bulk, statistics, routes):
        router.include_router(module.router)
    return router
