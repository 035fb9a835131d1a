"""Which workers live: each says so every few seconds, by PostgreSQL's clock.

In PostgreSQL and not in the broker: when the broker is away or was emptied, it must still be known
since when no worker has been seen.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import DatabaseError, connection
from django.db.models import Max, Q, Sum
from django.db.models.functions import Now

from tenants.context import registry_context
from tenants.models import Worker

log = structlog.get_logger("frostbyte.workers")

BEAT_SECONDS: Final = 5
ALIVE_SECONDS: Final = 20
"""A worker that has not been heard of for so long counts as gone."""
_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers that live, the documents that they do at once, and when one was last seen."""

    alive: int
    places: int
    last_seen: datetime | None


def workers_alive() -> Workers:
    """Return who lives at this moment; `last_seen` is None where there never was a worker."""
    with registry_context():
        recent = Q(seen_at__gt=Now() - timedelta(seconds=ALIVE_SECONDS), places__gt=0)
        counted = Worker.objects.aggregate(
            places=Sum("places", filter=recent, default=0), last_seen=Max("seen_at")
        )
        alive = Worker.objects.filter(recent).count()
    return Workers(alive, counted["places"], counted["last_seen"])


def worker_seen(*, name: str, places: int) -> None:
    """Say that a worker lives and does so many documents at once; 0 says that it has stopped."""
    with registry_context():
        Worker.objects.update_or_create(name=name, defaults={"places": places, "seen_at": Now()})
        Worker.objects.filter(seen_at__lt=Now() - _KEPT).delete()


class Presence(threading.Thread):
    """Says that this worker lives, from a thread of its own, until stopped."""

    def __init__(self, *, name: str, places: int) -> None:
        super().__init__(name="presence", daemon=True)
        self._worker = name
        self._places = places
        self._ended = threading.Event()

    def run(self) -> None:
        """Say it every few seconds; a database that is away for a moment is tried again."""
        while True:
            self._say(self._places)
            if self._ended.wait(BEAT_SECONDS):
                return

    def stop(self) -> None:
        """Say that the worker has stopped."""
        self._ended.set()
        self.join()
        self._say(0)

    def _say(self, places: int) -> None:
        try:
            worker_seen(name=self._worker, places=places)
        except DatabaseError as error:
            log.warning("presence not told", error=type(error).__name__)
        finally:
            # Children are forked from this process: no connection stays open in it.
            connection.close()
