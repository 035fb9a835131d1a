"""Beat that goes on when the clock is moved."""

import time
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry


class SteadyScheduler(PersistentScheduler):
    """Celery's scheduler, which would wait until the clock is again where it once was.

    Waiting times are told by the machine's stop-watch. A last time in the future, in memory or in
    beat's file, says that the clock was set back since: the task was then sent just now.
    """

    def tick(self, *args: Any, **options: Any) -> float:
        """Send what is due; returns the seconds until the next look."""
        for entry in self.schedule.values():
            now = entry.default_now()
            entry.last_run_at = min(entry.last_run_at or now, now)
        seconds: float = super().tick(*args, **options)
        return seconds

    def _when(self, entry: ScheduleEntry, next_time_to_run: Any, **_options: Any) -> float:
        """Return the stop-watch's time at which an entry is looked at next."""
        del entry
        return time.monotonic() + float(self.adjust(next_time_to_run) or 0)
