"""Addresses on a tenant's host: its pages and its API."""

from typing import Final

from django.urls import URLPattern, URLResolver

from frostbyte.api.urls import tenant_api

urlpatterns: Final[list[URLPattern | URLResolver]] = [*tenant_api]

handler400 = "frostbyte.api.problems.bad_request"
handler403 = "frostbyte.api.problems.permission_denied"
handler404 = "frostbyte.api.problems.page_not_found"
handler500 = "frostbyte.api.problems.server_error"
