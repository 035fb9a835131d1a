"""What sealing costs: objects through a tenant's handle against the same bytes by plain S3."""

import io
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tenants.models import Tenant
from tenants.stores import for_tenant
from tenants.stores.plain import PlainObjects

SMALL_BYTES = 4 * 1024
LARGE_BYTES = 100 * 1000 * 1000
PREFIX = "bench/"


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one operation, sealed and plain: medians of turns taken one after another."""

    name: str
    sealed_ms: float
    plain_ms: float

    @property
    def ratio(self) -> float:
        """How many times as long the sealed one takes."""
        return self.sealed_ms / self.plain_ms


def measure_objects(*, tenant: Tenant, rounds: int) -> list[Cost]:
    """Measure writing and reading small and large objects in the tenant's bucket.

    Sealed and plain take turns, so that whatever else the machine does meets both. What was
    written is removed.
    """
    sealed, plain = for_tenant(tenant).objects, PlainObjects(tenant)
    small, large = os.urandom(SMALL_BYTES), os.urandom(LARGE_BYTES)
    key, few = f"{PREFIX}object", max(1, rounds // 20)

    def put(data: bytes) -> tuple[Callable[[], object], Callable[[], object]]:
        return (
            lambda: sealed.put(key, io.BytesIO(data)),
            lambda: plain.put(f"{key}-plain", io.BytesIO(data)),
        )

    def get() -> tuple[Callable[[], object], Callable[[], object]]:
        return lambda: sealed.get(key), lambda: plain.get(f"{key}-plain")

    try:
        return [
            _cost("put 4 KB", rounds, *put(small)),
            _cost("get 4 KB", rounds, *get()),
            _cost("put 100 MB", few, *put(large)),
            _cost("get 100 MB", few, *get()),
        ]
    finally:
        sealed.delete(key)
        plain.delete(f"{key}-plain")


def _cost(
    name: str, rounds: int, sealed: Callable[[], object], plain: Callable[[], object]
) -> Cost:
    for warm in (sealed, plain):
        warm()
    pairs = [(_milliseconds(sealed), _milliseconds(plain)) for _ in range(rounds)]
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    return Cost(name, medians[0], medians[1])


def _milliseconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000
