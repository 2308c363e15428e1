"""Runs Alembic over a connection that the caller already holds (see `runner`)."""

from __future__ import annotations

from alembic import context

from leadgateway.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
