"""Tests: the real servers, in a home of their own; cheap password hashes; no rate limits."""

import os

from frostbyte.settings.base import *  # noqa: F403
from frostbyte.settings.stores import CACHES as _CACHES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Test processes side by side share one cache.
CACHES = {
    name: {**cache, "KEY_PREFIX": os.environ.get("PYTEST_XDIST_WORKER", "main")}
    for name, cache in _CACHES.items()
}
RATES_COUNTED = False
