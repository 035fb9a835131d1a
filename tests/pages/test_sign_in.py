"""Signing in: at one's own tenant, with one's own password, and nowhere else."""

import pytest
from django.test import Client

from audit.models import AuditEvent
from tenants.access.people import staff_create
from tenants.access.roles import TENANT_USER
from tenants.models import Tenant
from tests.pages.conftest import PASSWORD, host_of


@pytest.fixture
def at_acme(acme: Tenant) -> Client:
    staff_create(tenant=acme, username="ada", password=PASSWORD, role=TENANT_USER)
    return Client(headers={"host": host_of(acme)})


def _sign_in(client: Client, username: str, password: str) -> int:
    answer = client.post("/login/", {"username": username, "password": password})
    return answer.status_code


def test_the_page_names_the_tenant(at_acme: Client, acme: Tenant) -> None:
    assert acme.name in at_acme.get("/login/").text


def test_every_page_asks_for_sign_in_first(at_acme: Client) -> None:
    for address in ("/", "/search/", "/receipts/", "/upload/", "/documents/status/"):
        answer = at_acme.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/login/?next="), address


def test_the_right_password_leads_to_the_documents(at_acme: Client) -> None:
    assert _sign_in(at_acme, "ada", PASSWORD) == 302
    assert at_acme.get("/").status_code == 200


def test_a_wrong_password_is_told_and_recorded_without_the_name(
    at_acme: Client, acme: Tenant
) -> None:
    answer = at_acme.post("/login/", {"username": "ada", "password": "wrong"})
    assert "do not fit together" in answer.text
    event = AuditEvent.objects.filter(tenant=acme.slug, event_type="LOGIN_FAILED").get()
    assert "ada" not in str((event.actor, event.resource_id, event.details))


def test_nobody_signs_in_at_another_tenant(at_acme: Client, globex: Tenant) -> None:
    elsewhere = Client(headers={"host": host_of(globex)})
    assert _sign_in(elsewhere, "ada", PASSWORD) == 200
    assert elsewhere.get("/").status_code == 302


def test_a_session_is_worth_nothing_at_another_tenant(at_acme: Client, globex: Tenant) -> None:
    _sign_in(at_acme, "ada", PASSWORD)
    answer = at_acme.get("/", headers={"host": host_of(globex)})
    assert answer.status_code == 302


def test_signing_in_does_not_lead_to_another_host(at_acme: Client) -> None:
    form = {"username": "ada", "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert at_acme.post("/login/", form).headers["Location"] == "/"


def test_signing_out_ends_it(at_acme: Client) -> None:
    _sign_in(at_acme, "ada", PASSWORD)
    at_acme.post("/logout/")
    assert at_acme.get("/").status_code == 302


def test_a_new_password_counts(at_acme: Client) -> None:
    _sign_in(at_acme, "ada", PASSWORD)
    new = "another-horse-battery-8"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert at_acme.post("/password/", form).status_code == 302
    at_acme.post("/logout/")
    assert _sign_in(at_acme, "ada", PASSWORD) == 200
    assert _sign_in(at_acme, "ada", new) == 302
