"""Chaos: workers, queue, database and object store are killed, and every document is counted.

`make chaos` runs all experiments, `make chaos ARGS="kill disk"` some of them. Each has a home,
servers and tenants of its own, which are removed at its end.
"""
