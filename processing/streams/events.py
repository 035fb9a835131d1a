"""The bytes of a stream (HTML Living Standard, 9.2 Server-sent events)."""

import asyncio
from collections.abc import AsyncIterator
from json import dumps
from typing import Final
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connection

from processing.batches.progress import BatchProgress
from processing.streams.hub import ENDED, HUB, Stream
from processing.streams.watchers import Watcher
from tenants.models import Tenant

HEARTBEAT_SECONDS: Final = 15.0
"""A comment so often, so that proxies keep the connection and a caller that is gone shows."""
RETRY: Final = b"retry: 3000\n\n"
HEARTBEAT: Final = b": heartbeat\n\n"
GONE: Final = b"event: end\ndata: {}\n\n"


def event_of(progress: BatchProgress) -> bytes:
    """Return a state as an event; its id names the state, so that it is not told twice."""
    name = "final" if progress.final else "progress"
    data = dumps(progress.as_json(), separators=(",", ":"))
    return f"id: {progress.version}\nevent: {name}\ndata: {data}\n\n".encode()


def state_once(progress: BatchProgress) -> bytes:
    """Return a whole stream of one state, the last, or for servers that give each stream a thread.

    The caller asks again after the time of `RETRY`, which makes it polling.
    """
    return RETRY + event_of(progress)


async def states(
    *, tenant: Tenant, batch_id: UUID, watcher: Watcher, slot: str, first: BatchProgress, seen: str
) -> AsyncIterator[bytes]:
    """Yield each new state of the batch until it is final, or until the caller may hear no more.

    `first` is the state now, and `seen` names the one that the caller knows already.
    """
    # Else the connection that the request was let in by stays open as long as the stream.
    await sync_to_async(_let_connection_go)()
    stream = Stream(tenant, batch_id, watcher, slot, first.version)
    HUB.join(stream)
    try:
        yield RETRY
        if first.version != seen:
            yield event_of(first)
        while True:
            async for part in _next(stream):
                yield part
                if part == GONE or b"\nevent: final\n" in part[:64]:
                    return
    finally:
        HUB.leave(stream)


async def _next(stream: Stream) -> AsyncIterator[bytes]:
    try:
        news = await asyncio.wait_for(stream.news.get(), HEARTBEAT_SECONDS)
    except TimeoutError:
        yield HEARTBEAT
        return
    yield GONE if news is ENDED else event_of(news)


def _let_connection_go() -> None:
    # The name stands for the connection of the thread that runs this.
    connection.close()
