"""Callers of the API, as tests/api has them."""

from tests.api.conftest import by_key, by_session

__all__ = ("by_key", "by_session")
