"""The schema's history, one linear chain of Alembic revisions, and how a database is brought up to it.

A migration must be *online*: the previous release runs against the new schema while pods are replaced. So columns
are added with defaults, constraints as NOT VALID first, indexes concurrently (`online.build_index`), and nothing is
dropped before a later release. No statement waits long for a table that is in use (`runner.LOCK_TIMEOUT`).
There is no downgrade: going back is the previous release on the newer schema, which it is used to.
"""

from leadgateway.store.migrations.runner import (
    SchemaNotReady,
    UnsuitableServer,
    migrate,
    schema_is_current,
    wait_for_schema,
)

__all__ = ["SchemaNotReady", "UnsuitableServer", "migrate", "schema_is_current", "wait_for_schema"]
