"""The truth: leads, their states and their audit in PostgreSQL (14 or newer), and every query that touches them.

All functions take a `Connection` of an engine made by `engine.create_store_engine`: it is in autocommit, so that one
statement is one round trip and one durable commit. Statements are written by hand; those of every lead take whole
batches as arrays and are prepared once a session (`execute.lookup`). SQLAlchemy is there for the migrations alone.

Who needs what:

- webhook: `intake.store_batch`
- worker: `claims.claim`, `rounds.mark_ready`, `outcomes.finish`, `backlog.waiting_routes`, `breaker`, `housekeeping`
- people: `people.replay`, `reject`, `move`; `story.lead_story`, `search.search`, `statistics.statistics`
- schema: `migrations.migrate`, `wait_for_schema`, `schema_is_current`; `grants.grant_runtime`

Failures come as one of the exceptions in `errors`, none of which repeats anything of a lead.
"""
