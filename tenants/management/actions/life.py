"""`manage.py tenant list|create|show|suspend|resume|retry|deprovision`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.events import COMMAND_LINE
from tenants.lifecycle.deprovisioning import evidence, tenant_contents, tenant_deprovision
from tenants.lifecycle.gate import tenants_in_work
from tenants.lifecycle.provisioning import tenant_provision
from tenants.lifecycle.recovery import IN_BETWEEN, tenant_retry, tenants_interrupted
from tenants.lifecycle.states import TRANSITIONS, TenantState
from tenants.management.actions import add_action, print_json, print_table
from tenants.management.actions.keys import key_facts, print_key
from tenants.models import LifecycleRun, Tenant
from tenants.selectors import lifecycle_runs, tenant_get, tenants_with_keys
from tenants.services import tenant_resume, tenant_suspend


def add_life(actions: Any) -> None:
    """Add the actions of a tenant's life."""
    listing = add_action(actions, "list", list_tenants, text="every tenant with its state")
    listing.add_argument("--state", action="append", choices=TenantState.values, dest="states")
    listing.add_argument("--search", default="", help="a part of the slug or of the name")
    create = add_action(actions, "create", create_tenant, text="onboard a tenant")
    create.add_argument("slug", help="3-31 characters: a-z, 0-9, hyphens; becomes the host name")
    create.add_argument("--name", default="", help="the organisation's name")
    show = add_action(actions, "show", show_tenant, text="one tenant: hosts, keys, how it was made")
    suspend = add_action(actions, "suspend", suspend_tenant, text="the kill switch")
    resume = add_action(actions, "resume", resume_tenant, text="let a suspended tenant work again")
    retry = add_action(actions, "retry", retry_tenant, text="go on where set-up or removal stopped")
    remove = add_action(actions, "deprovision", remove_tenant, text="remove a tenant for good")
    remove.add_argument("--confirm", metavar="SLUG", help="the slug again; asked for without it")
    for parser in (show, suspend, resume, retry, remove):
        parser.add_argument("slug")
    for parser in (listing, show):
        parser.add_argument("--json", action="store_true", dest="as_json", help="for programs")


def list_tenants(
    command: BaseCommand, *, states: list[str] | None, search: str, as_json: bool, **_options: Any
) -> None:
    """List the tenants by slug: state, keys in force, name."""
    tenants = list(tenants_with_keys(states=states or (), search=search))
    stuck = {tenant.pk for tenant in tenants_interrupted()}
    if as_json:
        print_json(command, [_facts(tenant, tenant.pk in stuck) for tenant in tenants])
        return
    rows = [
        (each.slug, _state_in_words(each, each.pk in stuck), f"{each.keys} keys", each.name)
        for each in tenants
    ]
    if rows:
        print_table(command, rows)


def create_tenant(command: BaseCommand, *, slug: str, name: str, **_options: Any) -> None:
    """Make everything that a tenant needs, check each part, and print its first API key."""
    tenant = tenant_provision(slug=slug, name=name, actor=COMMAND_LINE)
    _print_run(command, lifecycle_runs(tenant=tenant)[0])
    _print_done(command, tenant, f"{slug} is ACTIVE.")


def show_tenant(command: BaseCommand, *, slug: str, as_json: bool, **_options: Any) -> None:
    """Show one tenant: state and what it allows, hosts, keys, and its latest set-up or removal."""
    tenant = tenant_get(slug=slug)
    is_stuck = tenant.pk in {each.pk for each in tenants_interrupted()}
    runs = lifecycle_runs(tenant=tenant)
    if as_json:
        told = {**_facts(tenant, is_stuck), "runs": [_run_facts(run) for run in runs]}
        print_json(command, {**told, "api_keys": [key_facts(k) for k in tenant.api_keys.all()]})
        return
    rows = [
        ("slug", tenant.slug),
        ("name", tenant.name),
        ("state", _state_in_words(tenant, is_stuck)),
        ("next", _next_in_words(tenant)),
        ("hosts", ", ".join(_hosts(tenant)) or "none"),
        ("configuration", f"version {tenant.config_version}"),
    ]
    print_table(command, rows)
    for key in tenant.api_keys.all():
        print_key(command, key)
    for run in runs[:1]:
        _print_run(command, run)


