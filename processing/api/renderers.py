"""Media types of this part of the API, made by the view and passed on as bytes."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer


class BytesRenderer(BaseRenderer):
    """Bytes that a view has made already."""

    charset: str | None = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the bytes as they are."""
        del accepted_media_type, renderer_context
        return data


class PngRenderer(BytesRenderer):
    """A picture."""

    media_type = "image/png"
    format = "png"


class StoredJsonRenderer(BytesRenderer):
    """JSON that was stored, hashed and signed, so that not a byte of it may change."""

    media_type = "application/json"
    format = "json"


class HtmlRenderer(BytesRenderer):
    """A page."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"


class PdfRenderer(BytesRenderer):
    """A document for print."""

    media_type = "application/pdf"
    format = "pdf"


class EventStreamRenderer(BytesRenderer):
    """A stream of events."""

    media_type = "text/event-stream"
    format = "events"
