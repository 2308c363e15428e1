"""The worker: takes due leads from the database, checks and maps them, and delivers each to its customer's API."""

from leadgateway.optional_imports import no_authorities

# Here, before any other module of ours: it reads the system's authorities twice, for contexts of its own that no
# request of ours uses. Which ones customers' certificates are checked against, `delivery.open_delivery` says.
with no_authorities():
    import aiohttp  # noqa: F401
