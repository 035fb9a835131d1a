"""What OPTIONS answers."""

from typing import Any

from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request


class Metadata(SimpleMetadata):
    """Name, description and media types of a view; the fields are in the OpenAPI description."""

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        """Return nothing: DRF's own would try each method's permission to find out."""
        del request, view
        return {}
