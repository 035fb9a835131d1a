"""`manage.py tenant key issue|list|revoke`."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from audit.events import COMMAND_LINE
from tenants.management.actions import add_action, add_days, print_json
from tenants.models import ApiKey, Scope
from tenants.selectors import api_key_get, tenant_get
from tenants.services import api_key_issue, api_key_revoke


def add_keys(actions: Any) -> None:
    """Add the actions of a tenant's API keys."""
    parser = actions.add_parser("key", help="issue, list and revoke a tenant's API keys")
    keys = parser.add_subparsers(required=True, metavar="ACTION")
    issue = add_action(keys, "issue", issue_key, text="make a key, shown this once")
    listing = add_action(keys, "list", list_keys, text="every key, with scopes and last use")
    revoke = add_action(keys, "revoke", revoke_key, text="end a key for good")
    for each in (issue, listing, revoke):
        each.add_argument("slug")
    issue.add_argument("--name", default=COMMAND_LINE, help="what it is for, to tell it apart")
    issue.add_argument("--scope", action="append", choices=Scope.values, dest="scopes")
    issue.add_argument(
        "--group",
        action="append",
        default=[],
        dest="groups",
        help="a group of the tenant's people whose restricted collections the key reads",
    )
    add_days(issue)
    listing.add_argument("--json", action="store_true", dest="as_json", help="for programs")
    revoke.add_argument("key_id")


def issue_key(
    command: BaseCommand,
    *,
    slug: str,
    name: str,
    scopes: list[str] | None,
    groups: list[str],
    expires_at: datetime | None,
    **_options: Any,
) -> None:
    """Make an API key; without --scope it may ingest and query, without --group what is open."""
    _key, text = api_key_issue(
        tenant=tenant_get(slug=slug),
        name=name,
        scopes=scopes or [Scope.INGEST, Scope.QUERY],
        groups=groups,
        actor=COMMAND_LINE,
        expires_at=expires_at,
    )
    command.stdout.write(f"API key, shown this once: {text}")


def list_keys(command: BaseCommand, *, slug: str, as_json: bool, **_options: Any) -> None:
    """List a tenant's keys, newest first. Their secrets are not kept."""
    keys = list(tenant_get(slug=slug).api_keys.all())
    if as_json:
        print_json(command, [key_facts(key) for key in keys])
        return
    for key in keys:
        print_key(command, key)


def revoke_key(command: BaseCommand, *, slug: str, key_id: str, **_options: Any) -> None:
    """End a key at once and for good; doing it twice changes nothing."""
    api_key_revoke(key=api_key_get(key_id=key_id, tenant=tenant_get(slug=slug)), actor=COMMAND_LINE)
    command.stdout.write(command.style.SUCCESS(f"The key {key_id} is revoked."))


def print_key(command: BaseCommand, key: ApiKey) -> None:
    """Write a key in one line."""
    command.stdout.write(f"key {key.key_id}  {key.state:<8}  {','.join(key.scopes)}  {key.name}")


def key_facts(key: ApiKey) -> dict[str, Any]:
    """Return what may be told of a key."""
    names = (
        "key_id", "name", "scopes", "groups", "created_at", "expires_at", "last_used_at",
        "revoked_at",
    )  # fmt: skip
    return {name: getattr(key, name) for name in names}
