"""Celery: the broker carries ids only; all state is in PostgreSQL."""

from typing import Any

from kombu import Queue

from frostbyte.sandbox.limits import Limits
from frostbyte.settings.env import environment
from frostbyte.settings.stores import REDIS_URL

_env = environment()

CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = _env.worker_concurrency
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "frostbyte"
# Documents have a queue of their own: how many messages wait in it tells whether more are needed.
PIPELINE_QUEUE = "frostbyte-work"
CELERY_TASK_QUEUES = (Queue(CELERY_TASK_DEFAULT_QUEUE), Queue(PIPELINE_QUEUE))
# Models and parsers keep what they once took: a process that has grown gives it back by ending,
# between two documents.
CELERY_WORKER_MAX_TASKS_PER_CHILD = _env.worker_max_documents
CELERY_WORKER_MAX_MEMORY_PER_CHILD = _env.worker_max_memory_mb * 1024

# What reading one file may take, in a process of its own; the clock on the wall is more patient,
# since a busy machine is not the file's fault.
PARSE_LIMITS = Limits(
    memory_mb=_env.parse_memory_mb,
    cpu_seconds=_env.parse_seconds,
    wall_seconds=3.0 * _env.parse_seconds,
    result_mb=_env.parse_memory_mb,
)
RENDER_LIMITS = Limits(memory_mb=1024, cpu_seconds=20, wall_seconds=60.0)

PIPELINE_LEASE_SECONDS = _env.lease_seconds
PIPELINE_HEARTBEAT_SECONDS = PIPELINE_LEASE_SECONDS / 6
PIPELINE_SWEEP_SECONDS = 5
TENANT_SETTLE_SECONDS = 60
STORAGE_MEASURE_SECONDS = 3600
BATCHES_CLOSE_SECONDS = 300
SESSIONS_CLEAR_SECONDS = 3600
UPLOADS_SWEEP_SECONDS = 60
UPLOAD_HOURS = _env.upload_hours
PIPELINE_RUNS_IN_FLIGHT_PER_TENANT = _env.max_runs_in_flight_per_tenant

CELERY_BEAT_SCHEDULER = "frostbyte.beat:SteadyScheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep": {"task": "processing.sweep", "schedule": PIPELINE_SWEEP_SECONDS},
    "measure": {"task": "processing.measure_all", "schedule": STORAGE_MEASURE_SECONDS},
    "close_batches": {"task": "processing.close_batches_all", "schedule": BATCHES_CLOSE_SECONDS},
    "clear_sessions": {"task": "tenants.clear_sessions", "schedule": SESSIONS_CLEAR_SECONDS},
    "sweep_uploads": {"task": "intake.sweep_uploads", "schedule": UPLOADS_SWEEP_SECONDS},
    "settle": {"task": "tenants.settle", "schedule": TENANT_SETTLE_SECONDS},
}

# What a tenant's suspension, resumption and removal ask of the pipeline, which is a layer above.
TENANT_WORK = "processing.work.PIPELINE_WORK"
