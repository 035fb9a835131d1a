"""`manage.py tenant staff create|list|role|activate|deactivate`."""

from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand

from audit.events import COMMAND_LINE
from tenants.access.people import (
    initial_password,
    staff_change_role,
    staff_create,
    staff_get,
    staff_list,
    staff_set_active,
)
from tenants.access.roles import TENANT_ROLES, TENANT_USER, role_of
from tenants.context import tenant_context
from tenants.management.actions import add_action, print_json, print_table
from tenants.selectors import tenant_get


def add_staff(actions: Any) -> None:
    """Add the actions of the people who sign in at a tenant's pages."""
    parser = actions.add_parser("staff", help="the people who sign in at a tenant's pages")
    staff = parser.add_subparsers(required=True, metavar="ACTION")
    listing = add_action(staff, "list", list_staff, text="every person, with their role")
    create = add_action(staff, "create", create_staff, text="let a person sign in")
    role = add_action(staff, "role", change_role, text="give a person another role")
    off = add_action(staff, "deactivate", deactivate, text="shut a person out at once")
    on = add_action(staff, "activate", activate, text="let a person in again")
    for each in (listing, create, role, off, on):
        each.add_argument("slug")
    for each in (create, role, off, on):
        each.add_argument("username")
    role.add_argument("role", choices=list(TENANT_ROLES))
    create.add_argument("--role", choices=list(TENANT_ROLES), default=TENANT_USER)
    create.add_argument(
        "--ask", action="store_true", help="ask for the password instead of making one"
    )
    listing.add_argument("--json", action="store_true", dest="as_json", help="for programs")


def list_staff(command: BaseCommand, *, slug: str, as_json: bool, **_options: Any) -> None:
    """List the people of a tenant by name, with their role, and who is shut out."""
    with tenant_context(tenant_get(slug=slug)):
        people = [
            (user.get_username(), role_of(user, roles=TENANT_ROLES), user.is_active)
            for user in staff_list()
        ]
    if as_json:
        names = ("username", "role", "is_active")
        print_json(command, [dict(zip(names, person, strict=True)) for person in people])
    elif people:
        rows = [(n, role or "no role", "" if on else "deactivated") for n, role, on in people]
        print_table(command, rows)


def create_staff(
    command: BaseCommand, *, slug: str, username: str, role: str, ask: bool, **_options: Any
) -> None:
    """Let a person sign in at the tenant's pages; a password is made unless --ask is given."""
    password = getpass(f"Password for {username}: ") if ask else initial_password()
    staff_create(
        tenant=tenant_get(slug=slug),
        username=username,
        password=password,
        role=role,
        actor=COMMAND_LINE,
    )
    command.stdout.write(command.style.SUCCESS(f"{username} may sign in at {slug} as {role}."))
    if not ask:
        command.stdout.write(f"Password, shown this once: {password}")


def change_role(
    command: BaseCommand, *, slug: str, username: str, role: str, **_options: Any
) -> None:
    """Give a person another role; the last administrator of a tenant stays one."""
    tenant = tenant_get(slug=slug)
    with tenant_context(tenant):
        staff_change_role(
            tenant=tenant, user=staff_get(username=username), role=role, actor=COMMAND_LINE
        )
    command.stdout.write(command.style.SUCCESS(f"{username} is {role} at {slug} now."))


def deactivate(command: BaseCommand, **options: Any) -> None:
    """Shut a person out: their sessions end at once. What they did stays on record."""
    _set_active(command, is_active=False, **options)


def activate(command: BaseCommand, **options: Any) -> None:
    """Let a person in again who was shut out."""
    _set_active(command, is_active=True, **options)


def _set_active(
    command: BaseCommand, *, slug: str, username: str, is_active: bool, **_options: Any
) -> None:
    tenant = tenant_get(slug=slug)
    with tenant_context(tenant):
        staff_set_active(
            tenant=tenant,
            user=staff_get(username=username),
            is_active=is_active,
            actor=COMMAND_LINE,
        )
    word = "may sign in" if is_active else "is shut out"
    command.stdout.write(command.style.SUCCESS(f"{username} {word} at {slug}."))
