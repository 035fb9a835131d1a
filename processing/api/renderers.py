"""Media types that this part of the API gives besides JSON."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer


class PngRenderer(BaseRenderer):
    """A picture that a view has drawn already."""

    media_type = "image/png"
    format = "png"
    charset = None
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
