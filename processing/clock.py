"""One clock for all: a lease or a due time is judged by PostgreSQL's, never by a worker's own."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import connection
from django.utils import timezone

log = structlog.get_logger("frostbyte.processing")

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""S3 refuses what was signed a quarter of an hour before or after its own time."""


def database_now() -> datetime:
    """Return the present time by PostgreSQL's clock, also within a transaction; aware, in UTC.

    A machine whose clock is wrong then neither takes what another holds nor waits for ever.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def clock_is_right() -> bool:
    """Return whether this machine's clock is near PostgreSQL's; it tells of one that is not.

    With a wrong clock no object can be read or written: the work is left to another worker.
    """
    off = timezone.now() - database_now()
    if abs(off) <= CLOCK_TOLERANCE:
        return True
    log.critical("clock is wrong, no work is taken", seconds_off=round(off.total_seconds()))
    return False
