"""How large and how deep JSON from outside may be, and what the database can keep of it."""

import json
import math
from collections.abc import Iterator
from typing import Any


def breach_of(value: Any, *, most_bytes: int, most_depth: int, most_values: int) -> str:
    """Return which limit a JSON value breaks, in words, or nothing."""
    for count, (depth, each) in enumerate(_walk(value), start=1):
        if depth > most_depth:
            return f"It is nested more than {most_depth} deep."
        if count > most_values:
            return f"It has more than {most_values} values."
        if isinstance(each, float) and not math.isfinite(each):
            return "It has a number that JSON does not know."
    return _breach_of_text(value, most_bytes)


def _breach_of_text(value: Any, most_bytes: int) -> str:
    try:
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:
        return "It has text that is no Unicode."
    if size > most_bytes:
        return f"It has {size} bytes; the limit is {most_bytes}."
    return "It has a null character." if "\\u0000" in json.dumps(value) else ""


def _walk(value: Any) -> Iterator[tuple[int, Any]]:
    """Yield every value with its depth, without recursion; members that are too deep end it."""
    waiting = [(1, value)]
    while waiting:
        depth, each = waiting.pop()
        yield depth, each
        inner = each.values() if isinstance(each, dict) else each if isinstance(each, list) else ()
        waiting.extend((depth + 1, child) for child in inner)
