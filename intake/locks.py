"""Waiting for one another within a tenant, until the end of the transaction."""

from django.db import connection

from intake.models import Collection
from intake.selectors import collection_missing


def lock(name: str) -> None:
    """Let those who lock the same name in one tenant come one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || %s, 0))", [name]
        )


def lock_content(collection: Collection, sha256: str) -> None:
    """Let the same bytes, put into a collection twice at once, come one after the other."""
    lock(f"{collection.pk}{sha256}")


def hold_collection(collection: Collection) -> None:
    """Keep a collection from being deleted; raises `CollectionNotFoundError` if it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM intake_collection WHERE id = %s FOR KEY SHARE", [collection.pk])
        if not cursor.rowcount:
            raise collection_missing()
