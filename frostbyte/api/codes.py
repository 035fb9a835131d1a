"""Every error code that a caller may meet, gathered from the classes that raise them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Final

from frostbyte.kernel.errors import FrostbyteError

ANSWER_MODULES: Final = (
    "frostbyte.kernel.errors",
    "frostbyte.api.throttling",
    "tenants.errors",
    "intake.errors",
    "intake.uploads.errors",
    "processing.batches.errors",
    "processing.rendering",
    "search.errors",
)
"""Where the errors are that requests are answered with."""

RUN_MODULES: Final = (
    "processing.errors",
    "processing.parsers.errors",
    "processing.stages.intake",
    "processing.runner",
)
"""Where the errors are that a document's run ends with, told in its `error_code`."""

HTTP: Final = "frostbyte"


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """A code with its HTTP status, what it means, and where it comes from.

    `origin` is an app's name, or the module's where an error stands beside what raises it.
    """

    status: int
    code: str
    meaning: str
    origin: str = HTTP
    retryable: bool = False


OF_HTTP: Final = (
    Code(401, "AUTHENTICATION_REQUIRED", "No key or sign-in, or a key that is not known."),
    Code(405, "METHOD_NOT_ALLOWED", "The address does not know this method."),
    Code(406, "NOT_ACCEPTABLE", "None of the media types of the Accept header can be given."),
    Code(413, "SIZE_EXCEEDED", "The file or the body of the request is too large."),
    Code(415, "UNSUPPORTED_MEDIA_TYPE", "The body is of a type that is not read here."),
    Code(500, "INTERNAL_ERROR", "A fault on our side; it was recorded."),
)
"""What HTTP itself and unexpected faults answer with."""


@lru_cache(maxsize=1)
def answer_codes() -> tuple[Code, ...]:
    """Return the codes that requests are answered with, by status and name."""
    return _gathered(OF_HTTP, ANSWER_MODULES)


@lru_cache(maxsize=1)
def run_codes() -> tuple[Code, ...]:
    """Return the codes that a document's run may end with, by name."""
    return tuple(sorted(_gathered((), RUN_MODULES), key=lambda entry: entry.code))


def _gathered(given: tuple[Code, ...], modules: tuple[str, ...]) -> tuple[Code, ...]:
    """Return the codes of the given ones and the modules; the first that bears one explains it."""
    found: dict[tuple[int, str], Code] = {}
    for entry in (*given, *_of_classes(modules)):
        found.setdefault((entry.status, entry.code), entry)
    return tuple(sorted(found.values()))


def _of_classes(modules: tuple[str, ...]) -> Iterator[Code]:
    for name in modules:
        for kind in vars(import_module(name)).values():
            if _is_error(kind) and kind.__module__ == name and "code" in vars(kind):
                meaning = (kind.__doc__ or "").strip().split("\n")[0]
                yield Code(kind.http_status, kind.code, meaning, _origin(name), kind.retryable)


def _origin(module: str) -> str:
    return HTTP if module.startswith(f"{HTTP}.") else module.removesuffix(".errors")


def _is_error(kind: object) -> bool:
    return (
        isinstance(kind, type) and issubclass(kind, FrostbyteError) and kind is not FrostbyteError
    )
