"""Migrations of a later version, for the tests: the search application gets two."""
