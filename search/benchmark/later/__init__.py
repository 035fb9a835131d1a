"""A migration that the benchmark applies to every tenant: a table, nothing more."""
