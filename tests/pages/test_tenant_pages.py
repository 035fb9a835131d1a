"""The console's pages of a tenant's life: what can be done, settings, removal, timelines."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import AuditEvent
from tenants.access.people import operator_create
from tenants.configuration import TenantConfiguration
from tenants.console.settings_form import GROUPS, HELP, SettingsForm
from tenants.console.timelines import possibilities
from tenants.lifecycle.provisioning import STEPS, tenant_provision
from tenants.lifecycle.states import TRANSITIONS, TenantState
from tenants.models import Tenant
from tenants.services import tenant_configure
from tests.keys import api_key_authenticate
from tests.pages.conftest import PASSWORD
from tests.tenants.faults import after, break_steps

S = TenantState


def form_of(tenant: Tenant, **changes: object) -> dict[str, object]:
    """Return what a browser sends of the settings form, with the changes made in it."""
    present = tenant.settings.model_dump(mode="json")
    values = {**present, "version": tenant.config_version, **changes}
    return {name: value for name, value in values.items() if value is not False}


def test_every_setting_has_a_help_a_group_and_its_range(acme: Tenant) -> None:
    assert set(HELP) == set(TenantConfiguration.model_fields)
    form = SettingsForm(configuration=acme.settings, version=1)
    grouped = [field.name for _title, fields in form.groups() for field in fields]
    assert sorted(grouped) == sorted(TenantConfiguration.model_fields)
    assert "Other" not in dict(form.groups())
    assert GROUPS[-1] == ("Other", ("",))
    assert "1 to 5,000. Default: 500." in form.fields["max_file_size_mb"].help_text


def test_settings_are_changed_and_their_history_is_shown(
    operator: Client, acme: Tenant, globex: Tenant
) -> None:
    address = f"/console/tenants/{acme.slug}/settings/"
    assert "No changes yet" in operator.get(address).text
    form = form_of(acme, pii_policy="block", retention_days=90, generation_enabled=True)
    page = operator.post(address, form, follow=True).text
    assert "at version 2" in page
    acme.refresh_from_db()
    assert (acme.settings.pii_policy, acme.settings.retention_days) == ("block", 90)
    assert acme.settings.generation_enabled
    for told in ("pii_policy", "block", "2,555", "90", "operator:olga"):
        assert told in page
    event = AuditEvent.objects.filter(tenant="acme").latest("sequence")
    assert set(event.details["changed"]) == {"pii_policy", "retention_days", "generation_enabled"}
    assert Tenant.objects.get(slug="globex").config_version == 1


def test_a_value_that_came_by_command_stands_in_the_form_as_it_is(
    operator: Client, acme: Tenant, globex: Tenant
) -> None:
    tenant_configure(tenant=acme, changes={"classification_threshold": 0.7553}, actor="tester")
    form = form_of(acme, retention_days=90)
    assert form["classification_threshold"] == 0.7553
    operator.post(f"/console/tenants/{acme.slug}/settings/", form)
    changed = Tenant.objects.get(slug="acme").settings
    assert (changed.classification_threshold, changed.retention_days) == (0.7553, 90)
    assert Tenant.objects.get(slug="globex").config_version == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"retention_days": 3}, "greater than or equal to 30"),
        ({"pii_policy": "maybe"}, "Select a valid choice"),
        ({"mime_allowlist": []}, "at least 1 item"),
        ({"injection_flag_threshold": 0.9}, "must be under injection_quarantine_threshold"),
        ({"version": 7}, "Somebody else changed the settings"),
    ],
)
def test_settings_out_of_range_stay_as_they_were(
    operator: Client, acme: Tenant, changes: dict[str, object], told: str
) -> None:
    page = operator.post("/console/tenants/acme/settings/", form_of(acme, **changes))
    assert page.status_code == 200
    assert told in page.text
    assert Tenant.objects.get(slug="acme").config_version == 1


@pytest.mark.parametrize("state", list(TenantState))
def test_the_page_offers_what_the_state_allows_and_says_why_not(
    operator: Client, acme: Tenant, globex: Tenant, state: TenantState
) -> None:
    Tenant.objects.filter(pk=acme.pk).update(state=state)
    acme.state = state
    interrupted = state in {S.PROVISIONING, S.DEPROVISIONING}
    page = operator.get("/console/tenants/acme/").text
    for each in possibilities(acme, is_interrupted=interrupted):
        address = reverse(f"admin:{each.name}", args=["acme"], urlconf="frostbyte.urls_public")
        assert (f'"{address}"' in page) == each.is_allowed, each
        assert each.is_allowed or each.why_not in page
    allowed = {
        each.name for each in possibilities(acme, is_interrupted=interrupted) if each.is_allowed
    }
    assert ("tenant_suspend" in allowed) == (S.SUSPENDED in TRANSITIONS[state])
    assert ("tenant_resume" in allowed) == (state == S.SUSPENDED)
    assert ("tenant_remove" in allowed) == (S.DEPROVISIONING in TRANSITIONS[state] or interrupted)
    assert ("interrupted" in page) == interrupted


def test_the_list_counts_and_shows_by_state(operator: Client, acme: Tenant, globex: Tenant) -> None:
    operator.post("/console/tenants/acme/suspend/")
    page = operator.get("/console/").text
    assert "All 2" in page
    assert "Suspended 1" in page
    assert "Active 1" in page
    narrowed = operator.get("/console/", {"state": "SUSPENDED"}).text
    assert "acme.localhost" in narrowed
    assert "globex.localhost" not in narrowed


def test_a_tenants_page_costs_the_same_for_a_long_life(operator: Client, acme: Tenant) -> None:
    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as caught:
            assert operator.get(address).status_code == 200
        return len(caught)

    addresses = ("/console/tenants/acme/", "/console/tenants/acme/settings/")
    few = [queries(address) for address in addresses]
    for days in range(40, 50):
        tenant_configure(tenant=acme, changes={"retention_days": days}, actor="tester")
        run = acme.lifecycle_runs.create(
            kind="deprovision", attempt=days, actor="t", state="failed"
        )
        run.steps.create(name="role", action="remove", state="failed")
    assert [queries(address) for address in addresses] == few


@pytest.fixture
def olga(committed: None) -> Iterator[Client]:
    """An operator outside any transaction."""
    user = operator_create(username="olga-outside", password=PASSWORD)
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    yield client
    user.delete()


def test_removal_shows_what_goes_and_needs_the_slug(olga: Client) -> None:
    tenant = tenant_provision(slug="leaving", name="Leaving Ltd", actor="tester")
    address = "/console/tenants/leaving/remove/"
    page = olga.get(address).text
    for told in ("Database schema and rows", "Objects", "API keys", "cannot be taken back"):
        assert told in page
    wrong = olga.post(address, {"confirm": "Leaving"})
    assert "is not the slug" in wrong.text
    tenant.refresh_from_db()
    assert tenant.state == S.ACTIVE
    done = olga.post(address, {"confirm": "leaving"}, follow=True).text
    assert "is removed; each store was seen to be empty" in done
    assert "0 left" in done
    assert "Deprovisioned" in done
    again = olga.get(address, follow=True).text
    assert "It is removed already" in again


def test_a_failed_set_up_is_shown_and_retried(
    olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        break_steps(
            patch,
            lambda step: replace(step, make=after(step.make)) if step is STEPS[-1] else step,
        )
        form = {"slug": "brittle", "name": "Brittle"}
        assert "everything was undone" in olga.post("/console/tenants/new/", form).text
    page = olga.get("/console/tenants/brittle/").text
    for told in ("Set-up, attempt 1: failed", "OSError", "not made in", "undone in"):
        assert told in page
    shown = olga.post("/console/tenants/brittle/retry/")
    assert "Copy it now" in shown.text
    assert "no-store" in shown.headers["Cache-Control"]
    assert Tenant.objects.get(slug="brittle").state == S.ACTIVE


def test_resuming_shows_the_new_key_once(operator: Client, acme: Tenant, globex: Tenant) -> None:
    operator.post("/console/tenants/acme/suspend/")
    page = operator.post("/console/tenants/acme/resume/").text
    text = page.split("data-secret>")[1].split("<")[0]
    assert api_key_authenticate(presented=text).tenant == acme
    assert text not in operator.get("/console/tenants/acme/").text
