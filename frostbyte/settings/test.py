"""Tests: the real servers, in a home of their own; cheap password hashes; no rate limits."""

from frostbyte.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
RATES_COUNTED = False
