"""Requests a minute: counted for each tenant in Valkey, in a window that slides.

The algorithm is a sliding window of one-second slots: a hash holds how many requests each of the
last 61 seconds let through, and a request passes while their sum is under the limit. In any 60
seconds, wherever they begin, no more than the limit pass. One script reads, decides and counts,
by the server's clock, so that threads, processes and machines side by side lose nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

import redis
from django.conf import settings

from frostbyte.kernel.errors import ServiceUnavailableError
from tenants.configuration import TenantConfiguration
from tenants.models import Tenant
from tenants.naming import PUBLIC_SCHEMA

if TYPE_CHECKING:
    from redis.commands.core import Script

WINDOW_SECONDS: Final = 60
TENANT_AREAS: Final = ("intake", "query", "audit")
"""The parts of the API whose rate is a setting of each tenant: `rate_<area>_per_minute`."""

_TIMEOUT_SECONDS: Final = 1
_SCRIPT: Final = """
local limit, counts = tonumber(ARGV[1]), ARGV[2] == '1'
local now = tonumber(ARGV[3]) or tonumber(redis.call('TIME')[1])
local window = tonumber(ARGV[4])
local slots, used, rows = {}, 0, redis.call('HGETALL', KEYS[1])
for i = 1, #rows, 2 do
    local slot, count = tonumber(rows[i]), tonumber(rows[i + 1])
    if slot < now - window or slot > now + window then
        if counts then redis.call('HDEL', KEYS[1], rows[i]) end
    else
        used = used + count
        slots[#slots + 1] = {slot, count}
    end
end
local passes = used < limit
if passes and counts then
    redis.call('HINCRBY', KEYS[1], string.format('%d', now), 1)
    redis.call('EXPIRE', KEYS[1], window + 2)
    used = used + 1
    slots[#slots + 1] = {now, 1}
end
table.sort(slots, function(a, b) return a[1] < b[1] end)
local left, wait, turn = used, 0, 0
if #slots > 0 then turn = slots[1][1] + window + 1 - now end
for _, slot in ipairs(slots) do
    if left < limit then break end
    left = left - slot[2]
    wait = slot[1] + window + 1 - now
end
return {passes and 1 or 0, used, wait, turn}
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests a minute somebody may make in an area: `owner` is a schema's name."""

    owner: str
    area: str
    limit: int

    @property
    def key(self) -> str:
        """The name under which it is counted; the owner stands first, as in every key."""
        return f"{self.owner}:rate:{self.area}"


@dataclass(frozen=True, slots=True)
class RateState:
    """Where a rate stands, after the request that asked.

    `wait_seconds`: until the next request can pass, 0 for at once. `turn_seconds`: until the
    oldest request that counts is a minute old, and one more becomes free; 0 when none counts.
    """

    rate: Rate
    passes: bool
    used: int
    wait_seconds: int
    turn_seconds: int

    @property
    def remaining(self) -> int:
        """How many more pass at once."""
        return max(0, self.rate.limit - self.used)


def tenant_rate(*, tenant: Tenant, area: str) -> Rate | None:
    """Return the tenant's own rate in an area, from its configuration; None where it has none."""
    if area not in TENANT_AREAS:
        return None
    return Rate(tenant.schema_name, area, _limit(tenant.settings, area))


def tenant_rates(*, tenant: Tenant) -> tuple[Rate, ...]:
    """Return every rate of the tenant."""
    configuration = tenant.settings
    return tuple(
        Rate(tenant.schema_name, area, _limit(configuration, area)) for area in TENANT_AREAS
    )


def platform_rate(*, area: str, tenant: Tenant | None) -> Rate | None:
    """Return a rate that the platform sets: for each tenant, and for all operators together."""
    limits: Mapping[str, int] = settings.RATES_PER_MINUTE
    limit = limits.get(area)
    owner = tenant.schema_name if tenant else PUBLIC_SCHEMA
    return None if limit is None else Rate(owner, area, limit)


def rate_take(rate: Rate, *, now: int | None = None) -> RateState:
    """Count a request if it passes, and return where the rate stands.

    `now` in seconds stands in for the server's clock. Raises `ServiceUnavailableError` when
    Valkey does not answer within a second.
    """
    return _ask(rate, counts=True, now=now)


def rate_look(rate: Rate, *, now: int | None = None) -> RateState:
    """Return where the rate stands, and count nothing. Raises `ServiceUnavailableError`."""
    return _ask(rate, counts=False, now=now)


def _ask(rate: Rate, *, counts: bool, now: int | None) -> RateState:
    arguments = [rate.limit, int(counts), "" if now is None else now, WINDOW_SECONDS]
    try:
        answer = cast("list[int]", _script(settings.REDIS_URL)(keys=[rate.key], args=arguments))
    except (redis.RedisError, OSError) as error:
        raise ServiceUnavailableError("The rates cannot be counted at present.") from error
    passes, used, wait, turn = answer
    return RateState(rate, bool(passes), used, wait, turn)


@lru_cache(maxsize=4)
def _script(url: str) -> "Script":
    client = redis.Redis.from_url(
        url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS
    )
    return client.register_script(_SCRIPT)


def _limit(configuration: TenantConfiguration, area: str) -> int:
    limit: int = getattr(configuration, f"rate_{area}_per_minute")
    return limit
