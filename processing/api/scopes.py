"""Scopes that several endpoints ask for."""

from typing import Final

from tenants.models import Scope

INGEST_OR_QUERY: Final = (Scope.INGEST.value, Scope.QUERY.value)
"""Either will do: whoever hands documents in may follow them, and whoever asks may look."""
