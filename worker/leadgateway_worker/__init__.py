"""The worker: takes due leads from the database, checks and maps them, and delivers each to its customer's API."""
