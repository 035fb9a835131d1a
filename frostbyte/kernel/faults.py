"""Telling of an exception without its message, which may quote content, a query or a secret."""

import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final

_PROJECT: Final = Path(__file__).resolve().parents[2]
_FRAMES: Final = 30


def place_of(error: BaseException) -> str:
    """Return file, line and function of the project's own code nearest to where it was raised."""
    frames = _frames(error)
    own = [frame for frame in frames if _is_own(frame)] or frames
    return _told(own[-1]) if own else "unknown"


def trace_of(error: BaseException) -> str:
    """Return kinds and places of the error and of its causes, outermost first, one a line."""
    return "\n".join(_lines(error))


def exception_without_message(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put `trace_of` in the place of `exc_info`: a structlog processor."""
    given = event.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if given is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["exception"] = trace_of(error)
    return event


def _lines(error: BaseException) -> Iterator[str]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield f"{'caused by ' if seen else ''}{type(current).__qualname__}"
        yield from (f"  at {_told(frame)}" for frame in _frames(current)[-_FRAMES:])
        seen.add(id(current))
        hidden = None if current.__suppress_context__ else current.__context__
        current = current.__cause__ or hidden


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))


def _is_own(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return path.is_relative_to(_PROJECT) and "site-packages" not in path.parts


def _told(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    shown = path.relative_to(_PROJECT) if _is_own(frame) else "/".join(path.parts[-2:])
    return f"{shown}:{frame.lineno} in {frame.name}"
