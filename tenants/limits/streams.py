"""How many streams of events a tenant has open: counted in Valkey, over all processes.

A slot is a member of a sorted set, with the time until which it counts. Whoever holds the stream
open extends it; the slot of a process that was killed ends by itself.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import redis
import structlog
from django.conf import settings

from frostbyte.kernel.errors import FrostbyteError
from frostbyte.kernel.ids import new_id
from tenants.models import Tenant

if TYPE_CHECKING:
    from redis.commands.core import Script

log = structlog.get_logger("frostbyte.tenants")

KEEP_SECONDS: Final = 15
_TIMEOUT_SECONDS: Final = 1
_TAKE: Final = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[3] + 1)
return 1
"""
_KEEP: Final = """
local now = tonumber(redis.call('TIME')[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('EXPIRE', KEYS[1], ARGV[1] + 1)
return 1
"""


class TooManyStreamsError(FrostbyteError):
    """The tenant has as many streams open as it may."""

    code = "RATE_LIMIT_EXCEEDED"
    http_status = 429
    retryable = True


def slot_take(*, tenant: Tenant) -> str:
    """Return a new slot; raises `TooManyStreamsError`.

    When Valkey does not answer it is let in, as requests are: see `frostbyte.api.throttling`.
    """
    slot, limit = str(new_id()), settings.STREAMS_PER_TENANT
    try:
        passes = _scripts(settings.REDIS_URL)[0](
            keys=[_key(tenant)], args=[slot, limit, KEEP_SECONDS]
        )
    except (redis.RedisError, OSError) as error:
        log.warning("stream not counted", error=type(error).__name__)
        return slot
    if not passes:
        raise TooManyStreamsError(
            f"The tenant has {limit} streams of events open, which is the limit.",
            remediation="Close some, or ask for the batch now and then.",
            extra={"limit": limit, "retry_after": KEEP_SECONDS},
        )
    return slot


def slots_keep(*, tenant: Tenant, slots: Iterable[str]) -> None:
    """Let the slots of open streams count on."""
    try:
        _scripts(settings.REDIS_URL)[1](keys=[_key(tenant)], args=[KEEP_SECONDS, *slots])
    except (redis.RedisError, OSError) as error:
        log.warning("streams not counted", error=type(error).__name__)


def slot_give_back(*, tenant: Tenant, slot: str) -> None:
    """Let another stream have the slot."""
    try:
        _client(settings.REDIS_URL).zrem(_key(tenant), slot)
    except (redis.RedisError, OSError) as error:
        log.warning("stream not counted", error=type(error).__name__)


def _key(tenant: Tenant) -> str:
    return f"{tenant.schema_name}:streams"


@lru_cache(maxsize=4)
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(
        url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )


@lru_cache(maxsize=4)
def _scripts(url: str) -> tuple["Script", "Script"]:
    client = _client(url)
    return client.register_script(_TAKE), client.register_script(_KEEP)
