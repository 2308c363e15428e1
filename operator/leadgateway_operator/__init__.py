"""The operator: turns LeadRoutes in the Kubernetes API into the configuration that webhook and workers load.

Decisions are pure functions of what was observed (`observed`, `evaluate`, `admit`, `plan`, `status`); the edges talk to
the API server (`cluster`, `publish`, `handlers`, `admission`) and to the pods (`fleet`).
"""
