"""One thread a process looks for all open streams, once a second, on one database connection.

A stream itself holds neither a connection nor a thread that works: it waits in the event loop for
what the hub has found. Equal questions are asked once: a hundred streams of one person to one
batch cost as much as one. With each look the hub asks whether the tenant is active and the caller
still in force, and ends the streams of those who are not.
"""

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from time import sleep
from typing import Final
from uuid import UUID

import structlog
from django.db import DatabaseError, connection

from frostbyte.kernel.errors import FrostbyteError
from intake.errors import BatchNotFoundError
from processing.batches.progress import BatchProgress, batch_progress
from processing.batches.selectors import batch_with_report
from processing.streams.watchers import Watcher, reader_by_bearer, reader_by_session
from tenants.context import reading, registry_context, tenant_context
from tenants.lifecycle.states import TenantState
from tenants.limits.streams import slot_give_back, slots_keep
from tenants.models import Tenant

log = structlog.get_logger("frostbyte.processing")

EVERY_SECONDS: Final = 1.0
ENDED: Final = None
"""What a stream is told last: it has no more to tell, or its caller may hear no more."""

_Found = dict[tuple[str, UUID], BatchProgress | None]


@dataclass(eq=False)
class Stream:
    """One open stream: of which batch, for whom, and what it was last told."""

    tenant: Tenant
    batch_id: UUID
    watcher: Watcher
    slot: str
    version: str
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    news: "asyncio.Queue[BatchProgress | None]" = field(default_factory=asyncio.Queue)

    @property
    def tenant_id(self) -> int:
        """The registry's id of the tenant."""
        return int(self.tenant.pk)

    def tell(self, progress: BatchProgress | None) -> None:
        """Pass on what is new, from the hub's thread."""
        if progress is not None and progress.version == self.version:
            return
        self.version = progress.version if progress else ""
        try:
            self.loop.call_soon_threadsafe(self.news.put_nowait, progress)
        except RuntimeError:
            # The loop is closed: the server is on its way out, and the stream with it.
            HUB.leave(self)


class Hub:
    """The streams of this process and the thread that looks for them, which ends with the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._left: list[Stream] = []
        self._thread: threading.Thread | None = None

    def join(self, stream: Stream) -> None:
        """Tell the stream from now on."""
        with self._lock:
            self._streams.add(stream)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
                self._thread.start()

    def leave(self, stream: Stream) -> None:
        """Tell the stream no more; its slot is given back by the thread, which may wait for it."""
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
                self._left.append(stream)

    def _run(self) -> None:
        try:
            while streams := self._open():
                _look_safely(streams)
                self._give_back()
                sleep(EVERY_SECONDS)
        finally:
            # Left by a fault, the streams must not stay silent: callers connect anew.
            for stream in self._open():
                stream.tell(ENDED)

    def _give_back(self) -> None:
        with self._lock:
            left, self._left = self._left, []
        for stream in left:
            slot_give_back(tenant=stream.tenant, slot=stream.slot)

    def _open(self) -> list[Stream]:
        self._give_back()
        with self._lock:
            if not self._streams:
                self._thread = None
            return sorted(self._streams, key=attrgetter("tenant_id"))


HUB: Final = Hub()


def _look_safely(streams: list[Stream]) -> None:
    """Look once; a database that is away for a moment leaves the streams open and silent."""
    try:
        for tenant_id, those in groupby(streams, key=attrgetter("tenant_id")):
            _look(tenant_id, list(those))
    except (DatabaseError, FrostbyteError) as error:
        log.warning("streams not told", error=type(error).__name__)
    finally:
        connection.close()


def _look(tenant_id: int, streams: list[Stream]) -> None:
    with registry_context():
        tenant = Tenant.objects.filter(pk=tenant_id, state=TenantState.ACTIVE).first()
        watchers = {stream.watcher for stream in streams}
        readers = {
            watcher: reader_by_bearer(watcher, tenant_id=tenant_id)
            for watcher in watchers
            if watcher.bearer and tenant is not None
        }
    if tenant is None:
        _end(streams)
        return
    slots_keep(tenant=tenant, slots=[stream.slot for stream in streams])
    with tenant_context(tenant):
        readers |= {each: reader_by_session(each) for each in watchers if not each.bearer}
        found = _find(
            {
                (reader, stream.batch_id)
                for stream in streams
                if (reader := readers[stream.watcher]) is not None
            }
        )
    for stream in streams:
        reader = readers[stream.watcher]
        stream.tell(found[reader, stream.batch_id] if reader is not None else ENDED)


def _find(wanted: Iterable[tuple[str, UUID]]) -> _Found:
    """Return each batch's progress as each reader sees it; None where there is nothing to see."""
    found: _Found = {}
    for reader, batch_id in wanted:
        with reading(reader):
            try:
                found[reader, batch_id] = batch_progress(batch_with_report(batch_id=batch_id))
            except BatchNotFoundError:
                found[reader, batch_id] = ENDED
    return found


def _end(streams: Iterable[Stream]) -> None:
    for stream in streams:
        stream.tell(ENDED)
