"""One clock for all: a lease or a due time is judged by PostgreSQL's, never by a worker's own."""

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """Return the present time by PostgreSQL's clock, also within a transaction; aware, in UTC.

    A machine whose clock is wrong then neither takes what another holds nor waits for ever.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
