"""Asking the web server whether it is ready."""

import asyncio
import http
from typing import Final

READY_PATH: Final = "/api/v1/health/ready"
_ANSWER_SECONDS: Final = 10.0


async def ready_status(port: int, *, host: str) -> int:
    """Return the HTTP status of the readiness check on the public host, 0 without an answer."""
    try:
        return await asyncio.wait_for(_get(port, host=host), _ANSWER_SECONDS)
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return 0


async def _get(port: int, *, host: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = (
            f"GET {READY_PATH} HTTP/1.1\r\nHost: {host}\r\n"
            "X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
        await writer.drain()
        status_line = await reader.readline()
        return int(status_line.split()[1]) if status_line else 0
    finally:
        writer.close()


def is_ready(status: int) -> bool:
    """Return whether this status means that every dependency answers."""
    return status == http.HTTPStatus.OK
