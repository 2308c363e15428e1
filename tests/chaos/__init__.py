"""The fault harness: the whole gateway under load while its parts die, and an auditor who proves that no lead was lost.

`stack` runs the real processes, `load` posts leads, `schedule` says which of the `faults` happens when, `run` puts them
together, and `audit` judges by the database and the logs of sources and customers.
"""
