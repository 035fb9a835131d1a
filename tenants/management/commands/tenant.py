"""`manage.py tenant ...`: onboard, look at, stop and resume tenants, and issue their keys."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from frostbyte.kernel.errors import FrostbyteError
from tenants.models import Scope, Tenant
from tenants.people import staff_create
from tenants.provisioning import tenant_provision, tenant_provision_retry
from tenants.roles import TENANT_ROLES, TENANT_USER
from tenants.selectors import tenant_get, tenant_list
from tenants.services import (
    api_key_issue,
    tenant_configure,
    tenant_resume,
    tenant_suspend,
)

ACTOR = "command line"


class Command(BaseCommand):
    help = "Onboard, look at, configure, stop and resume tenants, and issue their keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("list", help="every tenant with its state")
        create = actions.add_parser("create", help="onboard a tenant and print its first key")
        create.add_argument(
            "slug", help="3-31 characters: a-z, 0-9, hyphens; becomes the host name"
        )
        create.add_argument("--name", default="", help="the organisation's name")
        for action, text in _PLAIN_ACTIONS.items():
            actions.add_parser(action, help=text).add_argument("slug")
        key = actions.add_parser("key", help="issue an API key, shown this once")
        key.add_argument("slug")
        key.add_argument("--name", default="command line")
        key.add_argument("--scope", action="append", choices=Scope.values, dest="scopes")
        staff = actions.add_parser("staff", help="create a person who signs in at the pages")
        staff.add_argument("slug")
        staff.add_argument("username")
        staff.add_argument("--role", choices=list(TENANT_ROLES), default=TENANT_USER)
        config = actions.add_parser("config", help="show the configuration, or change fields of it")
        config.add_argument("slug")
        config.add_argument("changes", nargs="*", metavar="FIELD=JSON")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(**options)
        except FrostbyteError as error:
            raise CommandError(f"{error.message} {error.remediation} [{error.code}]") from error

    def _list(self, **_options: Any) -> None:
        for tenant in tenant_list():
            self.stdout.write(f"{tenant.slug:<32} {tenant.state:<16} {tenant.name}")

    def _create(self, *, slug: str, name: str, **_options: Any) -> None:
        tenant = tenant_provision(slug=slug, name=name, actor=ACTOR)
        self.stdout.write(self.style.SUCCESS(f"Tenant {slug} is {tenant.state}."))
        self.stdout.write(f"API key, shown this once: {tenant.issued_key}")

    def _retry(self, *, slug: str, **_options: Any) -> None:
        tenant = tenant_provision_retry(tenant=tenant_get(slug=slug), actor=ACTOR)
        self.stdout.write(self.style.SUCCESS(f"Tenant {slug} is {tenant.state}."))

    def _show(self, *, slug: str, **_options: Any) -> None:
        tenant = tenant_get(slug=slug)
        hosts = ", ".join(domain.domain for domain in tenant.domains.all())
        self.stdout.write(f"{tenant.slug}  {tenant.state}  {tenant.name}\nhosts: {hosts}")
        for key in tenant.api_keys.all():
            state = "revoked" if key.revoked_at else "in force"
            self.stdout.write(f"key {key.key_id}  {state:<8}  {','.join(key.scopes)}  {key.name}")

    def _suspend(self, *, slug: str, **_options: Any) -> None:
        tenant_suspend(tenant=tenant_get(slug=slug), actor=ACTOR)
        self.stdout.write(f"Tenant {slug} is stopped; its keys are revoked.")

    def _resume(self, *, slug: str, **_options: Any) -> None:
        tenant = tenant_resume(tenant=tenant_get(slug=slug), actor=ACTOR)
        self.stdout.write(self.style.SUCCESS(f"Tenant {slug} works again."))
        self.stdout.write(f"API key, shown this once: {tenant.issued_key}")

    def _key(self, *, slug: str, name: str, scopes: list[str] | None, **_options: Any) -> None:
        self._print_key(tenant_get(slug=slug), name, scopes or [Scope.INGEST, Scope.QUERY])

    def _staff(self, *, slug: str, username: str, role: str, **_options: Any) -> None:
        from getpass import getpass

        password = getpass(f"Password for {username}: ")
        staff_create(tenant=tenant_get(slug=slug), username=username, password=password, role=role)
        self.stdout.write(self.style.SUCCESS(f"{username} may sign in at {slug}."))

    def _config(self, *, slug: str, changes: list[str], **_options: Any) -> None:
        tenant = tenant_get(slug=slug)
        if changes:
            tenant = tenant_configure(tenant=tenant, changes=_parsed(changes), actor=ACTOR)
        self.stdout.write(f"version {tenant.config_version}")
        for name, value in tenant.settings.model_dump(mode="json").items():
            self.stdout.write(f"  {name} = {json.dumps(value)}")

    def _print_key(self, tenant: Tenant, name: str, scopes: list[Any]) -> None:
        _key, text = api_key_issue(tenant=tenant, name=name, scopes=scopes, actor=ACTOR)
        self.stdout.write(f"API key, shown this once: {text}")


_PLAIN_ACTIONS = {
    "show": "one tenant with its hosts and keys",
    "suspend": "stop a tenant at once: no request, no stage",
    "resume": "let a stopped tenant work again, with a new key",
    "retry": "provision a tenant again whose provisioning failed",
}


def _parsed(changes: list[str]) -> dict[str, Any]:
    """Return FIELD=VALUE pairs; a value that is no JSON is taken as text."""
    pairs = (change.partition("=") for change in changes)
    return {name: _json_or_text(value) for name, _, value in pairs}


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
