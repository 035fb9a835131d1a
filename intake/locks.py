"""Waiting for one another within a tenant: PostgreSQL's advisory locks, by name.

Those of a transaction end with it, those of a session with `unlock` or the process.
"""

from typing import LiteralString

from django.db import connection

from intake.models import Collection
from intake.selectors import collection_missing


def lock(name: str) -> None:
    """Let those who lock the same name in one tenant come one after the other, by transaction."""
    _ask("pg_advisory_xact_lock", name)


def try_lock(name: str) -> bool:
    """Take a name for this database session; returns False, at once, while another has it."""
    return _ask("pg_try_advisory_lock", name)


def unlock(name: str) -> None:
    """Let go of a name that `try_lock` took."""
    _ask("pg_advisory_unlock", name)


def lock_content(collection: Collection, sha256: str) -> None:
    """Let the same bytes, put into a collection twice at once, come one after the other."""
    lock(f"{collection.pk}{sha256}")


def hold_collection(collection: Collection) -> None:
    """Keep a collection from being deleted; raises `CollectionNotFoundError` if it was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM intake_collection WHERE id = %s FOR KEY SHARE", [collection.pk])
        if not cursor.rowcount:
            raise collection_missing()


def _ask(function: LiteralString, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(current_schema() || %s, 0))", [name])
        row = cursor.fetchone()
        return bool(row and row[0])
