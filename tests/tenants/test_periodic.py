"""Periodic tasks: sent and done whatever the clocks of beat and of a worker say."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import schedule
from django.conf import settings
from django.core.cache import cache

from frostbyte.beat import SteadyScheduler
from frostbyte.celery import app
from tenants.tasks import PeriodicTask, settle

DAY = timedelta(days=1)


@pytest.fixture
def as_delivered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let calls of the task look as if the broker had brought it, to a process that is clean."""
    monkeypatch.setattr("tenants.tasks.begin_clean", lambda _task: None)
    settle.push_request(is_eager=False, called_directly=False)
    yield
    settle.pop_request()


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []
    monkeypatch.setattr("tenants.tasks.settle_interrupted", lambda: done.append("settled"))
    return done


def test_of_messages_that_waited_together_one_is_done(
    as_delivered: None, worked: list[str]
) -> None:
    for _ in range(3):
        settle()
    assert worked == ["settled"]
    cache.clear()
    settle()
    assert worked == ["settled"] * 2


def test_whoever_calls_the_function_gets_it_done(worked: list[str]) -> None:
    settle()
    settle()
    assert len(worked) == 2


def test_every_periodic_task_is_one_and_no_message_expires() -> None:
    app.loader.import_default_modules()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert isinstance(app.tasks[entry["task"]], PeriodicTask)
        assert "options" not in entry


class Clock:
    """A clock that can be set."""

    moved = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved


class Remembering(SteadyScheduler):
    """Beat that notes what it would send."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.sent: list[str] = []
        super().__init__(*args, **options)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        del producer
        self.sent.append(str(entry.task))


@pytest.fixture
def beat(tmp_path: Path) -> Callable[[Clock], Remembering]:
    """A function that starts beat on one file, with one task that is due at every look."""

    def start(clock: Clock) -> Remembering:
        celery = Celery("test", broker="memory://", set_as_current=False)
        due = schedule(timedelta(0), nowfun=clock, app=celery)
        celery.conf.beat_schedule = {"sweep": {"task": "t", "schedule": due}}
        scheduler = Remembering(celery, schedule_filename=str(tmp_path / "beat"), lazy=False)
        scheduler.tick()
        return scheduler

    return start


def test_beat_goes_on_when_its_clock_is_set_back(beat: Callable[[Clock], Remembering]) -> None:
    clock = Clock()
    scheduler = beat(clock)
    before = len(scheduler.sent)
    clock.moved = -DAY
    for _ in range(3):
        scheduler.tick()
    assert len(scheduler.sent) > before > 0
    scheduler.close()


def test_beat_goes_on_with_a_file_of_a_time_to_come(beat: Callable[[Clock], Remembering]) -> None:
    ahead = Clock()
    ahead.moved = DAY
    beat(ahead).close()
    scheduler = beat(Clock())
    for _ in range(3):
        scheduler.tick()
    assert scheduler.sent
    scheduler.close()
