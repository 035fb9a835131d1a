"""Tests: the real servers, in a home of their own; cheap password hashes; no rate limits."""

from frostbyte.settings.base import *  # noqa: F403
from frostbyte.settings.rest import REST_FRAMEWORK as _REST_FRAMEWORK

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REST_FRAMEWORK = {
    **_REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(_REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]),
}
