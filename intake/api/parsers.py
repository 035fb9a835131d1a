"""The two bodies that a batch may come in: its manifest alone, or the manifest and its files."""

from collections.abc import Mapping
from typing import Any, cast

from multipart import content_disposition_unquote, parse_options_header
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from intake.batches.incoming import Body
from intake.batches.manifest import MANIFEST_BYTES, manifest_read
from tenants.api.callers import require_tenant


class ManifestParser(BaseParser):
    """A manifest as the whole body; raises what `manifest_read` does."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the manifest."""
        del media_type
        request: Request = (parser_context or {})["request"]
        most_files = require_tenant(request).settings.max_batch_size
        return manifest_read(stream.read(MANIFEST_BYTES + 1), most_files=most_files)


class MultipartParser(BaseParser):
    """A multipart body that is left unread: the view reads it once it knows what may come."""

    media_type = "multipart/form-data"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the body; raises `ParseError` without a boundary."""
        request: Request = (parser_context or {})["request"]
        _kind, options = parse_options_header(media_type or "", unquote=content_disposition_unquote)
        boundary = options.get("boundary", "")
        if not boundary or len(boundary) > 200:
            raise ParseError("The Content-Type names no boundary, or one that is too long.")
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        return Body(cast("Any", stream), boundary, length)
