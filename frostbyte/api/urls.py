"""The addresses of the API, for a tenant's host and for the public one.

On the public host a tenant's addresses are there as well: an API key names its tenant on any
host, and a request without one is told to bring it.
"""

from typing import Final

from django.urls import URLPattern, URLResolver, include, path

import audit.api.urls
import intake.api.urls
import processing.api.urls
import search.api.urls
import tenants.api.urls
from frostbyte.api.docs import RedocView, SchemaView, SwaggerView
from frostbyte.api.health import LiveView, ReadyView

_ANYWHERE: Final[list[URLPattern | URLResolver]] = [
    path("v1/health/live", LiveView.as_view(), name="health-live"),
    path("v1/health/ready", ReadyView.as_view(), name="health-ready"),
    path("v1/", include(tenants.api.urls.tokens)),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", SwaggerView.as_view(), name="docs"),
    path("redoc/", RedocView.as_view(), name="redoc"),
]
_TENANT: Final = [
    path("v1/", include(tenants.api.urls.staff)),
    path("v1/", include(intake.api.urls)),
    path("v1/", include(processing.api.urls)),
    path("v1/", include(search.api.urls)),
    path("v1/", include(audit.api.urls)),
]
_OPERATORS: Final = [path("v1/", include(tenants.api.urls))]

tenant_api: Final = [path("api/", include(([*_ANYWHERE, *_TENANT], "api")))]
public_api: Final = [path("api/", include(([*_ANYWHERE, *_TENANT, *_OPERATORS], "api")))]
