"""`manage.py operator ...`: the people of the platform, and their keys to its API."""

from argparse import ArgumentParser
from datetime import datetime
from getpass import getpass
from typing import Any, Final

from django.core.management.base import BaseCommand

from audit.events import COMMAND_LINE
from frostbyte.kernel.errors import FrostbyteError
from tenants.access.people import (
    initial_password,
    operator_change_role,
    operator_create,
    operator_get,
    operator_list,
    operator_set_active,
    operator_set_password,
    person_sign_out,
    platform_key_get,
    platform_key_issue,
    platform_key_revoke,
)
from tenants.access.roles import OPERATOR, PLATFORM_ROLES, role_of
from tenants.access.totp import totp_of, totp_reset
from tenants.management.actions import add_days, refused
from tenants.models import PlatformKey, Scope

_NAMED: Final = {
    "password": "set a new password and end the person's sessions",
    "deactivate": "shut a person out: sessions and keys end at once",
    "activate": "let a person in again",
    "reset-totp": "take the second factor away, to be set up anew",
    "sign-out": "end all sessions of a person",
}


class Command(BaseCommand):
    help = "Make, list, change and shut out operators and auditors of the platform."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        actions.add_parser("list", help="every person of the platform, with their keys")
        create = actions.add_parser("create", help="make a person who signs in at the console")
        create.add_argument("--role", choices=list(PLATFORM_ROLES), default=OPERATOR)
        role = actions.add_parser("role", help="give a person another role")
        role.add_argument("role", choices=list(PLATFORM_ROLES))
        key = actions.add_parser("key", help="issue a key to the operators' API, shown this once")
        key.add_argument("--name", default=COMMAND_LINE)
        key.add_argument("--scope", action="append", choices=["admin", "audit"], dest="scopes")
        add_days(key)
        named = {name: actions.add_parser(name, help=text) for name, text in _NAMED.items()}
        for each in (create, role, key, *named.values()):
            each.add_argument("username")
        for each in (create, named["password"]):
            each.add_argument(
                "--ask", action="store_true", help="ask for the password instead of making one"
            )
        revoke = actions.add_parser("revoke", help="end a key for good")
        revoke.add_argument("key_id")

    def handle(self, *, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action.replace('-', '_')}")(**options)
        except FrostbyteError as error:
            raise refused(error) from error

    def _list(self, **_options: Any) -> None:
        for user in operator_list():
            state = "second factor" if totp_of(user) else ""
            state = state if user.is_active else "deactivated"
            role = role_of(user, roles=PLATFORM_ROLES) or "no role"
            self.stdout.write(f"{user.get_username():<32} {role:<10} {state}")
            for key in PlatformKey.objects.filter(owner=user):
                line = f"  key {key.key_id}  {key.state:<8}  {','.join(key.scopes)}  {key.name}"
                self.stdout.write(line)

    def _create(self, *, username: str, role: str, ask: bool, **_options: Any) -> None:
        password = _password(ask)
        operator_create(username=username, password=password, role=role)
        self.stdout.write(self.style.SUCCESS(f"{username} may sign in at the console as {role}."))
        self._show_password(password, ask)

    def _password(self, *, username: str, ask: bool, **_options: Any) -> None:
        password = _password(ask)
        user = operator_get(username=username)
        operator_set_password(user=user, password=password, actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"{username} has a new password."))
        self._show_password(password, ask)

    def _role(self, *, username: str, role: str, **_options: Any) -> None:
        operator_change_role(user=operator_get(username=username), role=role, actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"{username} is {role} now."))

    def _deactivate(self, *, username: str, **_options: Any) -> None:
        user = operator_get(username=username)
        operator_set_active(user=user, is_active=False, actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"{username} is shut out."))

    def _activate(self, *, username: str, **_options: Any) -> None:
        user = operator_get(username=username)
        operator_set_active(user=user, is_active=True, actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"{username} may sign in."))

    def _sign_out(self, *, username: str, **_options: Any) -> None:
        user = operator_get(username=username)
        ended = person_sign_out(user=user, tenant=None, actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"{ended} sessions of {username} are ended."))

    def _reset_totp(self, *, username: str, **_options: Any) -> None:
        totp_reset(user=operator_get(username=username), actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"{username} sets up a second factor anew."))

    def _key(
        self,
        *,
        username: str,
        name: str,
        scopes: list[Scope] | None,
        expires_at: datetime | None,
        **_options: Any,
    ) -> None:
        owner = operator_get(username=username)
        _made, text = platform_key_issue(
            owner=owner, name=name, scopes=scopes, actor=COMMAND_LINE, expires_at=expires_at
        )
        self.stdout.write(f"Key to the operators' API, shown this once: {text}")

    def _revoke(self, *, key_id: str, **_options: Any) -> None:
        platform_key_revoke(key=platform_key_get(key_id=key_id), actor=COMMAND_LINE)
        self.stdout.write(self.style.SUCCESS(f"The key {key_id} is revoked."))

    def _show_password(self, password: str, ask: bool) -> None:
        if not ask:
            self.stdout.write(f"Password, shown this once: {password}")


def _password(ask: bool) -> str:
    return getpass("New password: ") if ask else initial_password()
