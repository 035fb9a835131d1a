"""`manage.py pipeline ...`: what waits and why, dead letters, cancelling, pausing stages."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from frostbyte.kernel.errors import FrostbyteError
from processing.management.actions.letters import add_letters
from processing.management.actions.stages import add_stages
from processing.management.actions.status import add_status
from tenants.management.actions import Action, refused


class Command(BaseCommand):
    help = "See what the pipeline does, decide over dead letters, cancel runs, pause stages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = (
            "ends with 0 when done, 1 when refused, 2 when misused, 3 when a service failed "
            "and the same command may work later"
        )
        parser.formatter_class = RawDescriptionHelpFormatter
        actions = parser.add_subparsers(required=True, metavar="ACTION")
        for add in (add_status, add_letters, add_stages):
            add(actions)

    def handle(self, *, run: Action, **options: Any) -> None:
        try:
            run(self, **options)
        except FrostbyteError as error:
            raise refused(error) from error
