"""The auditor: proves from the database and the logs of sources and customers what became of every single lead.

It shares no code with the product: its own SQL, its own idea of what a legal history is.
"""
