"""Structured logs: tenant, request id and component on each line; never content or secrets."""

from typing import Any

import structlog

from frostbyte.kernel.faults import exception_without_message
from frostbyte.settings.env import environment

_env = environment()
_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_renderer: Any = (
    structlog.processors.JSONRenderer()
    if _env.log_format == "json"
    else structlog.dev.ConsoleRenderer(colors=False)
)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _shared,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                exception_without_message,
                _renderer,
            ],
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": _env.log_level},
    "loggers": {
        # Failed sign-ins are audit events.
        "axes": {"level": "ERROR"},
        "botocore": {"level": "WARNING"},
        # Prints the message of an exception, which may quote content; see tenants.tasks.QuietTask.
        "celery.app.trace": {"level": "CRITICAL"},
        # A line when each task comes, and the sweep comes every few seconds.
        "celery.worker.request": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "presidio-analyzer": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
    },
}

structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared,
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
