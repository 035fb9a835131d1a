"""One machine, embedded servers, plain HTTP: what `make run` uses."""

from frostbyte.settings.base import *  # noqa: F403

CSRF_TRUSTED_ORIGINS: list[str] = []
