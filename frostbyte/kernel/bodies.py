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
from django.http import HttpRequest, UnreadablePostError

STREAMED_TYPE: Final = "application/offset+octet-stream"
"""Bodies of this type are read as they come, however short, and kept as far as they came."""
PATIENCE_SECONDS: Final = 30
"""How long a sender may be silent in the middle of a body."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Read = Callable[[int], bytes]
"""Returns between one and so many bytes, and none at the end of the body."""


class BodyInterruptedError(ConnectionError):
    """The sender went away, or fell silent, before the end of the body."""


class StreamedBody(io.RawIOBase):
    """The body of one request; `read` blocks the calling thread, never the event loop."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._left = memoryview(b"")
        self._is_whole = False
        self.ended = asyncio.Event()

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next, at least one byte until the end.

        Raises `BodyInterruptedError`.
        """
        while not self._left and not self._is_whole:
            self._draw()
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def _draw(self) -> None:
        waiting = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
        try:
            message = waiting.result()
        except TimeoutError as error:
            raise BodyInterruptedError("The sender was silent for too long.") from error
        if message["type"] == "http.disconnect":
            raise BodyInterruptedError("The sender went away.")
        self._left = memoryview(message.get("body", b""))

    async def _next(self) -> dict[str, Any]:
        """Take the next message of the body; the last one lets others listen."""
        try:
            message = await asyncio.wait_for(self._receive(), PATIENCE_SECONDS)
        except BaseException:
            self._end()
            raise
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._end()
        return message

    def _end(self) -> None:
        self._is_whole = True
        self.ended.set()


class _Reception:
    """The server's `receive`, with the body that is drawn from it where there is one."""

    def __init__(self, receive: Receive, body: StreamedBody | None, *, is_kept: bool) -> None:
        self.receive = receive
        self.body = body
        self.is_kept = is_kept

    async def __call__(self) -> dict[str, Any]:
        return await self.receive()


class StreamingASGIHandler(ASGIHandler):
    """Django's handler, with `StreamedBody` for bodies that are long or of unknown length.

    Short ones are taken into memory before the view's thread begins, as Django does it, unless
    they are of `STREAMED_TYPE`.
    """

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        headers = dict(scope.get("headers", ()))
        is_kept = _is_streamed(headers)
        is_left = is_kept or _is_long(headers)
        body = StreamedBody(receive, asyncio.get_running_loop()) if is_left else None
        await super().handle(scope, _Reception(receive, body, is_kept=is_kept), send)

    async def read_body(self, receive: Any) -> Any:
        """Return the body: unread where it is long or streamed."""
        return receive.body or await super().read_body(receive)

    async def listen_for_disconnect(self, receive: Any) -> None:
        """Notice that the sender goes away, once there is nothing else to come from it.

        A view that keeps what came finds it out by reading, and is not called off before.
        """
        if receive.is_kept:
            await asyncio.Future()
        if receive.body is not None:
            await receive.body.ended.wait()
        await super().listen_for_disconnect(receive)


def body_reader(request: HttpRequest) -> Read:
    """Return what reads the body of a request; it raises `BodyInterruptedError`."""

    def read(size: int) -> bytes:
        try:
            return request.read(size)
        except UnreadablePostError as error:
            raise BodyInterruptedError from error

    return read


def _is_streamed(headers: dict[bytes, bytes]) -> bool:
    kind = headers.get(b"content-type", b"").split(b";")[0]
    return kind.strip().lower() == STREAMED_TYPE.encode()


def _is_long(headers: dict[bytes, bytes]) -> bool:
    length = headers.get(b"content-length", b"")
    if not length.isdigit():
        return b"transfer-encoding" in headers
    return int(length) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