def suspend_tenant(command: BaseCommand, *, slug: str, **_options: Any) -> None:
    """Stop a tenant: no request is served, no stage begins, and its keys are revoked for good.

    What runs is finished and kept, what waits keeps waiting.
    """
    tenant_suspend(tenant=tenant_get(slug=slug), actor=COMMAND_LINE)
    command.stdout.write(command.style.SUCCESS(f"{slug} is SUSPENDED; its keys are revoked."))


def resume_tenant(command: BaseCommand, *, slug: str, **_options: Any) -> None:
    """Let a suspended tenant work again, with a new key; what waited is handed out at once."""
    tenant = tenant_resume(tenant=tenant_get(slug=slug), actor=COMMAND_LINE)
    _print_done(command, tenant, f"{slug} is ACTIVE.")


def retry_tenant(command: BaseCommand, *, slug: str, **_options: Any) -> None:
    """Go on with a set-up or a removal that failed, or whose process died."""
    tenant = tenant_retry(tenant=tenant_get(slug=slug), actor=COMMAND_LINE)
    _print_run(command, lifecycle_runs(tenant=tenant)[0])
    _print_done(command, tenant, f"{slug} is {tenant.state}.")


def remove_tenant(command: BaseCommand, *, slug: str, confirm: str | None, **_options: Any) -> None:
    """Remove everything that a tenant has, store by store. This cannot be taken back.

    The audit history stays, and the slug is never given out again.
    """
    tenant = tenant_get(slug=slug)
    if confirm is None:
        confirm = _ask_for_slug(command, tenant)
    tenant_deprovision(tenant=tenant, confirmation=confirm, actor=COMMAND_LINE)
    rows = [
        (name, f"{counts['deleted']} deleted", f"{counts['left']} left")
        for name, counts in evidence(tenant).items()
    ]
    print_table(command, rows)
    command.stdout.write(command.style.SUCCESS(f"{slug} is DEPROVISIONED."))


def _ask_for_slug(command: BaseCommand, tenant: Tenant) -> str:
    command.stdout.write(f"This removes {tenant.name} for good:")
    print_table(command, [(name, str(n)) for name, n in tenant_contents(tenant=tenant).items()])
    try:
        return input("Type the slug to confirm: ")
    except EOFError as error:
        raise CommandError("Nothing was typed. Use --confirm SLUG in a script.") from error


def _print_done(command: BaseCommand, tenant: Tenant, text: str) -> None:
    command.stdout.write(command.style.SUCCESS(text))
    if tenant.issued_key:
        command.stdout.write(f"API key, shown this once: {tenant.issued_key}")


def _print_run(command: BaseCommand, run: LifecycleRun) -> None:
    seconds = "" if run.seconds is None else f" in {run.seconds:.2f} s"
    command.stdout.write(f"{run.kind}, attempt {run.attempt}: {run.state}{seconds}")
    rows = [
        (f"  {step.action}", step.name, step.state, f"{step.duration_ms} ms", step.error_code)
        for step in run.steps.all()
    ]
    if rows:
        print_table(command, rows)


def _state_in_words(tenant: Tenant, is_stuck: bool) -> str:
    return f"{tenant.state} (interrupted)" if is_stuck else tenant.state


def _next_in_words(tenant: Tenant) -> str:
    if tenant.state in IN_BETWEEN:
        busy = tenant.pk in tenants_in_work()
        return "a process is at work on it" if busy else "interrupted: retry goes on"
    return ", ".join(TRANSITIONS[TenantState(tenant.state)]) or "nothing, this state is final"


def _hosts(tenant: Tenant) -> list[str]:
    return [domain.domain for domain in tenant.domains.all()]


def _facts(tenant: Tenant, is_stuck: bool) -> dict[str, Any]:
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "state": tenant.state,
        "interrupted": is_stuck,
        "allowed": [state.value for state in TRANSITIONS[TenantState(tenant.state)]],
        "hosts": _hosts(tenant),
        "config_version": tenant.config_version,
        "created_at": tenant.created_at,
    }


def _run_facts(run: LifecycleRun) -> dict[str, Any]:
    steps = ("name", "action", "state", "error_code", "details", "duration_ms", "at")
    return {
        "kind": run.kind,
        "attempt": run.attempt,
        "state": run.state,
        "actor": run.actor,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "steps": [{name: getattr(step, name) for name in steps} for step in run.steps.all()],
    }
