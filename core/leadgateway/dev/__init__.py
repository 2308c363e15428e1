"""The whole gateway on one machine: PostgreSQL and Valkey from wheels, every part as a process of its own.

Only `leadgateway dev`, the tests and the benchmarks use this package; no part of the gateway imports it.
"""
