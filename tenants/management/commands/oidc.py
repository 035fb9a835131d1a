"""`manage.py oidc ...`: by which identity provider a tenant's people sign in."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from audit.events import COMMAND_LINE
from frostbyte.kernel.errors import FrostbyteError
from tenants.access.oidc.config import (
    identity_provider_of,
    identity_provider_remove,
    identity_provider_set,
)
from tenants.access.roles import TENANT_ROLES
from tenants.management.actions import refused
from tenants.naming import domain_name
from tenants.selectors import tenant_get


class Command(BaseCommand):
    help = "Set, show or remove the OpenID Connect provider of a tenant."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        given = actions.add_parser("set", help="set what is named, after asking the provider")
        given.add_argument("slug")
        given.add_argument("--name", help="what the button on the sign-in page says")
        given.add_argument("--issuer", help="https://..., as the provider names itself")
        given.add_argument("--client-id")
        given.add_argument("--client-secret-file", metavar="PATH", help="'-' reads standard input")
        given.add_argument("--email-domain", action="append", dest="email_domains")
        given.add_argument("--role-claim", help="the claim that tells groups")
        given.add_argument("--role", action="append", dest="roles", metavar="VALUE=ROLE")
        given.add_argument("--default-role", choices=["", *TENANT_ROLES])
        given.add_argument("--passwords", choices=["on", "off"], dest="passwords")
        for action, text in (("show", "show it without the secret"), ("remove", "take it away")):
            actions.add_parser(action, help=text).add_argument("slug")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except FrostbyteError as error:
            raise refused(error) from error

    def _set(self, *, slug: str, **options: Any) -> None:
        tenant = tenant_get(slug=slug)
        identity_provider_set(tenant=tenant, values=_values(options), actor=COMMAND_LINE)
        self._show(slug=slug)

    def _show(self, *, slug: str, **_options: Any) -> None:
        provider = identity_provider_of(tenant_get(slug=slug))
        if provider is None:
            self.stdout.write(f"{slug} has no identity provider: people sign in by password.")
            return
        for name, value in provider.told().items():
            self.stdout.write(f"  {name} = {value}")
        self.stdout.write(f"  redirect URI = https://{_host(slug)}/oidc/callback/")

    def _remove(self, *, slug: str, **_options: Any) -> None:
        identity_provider_remove(tenant=tenant_get(slug=slug), actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"People of {slug} sign in by password."))


def _host(slug: str) -> str:
    from django.conf import settings

    return domain_name(slug, base_domain=settings.BASE_DOMAIN)


def _values(options: dict[str, Any]) -> dict[str, Any]:
    plain = ("name", "issuer", "client_id", "email_domains", "role_claim", "default_role")
    values = {name: options[name] for name in plain if options[name] is not None}
    if options["client_secret_file"]:
        values["client_secret"] = _read(options["client_secret_file"])
    if options["roles"]:
        pairs = (pair.rpartition("=") for pair in options["roles"])
        values["roles"] = [(value, role) for value, _, role in pairs]
    if options["passwords"]:
        values["password_allowed"] = options["passwords"] == "on"
    return values


def _read(path: str) -> str:
    text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    return text.strip()
