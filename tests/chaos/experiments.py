"""The experiments. Each takes a world of its own and returns what came of it."""

import os
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.db import connection

from frostbyte.embedded.identities import data_folder
from processing.pipeline import STAGE_NAMES
from tests.chaos import programs
from tests.chaos.documents import small_documents
from tests.chaos.verdict import Verdict
from tests.chaos.world import World, halves, until

FINAL_SECONDS: Final = 480.0
"""What is not final so long after the last fault is stuck."""
OUTAGE_SECONDS: Final = 30.0
_SIGHT_SECONDS: Final = 20.0
_GLANCE_SECONDS: Final = 0.003


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything: the defaults are what the figures in the documents come from."""

    kills: int = 100
    documents: int = 200
    repetitions: int = 5
    queued: int = 2000
    memory: tuple[int, int] = (100, 1000)
    hostile: int = 1000
    seed: int = 5


@dataclass
class Finding:
    """A row of the table. `figures` are those that only this experiment has."""

    fault: str
    repetitions: int
    verdict: Verdict
    longest_recovery: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    """Targets that were not reached, in words; zeros of the verdict are looked at elsewhere."""


Experiment = Callable[[World, Scale], list[Finding]]


def kill(world: World, scale: Scale) -> list[Finding]:
    """SIGKILL of a worker and its children, at a random moment of each stage in turn."""
    chance = random.Random(scale.seed)
    feed(world, "kill", scale.documents)
    hits: Counter[str] = Counter()
    seen: set[UUID] = set()
    survivors = 0
    with programs.running("beat", world.home):
        worker = programs.start("worker", world.home, concurrency=1)
        try:
            for number in range(scale.kills):
                if world.open_runs() < len(STAGE_NAMES):
                    feed(world, f"kill-more-{number}", len(STAGE_NAMES) * 2)
                _wait_for_stage(world, STAGE_NAMES[number % len(STAGE_NAMES)], seen, chance)
                survivors += worker.kill()
                hits.update(_newly_lost(world, seen))
                worker = programs.start("worker", world.home, concurrency=1)
            recovery = world.wait_until_final(seconds=FINAL_SECONDS)
        finally:
            worker.end()
    figures = {"stages_cut_off": {name: hits[name] for name in STAGE_NAMES},
               "processes_that_outlived_their_worker": survivors}  # fmt: skip
    return [Finding("worker killed (-9)", scale.kills, world.verdict(), recovery, figures)]


def valkey(world: World, scale: Scale) -> list[Finding]:
    """The queue emptied, then the queue's server killed and started again."""
    emptied = _repeat(world, scale, "valkey flushed", lambda: _flush(world))
    killed = _repeat(world, scale, "valkey killed (-9)", lambda: _kill_server(world, "valkey"))
    return [emptied, killed]


def postgres(world: World, scale: Scale) -> list[Finding]:
    """The database's server killed, then shut down at once, and started again each time."""
    crash = lambda: _kill_server(world, "postgres")  # noqa: E731 - two acts side by side
    immediate = lambda: _kill_server(world, "postgres", signal.SIGQUIT)  # noqa: E731
    return [
        _repeat(world, scale, "postgres killed (-9)", crash),
        _repeat(world, scale, "postgres shut down (immediate)", immediate),
    ]


def objects(world: World, scale: Scale) -> list[Finding]:
    """The object store gone for half a minute."""

    def stop() -> None:
        world.servers.stop(["objects"])
        time.sleep(OUTAGE_SECONDS)
        world.servers.start()

    return [_repeat(world, scale, "object store stopped 30 s", stop, repetitions=1)]


def disk(world: World, scale: Scale) -> list[Finding]:
    """The file system under the object store full for half a minute.

    Then what the operations guide says: space is made, and the store started again, since its
    index does not write any more after an error.
    """
    filler = data_folder(world.home) / "filler"

    def fill() -> None:
        _fill(filler)
        time.sleep(OUTAGE_SECONDS)
        filler.unlink()
        world.servers.stop(["objects"])
        world.servers.start()

    return [_repeat(world, scale, "disk of the object store full 30 s", fill, repetitions=1)]


