"""`manage.py up`: everything on this machine, from one command, until Ctrl-C."""

import asyncio
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from frostbyte.embedded.merged_log import MergedLog
from frostbyte.embedded.selection import own_servers
from frostbyte.embedded.session import Session
from frostbyte.embedded.stack import StackOptions, next_free_port
from frostbyte.kernel.errors import FrostbyteError
from frostbyte.settings.env import environment

DEMO_TENANTS: Final = ("acme", "globex")


class Command(BaseCommand):
    """Start the servers, upgrade the database, run web server, worker and beat."""

    help = "Run Frostbyte on this machine: servers, web, worker and beat. Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the port, and what to leave out."""
        parser.add_argument("--port", type=int, default=environment().port)
        parser.add_argument("--no-worker", action="store_true", help="neither worker nor beat")
        parser.add_argument("--without-demo", action="store_true", help="make no demo tenants")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop."""
        output = MergedLog()
        stack = _stack_options(options)
        if stack.port != options["port"]:
            output.warn(f"port {options['port']} is taken, so this is port {stack.port}")
        try:
            asyncio.run(_session(stack, output).run())
        except FrostbyteError as error:
            raise CommandError(f"{error.code}: {error.message}\n{error.remediation}") from error


def _stack_options(options: dict[str, Any]) -> StackOptions:
    settings = environment()
    return StackOptions(
        port=next_free_port(options["port"]),
        host=settings.base_domain,
        concurrency=settings.worker_concurrency,
        log_level=settings.log_level,
        with_worker=not options["no_worker"],
        with_demo=not options["without_demo"],
    )


def _session(stack: StackOptions, output: MergedLog) -> Session:
    def announce(seconds: float) -> None:
        for line in ready_lines(stack, seconds, password=_demo_password()):
            output.say(line)

    database_url = environment().database_url
    return Session(own_servers(), stack, database_url=database_url, log=output, announce=announce)


def ready_lines(stack: StackOptions, seconds: float, *, password: str) -> list[str]:
    """Return what a person needs to know once everything runs; `password` is the demo users'."""
    origin = f"{stack.host}:{stack.port}"
    tenants = [f"  {slug:<10} http://{slug}.{origin}/" for slug in DEMO_TENANTS]
    sign_in = f"  sign in    as demo, or on the console as operator, with the password {password}"
    return [
        "",
        f"Frostbyte is ready after {seconds:.1f} s.",
        *(tenants if stack.with_demo else [f"  tenants    http://<tenant>.{origin}/"]),
        f"  console    http://{origin}/",
        f"  API        http://{origin}/api/docs/",
        *([sign_in] if stack.with_demo and password else []),
        "  Ctrl-C stops it.",
        "",
    ]


def _demo_password() -> str:
    """Return what `demo_tenants` has written, or an empty text before it has run."""
    path = environment().home / "demo-password"
    return path.read_text().strip() if path.exists() else ""
