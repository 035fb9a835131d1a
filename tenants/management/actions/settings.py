"""`manage.py tenant config`."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from audit.events import COMMAND_LINE
from tenants.management.actions import add_action, print_json, print_table
from tenants.models import Tenant
from tenants.selectors import configuration_history, tenant_get
from tenants.services import tenant_configure


def add_config(actions: Any) -> None:
    """Add the action of a tenant's configuration."""
    config = add_action(actions, "config", configure, text="show the configuration, or change it")
    config.add_argument("slug")
    config.add_argument(
        "changes", nargs="*", metavar="FIELD=VALUE", help="JSON, or plain text; null is the default"
    )
    config.add_argument("--expect", type=int, metavar="VERSION", help="change this version only")
    config.add_argument("--history", action="store_true", help="show every change instead")
    config.add_argument("--json", action="store_true", dest="as_json", help="for programs")


def configure(
    command: BaseCommand,
    *,
    slug: str,
    changes: list[str],
    expect: int | None,
    history: bool,
    as_json: bool,
    **_options: Any,
) -> None:
    """Show a tenant's configuration, after changing the fields that are named.

    A change counts for documents that are handed in from then on.
    """
    tenant = tenant_get(slug=slug)
    if changes:
        tenant = tenant_configure(
            tenant=tenant, changes=_parsed(changes), actor=COMMAND_LINE, expected_version=expect
        )
    if history:
        _print_history(command, tenant, as_json=as_json)
    else:
        _print_settings(command, tenant, as_json=as_json)


def _print_settings(command: BaseCommand, tenant: Tenant, *, as_json: bool) -> None:
    values = tenant.settings.model_dump(mode="json")
    if as_json:
        print_json(command, {"config_version": tenant.config_version, "configuration": values})
        return
    command.stdout.write(f"version {tenant.config_version}")
    for name, value in values.items():
        command.stdout.write(f"  {name} = {json.dumps(value)}")


def _print_history(command: BaseCommand, tenant: Tenant, *, as_json: bool) -> None:
    changes = configuration_history(tenant=tenant)
    if as_json:
        names = ("version", "at", "actor", "changed")
        print_json(command, [{name: getattr(each, name) for name in names} for each in changes])
        return
    rows = [
        (
            f"version {each.version}",
            f"{each.at:%Y-%m-%d %H:%M} UTC",
            each.actor,
            f"{field}: {json.dumps(values['old'])} -> {json.dumps(values['new'])}",
        )
        for each in changes
        for field, values in each.changed.items()
    ]
    print_table(command, rows or [("version 1", "", "", "as every tenant begins")])


def _parsed(changes: list[str]) -> dict[str, Any]:
    """Return FIELD=VALUE pairs; a value that is no JSON is taken as text."""
    pairs = (change.partition("=") for change in changes)
    return {name: _json_or_text(value) for name, _, value in pairs}


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
