"""`manage.py tenant`: a tenant's whole life by command line, for people and for programs."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from tenants.context import tenant_context
from tenants.errors import AuthenticationRequiredError, TokenRevokedError
from tenants.lifecycle import gate, provisioning
from tenants.lifecycle.provisioning import STEPS
from tenants.models import ApiKey, Tenant
from tenants.selectors import tenants_with_keys
from tests.keys import api_key_authenticate
from tests.tenants.faults import after, break_steps


def run(*arguments: str) -> str:
    """Run the command and return what it printed."""
    out = StringIO()
    call_command("tenant", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def told(*arguments: str) -> Any:
    """Run the command for a program, and return what it printed."""
    return json.loads(run(*arguments, "--json"))


def key_in(printed: str) -> str:
    """Return the key that was shown this once."""
    return printed.split("shown this once: ")[1].split(maxsplit=1)[0]


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return caught.value


def test_a_tenants_life_by_command_line(committed: None) -> None:
    created = run("create", "walked", "--name", "Walked Ltd")
    assert "walked is ACTIVE." in created
    assert [line.split()[:3] for line in created.splitlines() if line.startswith("  ")] == [
        [action, step.name, "done"] for action in ("make", "check") for step in STEPS
    ]
    first = key_in(created)
    assert api_key_authenticate(presented=first).tenant.slug == "walked"

    shown = run("show", "walked")
    assert "walked.localhost" in shown
    assert "SUSPENDED, DEPROVISIONING" in shown
    assert 'pii_policy = "block"' in run("config", "walked", "pii_policy=block")
    assert 'pii_policy: "redact" -> "block"' in run("config", "walked", "--history")
    assert 'pii_policy = "redact"' in run("config", "walked", "pii_policy=null")

    assert "SUSPENDED" in run("suspend", "walked")
    with pytest.raises(TokenRevokedError):
        api_key_authenticate(presented=first)
    assert told("show", "walked")["allowed"] == ["ACTIVE", "DEPROVISIONING"]
    second = key_in(run("resume", "walked"))
    assert api_key_authenticate(presented=second).tenant.slug == "walked"

    assert refused("deprovision", "walked", "--confirm", "acme").returncode == 1
    removed = run("deprovision", "walked", "--confirm", "walked")
    assert "walked is DEPROVISIONED." in removed
    assert all(line.endswith("0 left") for line in removed.splitlines()[:-1])
    with pytest.raises(AuthenticationRequiredError):
        api_key_authenticate(presented=second)
    assert "[TENANT_ALREADY_EXISTS]" in str(refused("create", "walked"))
    assert connection.schema_name == "public"  # type: ignore[attr-defined]


def test_the_list_for_people_and_for_programs(acme: Tenant, globex: Tenant) -> None:
    lines = run("list").splitlines()
    assert [line.split()[:2] for line in lines] == [["acme", "ACTIVE"], ["globex", "ACTIVE"]]
    assert [tenant["slug"] for tenant in told("list", "--search", "lobe")] == ["globex"]
    run("suspend", "acme")
    assert [tenant["slug"] for tenant in told("list", "--state", "SUSPENDED")] == ["acme"]
    assert told("list", "--state", "FAILED") == []
    assert run("list", "--state", "FAILED") == ""


def test_keys_are_issued_listed_and_revoked(acme: Tenant, globex: Tenant) -> None:
    text = key_in(run("key", "issue", "acme", "--name", "ERP", "--scope", "query", "--days", "9"))
    key = api_key_authenticate(presented=text)
    assert (key.name, key.scopes) == ("ERP", ["query"])
    listed = told("key", "list", "acme")
    assert [each["key_id"] for each in listed] == [key.key_id]
    assert text.rsplit("_", 1)[1] not in json.dumps(listed)
    assert told("key", "list", "globex") == []
    assert "[RESOURCE_NOT_FOUND]" in str(refused("key", "revoke", "globex", key.key_id))
    assert "is revoked" in run("key", "revoke", "acme", key.key_id)
    with pytest.raises(TokenRevokedError):
        api_key_authenticate(presented=text)


@pytest.mark.parametrize("days", ["0", "-1", "36501", "x"])
def test_a_key_has_an_end_that_is_to_come_or_none(acme: Tenant, globex: Tenant, days: str) -> None:
    for command in (("tenant", "key", "issue", "acme"), ("operator", "key", "olga")):
        with pytest.raises(CommandError, match="1 to 36500 days"):
            call_command(*command, f"--days={days}")
    assert not acme.api_keys.exists()


def test_a_key_that_is_over_is_not_in_force(acme: Tenant, globex: Tenant) -> None:
    key = api_key_authenticate(presented=key_in(run("key", "issue", "acme", "--days", "1")))
    assert "in force" in run("show", "acme")
    assert tenants_with_keys(search="acme").get().keys == 1
    ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now())
    assert "expired" in run("show", "acme")
    assert tenants_with_keys(search="acme").get().keys == 0


def test_a_stopped_tenant_gets_no_key(acme: Tenant, globex: Tenant) -> None:
    run("suspend", "acme")
    assert "[TENANT_NOT_ACTIVE]" in str(refused("key", "issue", "acme"))
    assert told("key", "list", "acme") == []


def test_people_are_made_changed_and_shut_out(acme: Tenant, globex: Tenant) -> None:
    created = run("staff", "create", "acme", "kim", "--role", "tenant_admin")
    password = created.split("shown this once: ")[1].strip()
    with tenant_context(acme):
        assert User.objects.get(username="kim").check_password(password)
    run("staff", "create", "acme", "lee")
    assert told("staff", "list", "acme") == [
        {"username": "kim", "role": "tenant_admin", "is_active": True},
        {"username": "lee", "role": "tenant_user", "is_active": True},
    ]
    assert told("staff", "list", "globex") == []
    assert "last administrator" in str(refused("staff", "deactivate", "acme", "kim"))
    run("staff", "role", "acme", "lee", "tenant_admin")
    run("staff", "deactivate", "acme", "kim")
    assert "deactivated" in run("staff", "list", "acme")
    run("staff", "activate", "acme", "kim")
    assert "deactivated" not in run("staff", "list", "acme")
    assert "[RESOURCE_NOT_FOUND]" in str(refused("staff", "role", "globex", "kim", "auditor"))


REFUSALS = [
    (("show", "nobody"), "RESOURCE_NOT_FOUND"),
    (("resume", "acme"), "INVALID_STATE_TRANSITION"),
    (("retry", "acme"), "INVALID_STATE_TRANSITION"),
    (("create", "аcme"), "VALIDATION_ERROR"),
    (("config", "acme", "retention_days=3"), "VALIDATION_ERROR"),
    (("config", "acme", "shoe_size=3"), "VALIDATION_ERROR"),
    (("config", "acme", "retention_days=90", "--expect", "7"), "VERSION_CONFLICT"),
    (("deprovision", "acme", "--confirm", "globex"), "CONFIRMATION_MISMATCH"),
]


@pytest.mark.parametrize(("arguments", "code"), REFUSALS)
def test_what_is_refused_ends_with_its_code_and_1(
    acme: Tenant, globex: Tenant, arguments: tuple[str, ...], code: str
) -> None:
    error = refused(*arguments)
    assert f"[{code}]" in str(error)
    assert error.returncode == 1
    assert Tenant.objects.get(slug="acme").config_version == 1


def test_what_may_work_later_ends_with_3_and_is_retried(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_steps(
            patch,
            lambda step: replace(step, make=after(step.make)) if step is STEPS[-1] else step,
        )
        error = refused("create", "brittle")
    assert error.returncode == 3
    assert "[PROVISIONING_FAILED]" in str(error)
    shown = run("show", "brittle")
    assert "provision, attempt 1: failed" in shown
    assert "OSError" in shown
    assert "brittle is ACTIVE." in run("retry", "brittle")


def test_the_slug_is_asked_for_with_what_will_be_removed(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("create", "leaving", "--name", "Leaving Ltd")
    asked: list[str] = []

    def typing(text: str) -> Callable[[str], str]:
        def _input(prompt: str) -> str:
            asked.append(prompt)
            return text

        return _input

    monkeypatch.setattr("builtins.input", typing("no"))
    assert "[CONFIRMATION_MISMATCH]" in str(refused("deprovision", "leaving"))
    monkeypatch.setattr("builtins.input", typing("leaving"))
    printed = run("deprovision", "leaving")
    assert "This removes Leaving Ltd for good:" in printed
    assert "leaving is DEPROVISIONED." in printed
    assert asked == ["Type the slug to confirm: "] * 2


def test_an_interrupted_tenant_is_shown_as_such(committed: None) -> None:
    run("create", "halted")
    Tenant.objects.filter(slug="halted").update(state="PROVISIONING")
    assert "PROVISIONING (interrupted)" in run("list")
    assert "interrupted: retry goes on" in run("show", "halted")
    assert told("show", "halted")["interrupted"] is True
    with gate.exclusive(Tenant.objects.get(slug="halted")):
        assert "(interrupted)" not in run("list")
        assert "a process is at work on it" in run("show", "halted")
    assert "halted is ACTIVE." in run("retry", "halted")
    assert provisioning.STEPS is STEPS