def clock(world: World, scale: Scale) -> list[Finding]:
    """A worker whose clock is a day off takes no work, beside a right one or before it comes."""
    findings = []
    for days in (1, -1):
        feed(world, f"clock{days:+d}", scale.documents // 2)
        with programs.running("beat", world.home), _other_worker(world, days):
            time.sleep(OUTAGE_SECONDS)
            touched = _tries(world)
            with programs.running("worker", world.home):
                recovery = world.wait_until_final(seconds=FINAL_SECONDS)
        missed = [f"{touched} stages were begun by the wrong clock"] if touched else []
        title = f"a worker's clock {days:+d} day"
        findings.append(Finding(title, 1, world.verdict(), recovery, missed=missed))
    return findings


def neighbour(world: World, scale: Scale) -> list[Finding]:
    """One document of B while A has thousands in the queue."""
    first, second = world.tenants
    with programs.running("beat", world.home):
        with _warm_worker(world, "idle"):
            idle = statistics.median(_passage(world, f"idle-{n}") for n in range(scale.repetitions))
        world.hand_over(first, small_documents("crowd", scale.queued, formats=("txt",)))
        with _warm_worker(world, "crowded"):
            queued = world.open_runs()
            crowded = [_passage(world, f"crowded-{n}") for n in range(scale.repetitions)]
            left = world.open_runs()
    world.accepted.pop(first.pk)
    ratio = max(crowded) / idle
    figures = {"idle_seconds": idle, "crowded_seconds": crowded, "ratio": ratio,
               "queued_of_the_other": (queued, left)}  # fmt: skip
    missed = [] if ratio <= 3 else [f"B took {ratio:.1f} times as long beside A's queue"]
    if left < scale.queued // 2:
        missed.append("half of A's queue was done before B was measured")
    title = f"{scale.queued} of A queued, one of B"
    result = Verdict(documents=len(world.accepted[second.pk]), published=len(crowded))
    return [Finding(title, len(crowded), result, max(crowded), figures, missed)]


def memory(world: World, scale: Scale) -> list[Finding]:
    """A worker's memory after few documents and after many."""
    few, many = scale.memory
    with programs.running("beat", world.home), programs.running("worker", world.home) as worker:
        programs.wait_until_answers()
        feed(world, "memory-few", few)
        world.wait_until_final(seconds=FINAL_SECONDS)
        before = _settled_memory(worker)
        feed(world, "memory-many", many - few)
        recovery = world.wait_until_final(seconds=FINAL_SECONDS)
        after = _settled_memory(worker)
    growth = after / before - 1
    figures = {"megabytes_after_few": before, "megabytes_after_many": after, "growth": growth}
    missed = [] if growth <= 0.1 else [f"the worker grew by {growth:.0%}"]
    title = f"memory after {many} against {few}"
    return [Finding(title, 1, world.verdict(), recovery, figures, missed)]


def hostile(world: World, scale: Scale) -> list[Finding]:
    """Broken and hostile files through the API, with another tenant's sound ones among them."""
    # Its own module: it talks to a web server, which no other experiment needs.
    from tests.chaos.hostility import hand_in_hostile

    return [hand_in_hostile(world, count=scale.hostile, seed=scale.seed)]


EXPERIMENTS: Final[dict[str, Experiment]] = {
    "kill": kill,
    "valkey": valkey,
    "postgres": postgres,
    "objects": objects,
    "disk": disk,
    "clock": clock,
    "neighbour": neighbour,
    "memory": memory,
    "hostile": hostile,
}


def feed(world: World, label: str, count: int) -> None:
    """Hand over documents, half of them for each tenant, turn by turn."""
    first, second = halves(small_documents(label, count))
    for pair in zip(first, second, strict=False):
        for tenant, file in zip(world.tenants, pair, strict=True):
            world.hand_over(tenant, [file])


def _repeat(
    world: World, scale: Scale, title: str, fault: Callable[[], None], *, repetitions: int = 0
) -> Finding:
    """Do something bad to a working system, again and again, each time with documents in flight."""
    longest = 0.0
    times = repetitions or scale.repetitions
    with programs.running("beat", world.home), programs.running("worker", world.home):
        programs.wait_until_answers()
        for number in range(times):
            feed(world, f"{title}-{number}".replace(" ", "-"), scale.documents // times)
            fault()
            longest = max(longest, world.wait_until_final(seconds=FINAL_SECONDS))
    return Finding(title, times, world.verdict(), longest)


def _wait_for_stage(world: World, stage: str, seen: set[UUID], chance: random.Random) -> None:
    """Return a moment after the stage was seen at work, or after a while in any case."""
    sightings = chance.randint(1, 2)
    tokens: set[UUID] = set()

    def glance(ask: Callable[..., list[tuple[Any, ...]]]) -> bool:
        rows = ask(
            world.in_each(
                f"SELECT lease_token FROM {{schema}}.processing_stagerun "
                f"WHERE state = 'running' AND stage = '{stage}'"
            )
        )
        tokens.update(row[0] for row in rows if row[0] not in seen)
        return len(tokens) >= sightings

    with world.looking() as ask:
        until(lambda: glance(ask), seconds=_SIGHT_SECONDS, pause=_GLANCE_SECONDS)
    time.sleep(chance.uniform(0, 0.01))


def _newly_lost(world: World, seen: set[UUID]) -> list[str]:
    """Return the stages that dead workers hold and that were not counted before."""
    rows = world.ask(
        world.in_each(
            "SELECT stage, lease_token FROM {schema}.processing_stagerun WHERE state = 'running'"
        )
    )
    fresh = [(stage, token) for stage, token in rows if token not in seen]
    seen.update(token for _stage, token in fresh)
    return [stage for stage, _token in fresh]


def _tries(world: World) -> int:
    """Return how many tries the stages have had that are not done."""
    counted = world.ask(
        world.in_each(
            "SELECT coalesce(sum(attempt), 0) FROM {schema}.processing_stagerun "
            "WHERE state <> 'done'"
        )
    )
    return int(sum(row[0] for row in counted))


def _flush(world: World) -> None:
    del world
    cache.clear()
    _redis().flushall()


def _redis() -> Any:
    import redis
    from django.conf import settings

    return redis.Redis.from_url(settings.REDIS_URL)


def _kill_server(world: World, name: str, number: int = signal.SIGKILL) -> None:
    """Send a signal to the server's first process, wait a moment, and start it again."""
    pid = next(each.pid for each in world.servers.status() if each.name == name)
    if pid is None:
        raise AssertionError(f"{name} does not run.")
    os.kill(pid, number)
    time.sleep(2.0)
    world.servers.start()
    connection.close()


def _fill(filler: Any) -> None:
    """Write until the file system takes no more."""
    with filler.open("wb", buffering=0) as stream:
        try:
            for size in (1024**2, 4096):
                while stream.write(bytes(size)):
                    pass
        except OSError:
            return


@contextmanager
def _other_worker(world: World, days: int) -> Iterator[None]:
    """Have a worker running that lives on another day."""
    wrong = programs.start("worker", world.home, variables=programs.other_clock(days))
    try:
        yield
    finally:
        wrong.end()


@contextmanager
def _warm_worker(world: World, label: str) -> Iterator[None]:
    """Have a worker running whose processes have loaded their models."""
    with programs.running("worker", world.home):
        programs.wait_until_answers()
        for number in range(4):
            _passage(world, f"warm-{label}-{number}")
        yield


def _passage(world: World, name: str) -> float:
    """Return how long one document of the second tenant takes from here to its end, in seconds."""
    tenant = world.tenants[1]
    started = time.monotonic()
    world.hand_over(tenant, small_documents(name, 1, formats=("txt",)))
    document_id = list(world.accepted[tenant.pk])[-1]
    statement = (
        f"SELECT 1 FROM {tenant.schema_name}.processing_run WHERE document_id = %s "
        "AND finished_at IS NOT NULL"
    )
    with world.looking() as ask:
        if not until(lambda: ask(statement, document_id), seconds=FINAL_SECONDS, pause=0.01):
            raise AssertionError("The document did not come to its end.")
    return time.monotonic() - started


def _settled_memory(worker: programs.Running) -> float:
    """Return the median of some looks at the memory, once the worker has nothing to do."""
    time.sleep(3.0)
    looks = []
    for _ in range(5):
        looks.append(worker.memory())
        time.sleep(0.5)
    return statistics.median(looks)
