"""Every error code that a caller may meet, gathered from the classes that raise them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Final

from frostbyte.kernel.errors import FrostbyteError

MODULES: Final = (
    "frostbyte.kernel.errors",
    "tenants.errors",
    "intake.errors",
    "processing.errors",
    "search.errors",
)
"""Where the errors are whose codes reach callers."""


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """A code with its HTTP status, and what it means, from the classes that bear it."""

    status: int
    code: str
    meaning: str
    retryable: bool = False


OF_HTTP: Final = (
    Code(401, "AUTHENTICATION_REQUIRED", "No key or sign-in."),
    Code(405, "METHOD_NOT_ALLOWED", "The address does not know this method."),
    Code(406, "NOT_ACCEPTABLE", "None of the media types of the Accept header can be given."),
    Code(413, "SIZE_EXCEEDED", "The body of the request is too large."),
    Code(415, "UNSUPPORTED_MEDIA_TYPE", "The body is of a type that is not read here."),
    Code(429, "RATE_LIMIT_EXCEEDED", "Too many requests in the present minute.", retryable=True),
    Code(500, "INTERNAL_ERROR", "A fault on our side; it was recorded."),
)
"""What HTTP itself, the rates and unexpected faults answer with."""


@lru_cache(maxsize=1)
def known_codes() -> tuple[Code, ...]:
    """Return every code, by status and name; one that several classes bear has all their meanings."""
    found: dict[tuple[int, str], Code] = {}
    for entry in (*_of_classes(), *OF_HTTP):
        found.setdefault((entry.status, entry.code), entry)
    return tuple(sorted(found.values()))


def codes_by_status() -> dict[int, tuple[str, ...]]:
    """Return the codes of each HTTP status."""
    statuses = {entry.status for entry in known_codes()}
    return {
        status: tuple(entry.code for entry in known_codes() if entry.status == status)
        for status in statuses
    }


def _of_classes() -> Iterator[Code]:
    for name in MODULES:
        for kind in vars(import_module(name)).values():
            if _is_error(kind) and kind.__module__ == name and "code" in vars(kind):
                meaning = (kind.__doc__ or "").strip().split("\n")[0]
                yield Code(kind.http_status, kind.code, meaning, kind.retryable)


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, FrostbyteError)
