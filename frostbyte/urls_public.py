"""Addresses on the public host: the console, and the API of operators and key holders."""

from typing import Final

from django.urls import URLPattern, URLResolver

import tenants.urls
from frostbyte.api.urls import public_api

urlpatterns: Final[list[URLPattern | URLResolver]] = [*public_api, *tenants.urls.public]

handler400 = "frostbyte.api.problems.bad_request"
handler403 = "frostbyte.api.problems.permission_denied"
handler404 = "frostbyte.api.problems.page_not_found"
handler500 = "frostbyte.api.problems.server_error"
