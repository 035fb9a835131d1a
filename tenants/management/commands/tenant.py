"""`manage.py tenant ...`: the whole life of tenants, their keys, people and configuration."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from frostbyte.kernel.errors import FrostbyteError
from tenants.management.actions import Action, refused
from tenants.management.actions.keys import add_keys
from tenants.management.actions.life import add_life
from tenants.management.actions.settings import add_config
from tenants.management.actions.staff import add_staff


class Command(BaseCommand):
    help = "Onboard, configure, stop, resume and remove tenants; their keys and their people."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = (
            "ends with 0 when done, 1 when refused, 2 when misused, 3 when a service failed "
            "and the same command may work later"
        )
        parser.formatter_class = RawDescriptionHelpFormatter
        actions = parser.add_subparsers(required=True, metavar="ACTION")
        for add in (add_life, add_config, add_keys, add_staff):
            add(actions)

    def handle(self, *, run: Action, **options: Any) -> None:
        try:
            run(self, **options)
        except FrostbyteError as error:
            raise refused(error) from error
