"""`manage.py lockout reset`: let those in again who failed to sign in too often."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from frostbyte.kernel.errors import FrostbyteError
from tenants.access.lockout import lockout_reset
from tenants.context import tenant_context
from tenants.management.actions import refused
from tenants.naming import PLATFORM
from tenants.selectors import tenant_get


class Command(BaseCommand):
    help = "Take off the locks after failed sign-ins, of one tenant or of the console."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["reset"])
        parser.add_argument("slug", help=f"the tenant; '{PLATFORM}' for the console")

    def handle(self, *, slug: str, **_options: Any) -> None:
        try:
            if slug == PLATFORM:
                lockout_reset()
            else:
                with tenant_context(tenant_get(slug=slug)):
                    lockout_reset()
        except FrostbyteError as error:
            raise refused(error) from error
        self.stdout.write(self.style.SUCCESS(f"Nobody is locked out at {slug} any more."))
