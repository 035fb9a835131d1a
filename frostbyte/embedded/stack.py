"""The programs of a running Frostbyte on one machine, as command lines."""

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from frostbyte.embedded.children import Program
from frostbyte.embedded.ports import LOOPBACK, port_is_free
from frostbyte.settings.env import PROJECT_DIR

_PYTHON: Final = (
    sys.executable,
    # One machine: static files come from the apps' folders, and root is the owner's own account.
    *("-W", "ignore:No directory at"),
    *("-W", "ignore:You're running the worker with superuser privileges"),
)
_CELERY: Final = (*_PYTHON, "-m", "celery", "--quiet", "--app", "frostbyte.celery:app")
_WARM_SECONDS: Final = 4.0
_COLD_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What to run: the port and public host of the web server, workers, and verbosity."""

    port: int
    host: str
    concurrency: int
    log_level: str
    with_worker: bool = True
    with_demo: bool = True


def programs(options: StackOptions, *, home: Path) -> tuple[Program, ...]:
    """Return the web server, the worker and beat, in the order in which they start."""
    web = _web(options)
    if not options.with_worker:
        return (web,)
    return (web, _worker(options), _beat(home))


def _web(options: StackOptions) -> Program:
    """Return the ASGI server; its access log is off, since a URL can hold a query's text."""
    return Program(
        "web",
        (
            *(*_PYTHON, "-m", "uvicorn", "frostbyte.asgi:application"),
            *("--host", LOOPBACK, "--port", str(options.port)),
            *(
                "--lifespan",
                "off",
                "--no-access-log",
                "--no-proxy-headers",
                "--timeout-graceful-shutdown",
                "2",
            ),
            *("--log-level", "debug" if options.log_level == "DEBUG" else "warning"),
        ),
    )


def _worker(options: StackOptions) -> Program:
    """Return the worker; asked to stop it finishes its task, told again it drops it unfinished."""
    return Program(
        "worker",
        (
            *_CELERY,
            *("worker", "--pool", "prefork", "--concurrency", str(options.concurrency)),
            *("--without-gossip", "--without-mingle", "--loglevel", options.log_level),
        ),
        stop_signals=((signal.SIGTERM, _WARM_SECONDS), (signal.SIGQUIT, _COLD_SECONDS)),
    )


def _beat(home: Path) -> Program:
    schedule = str(home / "beat-schedule")
    return Program("beat", (*_CELERY, "beat", "--schedule", schedule, "--loglevel", "WARNING"))


def upgrade(options: StackOptions) -> Program:
    """Return the command that brings the database up to date, and makes the demo tenants."""
    demo = ("--demo",) if options.with_demo else ()
    return Program("upgrade", (sys.executable, str(PROJECT_DIR / "manage.py"), "upgrade", *demo))


def next_free_port(wanted: int) -> int:
    """Return `wanted`, or the next port above it on which nothing listens."""
    return next(port for port in range(wanted, 65_536) if port_is_free(port))
