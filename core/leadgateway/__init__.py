"""Lead Gateway: accepts sales leads durably and delivers each to one customer's API."""

from importlib.metadata import version

from leadgateway.optional_imports import left_out

# Here, before any other module of ours: its console format takes Rich for tracebacks, which ours are not to have, and
# with it come Pygments and attrs.
with left_out("rich", "better_exceptions", "greenlet"):
    import structlog  # noqa: F401

__version__ = version("lead-gateway")
