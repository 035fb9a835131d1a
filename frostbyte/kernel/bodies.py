"""Bodies of requests that are read while they come, and kept as far as they came.

Django takes a whole body in before it calls a view. A body of `STREAMED_TYPE` is instead left with
the server; the view reads it through `body_reader`, at its own pace, from its own thread.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import TimeoutError as NothingCameError
from typing import Any, Final

from django.http import HttpRequest, UnreadablePostError

STREAMED_TYPE: Final = "application/offset+octet-stream"
IDLE_SECONDS: Final = 30
"""After so long without a byte the sender is taken to be gone."""
_KEY: Final = "frostbyte.body"

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
Read = Callable[[int], bytes]
"""Returns between one and so many bytes, and none at the end of the body."""


class BodyInterruptedError(Exception):
    """The sender went away, or fell silent, before the end of the body."""


class StreamedBody:
    """The body of one ASGI request; `read` is for another thread than the event loop's."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._block = memoryview(b"")
        self._is_last = False

    def read(self, size: int) -> bytes:
        """Return what has come, at most `size` bytes; raises `BodyInterruptedError`."""
        while not self._block and not self._is_last:
            self._next()
        taken, self._block = bytes(self._block[:size]), self._block[size:]
        return taken

    def _next(self) -> None:
        waiting = asyncio.run_coroutine_threadsafe(_awaited(self._receive), self._loop)
        try:
            message = waiting.result(IDLE_SECONDS)
        except NothingCameError:
            waiting.cancel()
            raise BodyInterruptedError from None
        if message["type"] != "http.request":
            raise BodyInterruptedError
        self._block = memoryview(message.get("body", b""))
        self._is_last = not message.get("more_body", False)


def streaming(application: Application) -> Application:
    """Return the ASGI application with bodies of `STREAMED_TYPE` left to their views."""

    async def answer(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_streamed(scope):
            body = StreamedBody(receive, asyncio.get_running_loop())
            await application({**scope, _KEY: body}, _nothing_more(), send)
        else:
            await application(scope, receive, send)

    return answer


def body_reader(request: HttpRequest) -> Read:
    """Return what reads the body of a request; it raises `BodyInterruptedError`."""
    body: StreamedBody | None = getattr(request, "scope", {}).get(_KEY)
    if body is not None:
        return body.read

    def read(size: int) -> bytes:
        try:
            return request.read(size)
        except UnreadablePostError as error:
            raise BodyInterruptedError from error

    return read


def _is_streamed(scope: Any) -> bool:
    kinds = (value for name, value in scope["headers"] if name.lower() == b"content-type")
    return next(kinds, b"").split(b";")[0].strip().lower() == STREAMED_TYPE.encode()


def _nothing_more() -> Receive:
    """Return a `receive` that gives an empty body, and then waits as long as it is asked."""
    messages: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        # What became of the sender is found out by whoever reads the body; the answer of a view
        # that keeps what came must not be called off before that.
        return messages.pop() if messages else await asyncio.Future[Message]()

    return receive


async def _awaited(receive: Receive) -> Message:
    return await receive()
