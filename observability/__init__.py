"""Dashboards and alert rules as code: what an SRE sees of the gateway, and what wakes one up.

`python -m observability` (`make generate`) writes them into the chart. No part of the installed package: only what it
writes is shipped.
"""
