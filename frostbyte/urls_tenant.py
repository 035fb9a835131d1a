"""Addresses on a tenant's host: its pages and its API."""

from typing import Final

from django.urls import URLPattern, URLResolver

import intake.urls
import processing.urls
import search.urls
import tenants.urls
from frostbyte.api.urls import tenant_api

urlpatterns: Final[list[URLPattern | URLResolver]] = [
    *tenant_api,
    *tenants.urls.urlpatterns,
    *intake.urls.urlpatterns,
    *processing.urls.urlpatterns,
    *search.urls.urlpatterns,
]

handler400 = "frostbyte.api.problems.bad_request"
handler403 = "frostbyte.api.problems.permission_denied"
handler404 = "frostbyte.api.problems.page_not_found"
handler500 = "frostbyte.api.problems.server_error"
