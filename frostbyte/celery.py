"""The Celery application: workers and beat find their tasks and settings here."""

import os
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.signals import worker_init, worker_process_init, worker_ready, worker_shutdown

if TYPE_CHECKING:
    from tenants.workload.workers import Presence

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "frostbyte.settings.dev")
app = Celery("frostbyte")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def _refuse_pooling_proxy(**_signal: Any) -> None:
    from tenants.database.pooling import refuse_pooling_proxy

    refuse_pooling_proxy()


@worker_process_init.connect
def _warm_up(**_signal: Any) -> None:
    # Here and not above: every process imports this module, and most need no model.
    from processing.warm import warm_up_pipeline

    warm_up_pipeline()


_presence: "list[Presence]" = []


@worker_ready.connect
def _tell_presence(sender: Any, **_signal: Any) -> None:
    from tenants.workload.workers import Presence

    presence = Presence(name=sender.hostname, places=sender.controller.concurrency)
    presence.start()
    _presence.append(presence)


@worker_shutdown.connect
def _tell_end(**_signal: Any) -> None:
    while _presence:
        _presence.pop().stop()
