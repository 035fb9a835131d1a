"""Tests: the real servers, in a home of their own; cheap password hashes; no rate limits."""

import os

from frostbyte.settings.base import *  # noqa: F403
from frostbyte.settings.stores import CACHES as _CACHES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Test processes side by side share one server: each has a database of it to count in and to clear.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 15
CACHES = {
    name: {**cache, "OPTIONS": {**cache["OPTIONS"], "db": _WORKER + 1}}  # type: ignore[dict-item]
    for name, cache in _CACHES.items()
}
RATES_COUNTED = False
