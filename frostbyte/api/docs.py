"""The description of the API, and two pages that show it; all of it served from here."""

from functools import lru_cache
from typing import Any, Final

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)
from rest_framework.permissions import AllowAny

# Both pages make styles as they run, and ReDoc searches in a worker that it makes itself.
_POLICY: Final[dict[str, Any]] = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "connect-src": [SELF],
    "worker-src": [SELF, "blob:"],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
}


class SchemaOnce(SchemaGenerator):
    """Makes the description once a process: it is the same for everybody, and takes a second."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        """Return the description."""
        del request
        return _schema(self.api_version, public)


@lru_cache(maxsize=4)
def _schema(api_version: str | None, public: bool) -> Any:
    generator = SchemaGenerator(api_version=api_version)  # type: ignore[no-untyped-call]
    return generator.get_schema(public=public)  # type: ignore[no-untyped-call]


class SchemaView(SpectacularAPIView):
    """The OpenAPI 3 description, as YAML or JSON by the Accept header."""

    generator_class = SchemaOnce
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()


@method_decorator(csp_replace(_POLICY), name="dispatch")
class SwaggerView(SpectacularSwaggerSplitView):
    """The description to read and to try out."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    url_name = "api:schema"


@method_decorator(csp_replace(_POLICY), name="dispatch")
class RedocView(SpectacularRedocView):
    """The description to read."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    url_name = "api:schema"
    template_name = "api/redoc.html"
