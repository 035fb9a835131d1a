"""Requests whose bodies are read when a view wants them, not before it is asked.

Django's ASGI handler writes a body to the disk to its end before anything looks at the request:
who sends it, for whom, and whether it may come at all. Here the view's thread draws the body from
the server as it reads. What is refused is never read, a sender that is told so by `Expect:
100-continue` sends nothing, and one that is faster than the disk is held back by the network.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler

Receive = Callable[[], Awaitable[dict[str, Any]]]
PATIENCE_SECONDS: Final = 60
"""How long a sender may be silent in the middle of a body."""


class SenderGoneError(ConnectionError):
    """The sender went away, or was silent for too long, before the body was whole."""


class StreamedBody(io.RawIOBase):
    """The body of one request; `read` blocks the calling thread, never the event loop."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._left = b""
        self._is_whole = False
        self.ended = asyncio.Event()

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next, at least one byte until the end."""
        while not self._left and not self._is_whole:
            self._draw()
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)

    def give_up(self) -> None:
        """Let go of a body that nobody will read any further; called in the event loop."""
        self._is_whole = True
        self.ended.set()

    def _draw(self) -> None:
        waiting = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
        try:
            message = waiting.result()
        except TimeoutError as error:
            raise SenderGoneError("The sender was silent for too long.") from error
        if message["type"] == "http.disconnect":
            raise SenderGoneError("The sender went away.")
        self._left = message.get("body", b"")

    async def _next(self) -> dict[str, Any]:
        """Take the next message of the body; the last one lets others listen."""
        try:
            message = await asyncio.wait_for(self._receive(), PATIENCE_SECONDS)
        except BaseException:
            self.give_up()
            raise
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.give_up()
        return message


class _Reception:
    """The server's `receive`, with the body that is drawn from it where there is one."""

    def __init__(self, receive: Receive) -> None:
        self.receive = receive
        self.body: StreamedBody | None = None

    async def __call__(self) -> dict[str, Any]:
        return await self.receive()


class StreamingASGIHandler(ASGIHandler):
    """Django's handler, with `StreamedBody` for bodies that are long or of unknown length.

    Short ones are taken into memory before the view's thread begins, as Django does it.
    """

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        reception = _Reception(receive)
        if _is_long(scope):
            reception.body = StreamedBody(receive, asyncio.get_running_loop())
        await super().handle(scope, reception, send)

    async def read_body(self, receive: Any) -> Any:
        """Return the body: unread where it is long."""
        return receive.body or await super().read_body(receive)

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Notice that the sender goes away, once there is nothing else to come from it."""
        if receive.body is not None:
            await receive.body.ended.wait()
        await super().listen_for_disconnect(receive)


def _is_long(scope: Any) -> bool:
    headers = dict(scope.get("headers", ()))
    length = headers.get(b"content-length", b"")
    if not length.isdigit():
        return b"transfer-encoding" in headers
    return int(length) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
