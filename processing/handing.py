"""Handing out work: a worker that is free takes the next run of the tenant whose turn it is.

What the broker carries says only that there is work; which run it is gets decided in PostgreSQL at
the moment in which a worker is free, so that turns and priorities hold exactly, and a thousand
tenants with a million documents put no more messages into the broker than there are workers.
"""

from collections.abc import Iterable
from typing import Any, Final

import structlog
from celery import current_app
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from kombu.exceptions import OperationalError

from processing.clock import clock_is_right
from processing.models import Run
from processing.runner import next_advance
from tenants.context import tenant_context
from tenants.lifecycle.gate import tenant_was_removed
from tenants.models import Tenant
from tenants.workload.turns import Turn, turn_pass, turn_take, turns_ask
from tenants.workload.workers import workers_alive

log = structlog.get_logger("frostbyte.processing")

WORK_TASK: Final = "processing.work"


def work_announce(tenants: Iterable[Tenant]) -> int:
    """Put tenants in the round, and see that workers look; returns how many messages were sent.

    A broker that is away costs nothing: turns are in PostgreSQL, and the next sweep sends again.
    """
    turns_ask(tenants)
    return workers_wake()


def workers_wake() -> int:
    """Send so many messages that one waits for each place of a living worker."""
    sent = 0
    try:
        missing = max(workers_alive().places, 1) - _messages_waiting()
        for _ in range(missing):
            message_send()
            sent += 1
    except (OperationalError, OSError) as error:
        log.warning("broker away", error=type(error).__name__)
    return sent


def message_send() -> None:
    """Send one message that there is work; raises kombu's `OperationalError`."""
    current_app.send_task(WORK_TASK, queue=settings.PIPELINE_QUEUE, retry=False)


def work_next() -> Run | None:
    """Take the next turn and advance one run; None when no tenant has anything that is due.

    None, too, where this machine's clock is wrong: a turn would only be lost to those who can.
    """
    if not clock_is_right():
        return None
    while turn := turn_take():
        if run := _take(turn):
            # Somebody may have found the tenant's limit reached, and taken it out of the round.
            turns_ask([turn.tenant])
            return run
    return None


def _take(turn: Turn) -> Run | None:
    tenant = turn.tenant
    try:
        with tenant_context(tenant):
            run = next_advance(tenant=tenant)
    except (DatabaseError, ObjectDoesNotExist):
        if not tenant_was_removed(tenant):
            raise
        log.info("work ended with its tenant's removal", tenant=tenant.slug)
        run = None
    if run is None:
        turn_pass(turn)
    else:
        log.info("run advanced", tenant=tenant.slug, run=str(run.pk), state=run.state)
    return run


def _messages_waiting() -> int:
    with current_app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        return int(channel.queue_declare(settings.PIPELINE_QUEUE).message_count)
