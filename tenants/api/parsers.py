"""Bodies of requests, read within limits."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

JSON_LIMIT: Final = 1024 * 1024
"""Bytes of a JSON body. DRF's own parser reads whatever comes."""


class BoundedJSONParser(JSONParser):
    """JSON of at most `JSON_LIMIT` bytes; raises `RequestDataTooBig`, or `ParseError`."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed body."""
        data = stream.read(JSON_LIMIT + 1)
        if len(data) > JSON_LIMIT:
            raise RequestDataTooBig
        try:
            parsed = super().parse(BytesIO(data), media_type, dict(parser_context or {}))
            _require_finite(parsed)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply.") from error
        return parsed


def _require_finite(parsed: Any) -> None:
    """Raise `ParseError` for a number such as 1e400: Python reads an infinity, which JSON lacks."""
    try:
        json.dumps(parsed, allow_nan=False)
    except ValueError as error:
        raise ParseError("JSON parse error - a number out of range.") from error


class MergePatchParser(BoundedJSONParser):
    """A JSON Merge Patch under its own media type (RFC 7396)."""

    media_type = "application/merge-patch+json"
