"""Bodies of requests, read within limits."""

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
            return super().parse(BytesIO(data), media_type, dict(parser_context or {}))
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply.") from error


class MergePatchParser(BoundedJSONParser):
    """A JSON Merge Patch under its own media type (RFC 7396)."""

    media_type = "application/merge-patch+json"
