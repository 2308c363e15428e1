"""Lead Gateway: accepts sales leads durably and delivers each to one customer's API."""

from importlib.metadata import version

__version__ = version("lead-gateway")
