"""The console: operators only, tenants' lives, no tenant's documents, no leak on the front page."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from tenants.access.people import operator_create
from tenants.access.roles import AUDITOR, TENANT_ADMIN
from tenants.models import ApiKey, Tenant
from tenants.stores import for_tenant
from tests.conftest import Receive
from tests.keys import api_key_authenticate
from tests.pages.conftest import PASSWORD, host_of, staff_client


def test_the_front_page_names_no_tenant(visitor: Client, acme: Tenant, globex: Tenant) -> None:
    page = visitor.get("/").text
    assert "Operators: sign in" in page
    for tenant in (acme, globex):
        assert tenant.slug not in page.lower()


def test_the_console_is_shut_to_all_but_operators(visitor: Client, acme: Tenant) -> None:
    User.objects.create_user("nina", password=PASSWORD)
    for address in ("/console/", f"/console/tenants/{acme.slug}/", "/console/audit/"):
        assert visitor.get(address).status_code == 302, address
    form = {"username": "nina", "password": PASSWORD}
    assert "do not fit together" in visitor.post("/console/login/", form).text


def test_tenants_staff_find_no_console(acme_admin: Client) -> None:
    assert acme_admin.get("/console/").status_code == 404


def test_an_operator_signs_in(visitor: Client, operator: Client) -> None:
    form = {"username": "olga", "password": PASSWORD, "next": "/console/"}
    assert visitor.post("/console/login/", form).headers["Location"] == "/console/"
    assert visitor.get("/console/").status_code == 200
    assert visitor.post("/console/logout/").status_code == 302
    assert visitor.get("/console/").status_code == 302


def test_an_operators_new_password_is_recorded(operator: Client) -> None:
    new = "another-horse-battery-8"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    done = operator.post("/console/password_change/", form, follow=True)
    assert done.request["PATH_INFO"] == "/console/password_change/done/"
    event = AuditEvent.objects.filter(tenant="platform").latest("sequence")
    assert (event.event_type, event.actor) == ("STAFF_CHANGED", "operator:olga")


def test_a_failed_sign_in_is_recorded(visitor: Client, db: None) -> None:
    visitor.post("/console/login/", {"username": "olga", "password": "wrong"})
    assert AuditEvent.objects.filter(tenant="platform", event_type="LOGIN_FAILED").count() == 1


def test_permissions_are_asked_for_each_page(visitor: Client, acme: Tenant) -> None:
    visitor.force_login(operator_create(username="aud", password=PASSWORD, role=AUDITOR))
    assert visitor.get("/console/audit/").status_code == 200
    assert visitor.get("/console/").headers["Location"] == "/console/audit/"
    assert "Tenants</a>" not in visitor.get("/console/audit/").text
    assert visitor.get(f"/console/tenants/{acme.slug}/").status_code == 403
    assert visitor.post(f"/console/tenants/{acme.slug}/suspend/").status_code == 403


def test_the_list_shows_every_tenant_and_finds_one(
    operator: Client, acme: Tenant, globex: Tenant
) -> None:
    page = operator.get("/console/").text
    assert host_of(acme) in page
    assert host_of(globex) in page
    found = operator.get("/console/", {"q": "glob"}).text
    assert host_of(globex) in found
    assert host_of(acme) not in found


def test_the_list_costs_the_same_for_few_and_many(operator: Client, acme: Tenant) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            operator.get("/console/")
        return len(caught)

    few = queries()
    for number in range(10):
        Tenant.objects.create(slug=f"extra-{number}", schema_name=f"t_extra_{number}")
    assert queries() == few


@pytest.fixture
def _no_bucket_left(db: None) -> Iterator[None]:
    yield
    for tenant in Tenant.objects.filter(slug="initech"):
        for_tenant(tenant).objects.destroy()


@pytest.mark.usefixtures("_no_bucket_left")
def test_onboarding_makes_a_tenant_that_works(operator: Client) -> None:
    form = {"slug": "initech", "name": "Initech"}
    answer = operator.post("/console/tenants/new/", form, follow=True)
    assert "Initech is ready" in answer.text
    assert Tenant.objects.get(slug="initech").state == "ACTIVE"
    newcomer = Client(headers={"host": "initech.localhost"})
    assert "Initech" in newcomer.get("/login/").text


@pytest.mark.parametrize(("slug", "told"), [("acme", "already"), ("Not a slug", "3 to 31")])
def test_a_slug_that_cannot_be_is_told(
    operator: Client, acme: Tenant, slug: str, told: str
) -> None:
    answer = operator.post("/console/tenants/new/", {"slug": slug, "name": "Someone"})
    assert answer.status_code == 200
    assert told in answer.text
    assert Tenant.objects.filter(name="Someone").count() == 0


def test_the_kill_switch_stops_one_tenant_only(
    operator: Client, acme_admin: Client, globex_admin: Client, acme: Tenant
) -> None:
    operator.post(f"/console/tenants/{acme.slug}/suspend/")
    stopped = acme_admin.get("/")
    assert stopped.status_code == 403
    assert "is suspended" in stopped.text
    assert globex_admin.get("/").status_code == 200
    again = operator.post(f"/console/tenants/{acme.slug}/suspend/", follow=True)
    assert "cannot become SUSPENDED" in again.text
    operator.post(f"/console/tenants/{acme.slug}/resume/")
    assert acme_admin.get("/").headers["Location"].startswith("/login/")
    assert staff_client(acme, "bob", TENANT_ADMIN).get("/").status_code == 200


def test_a_key_is_shown_once_works_and_is_revoked(operator: Client, acme: Tenant) -> None:
    form = {"name": "ERP", "scopes": ["query"], "expires_on": "2999-01-01"}
    page = operator.post(f"/console/tenants/{acme.slug}/keys/new/", form).text
    secret = re.search(r"fb_acme_[0-9a-f]+_[0-9a-f]+", page)
    assert secret
    key = api_key_authenticate(presented=secret[0])
    assert (key.name, key.scopes) == ("ERP", ["query"])
    assert secret[0] not in operator.get(f"/console/tenants/{acme.slug}/").text
    operator.post(f"/console/keys/{key.key_id}/revoke/")
    assert ApiKey.objects.get(pk=key.pk).revoked_at is not None
    assert "Revoked" in operator.get(f"/console/tenants/{acme.slug}/").text


def test_a_key_needs_a_scope_and_a_day_to_come(operator: Client, acme: Tenant) -> None:
    form = {"name": "ERP", "expires_on": "2001-01-01"}
    page = operator.post(f"/console/tenants/{acme.slug}/keys/new/", form).text
    assert "That day is over." in page
    assert "This field is required." in page
    assert not acme.api_keys.exists()


def test_a_suspended_tenant_gets_no_key(operator: Client, acme: Tenant) -> None:
    operator.post(f"/console/tenants/{acme.slug}/suspend/")
    form = {"name": "ERP", "scopes": ["query"]}
    answer = operator.post(f"/console/tenants/{acme.slug}/keys/new/", form, follow=True)
    assert "Only a tenant that is active" in answer.text
    assert not acme.api_keys.exists()


def test_the_audit_page_shows_one_chain_and_verifies_it(
    operator: Client, acme: Tenant, globex: Tenant
) -> None:
    operator.post(f"/console/tenants/{acme.slug}/suspend/")
    page = operator.get("/console/audit/", {"chain": "acme", "type": "TENANT_SUSPENDED"}).text
    assert "operator:olga" in page
    assert "operator:olga" not in operator.get("/console/audit/", {"chain": globex.slug}).text
    answer = operator.post("/console/audit/acme/verify/", follow=True)
    assert "The chain holds" in answer.text


def test_no_page_of_the_console_shows_a_document(
    operator: Client, acme: Tenant, receive: Receive
) -> None:
    receive(acme, "anvils.txt", b"Anvils are delivered on Tuesdays.")
    for address in (
        "/console/",
        f"/console/tenants/{acme.slug}/",
        f"/console/audit/?chain={acme.slug}",
    ):
        page = operator.get(address).text
        assert "anvils.txt" not in page, address
        assert "Tuesdays" not in page, address


def test_what_is_not_there_is_404(operator: Client) -> None:
    assert operator.get("/console/tenants/nobody/").status_code == 404
    assert operator.post("/console/keys/ffff/revoke/").status_code == 404
    assert operator.post("/console/audit/nobody/verify/").status_code == 404
