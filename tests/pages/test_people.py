"""The people's page: for administrators, of their own tenant, with links that work once."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from audit.models import AuditEvent
from tenants.access.roles import AUDITOR, TENANT_ROLES, TENANT_USER, role_of
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.conftest import Receive
from tests.pages.conftest import PASSWORD, host_of, staff_client


@pytest.fixture
def acme_auditor(acme: Tenant) -> Client:
    """Someone of acme who may read the record alone."""
    return staff_client(acme, "aud", AUDITOR)


def link_in(page: str) -> str:
    found = re.search(r"http://acme\.localhost(/invitation/[^<\s]+)", page)
    assert found
    return found[1]


def add(admin: Client, username: str = "kim") -> str:
    """Add a person by the form, and return the path of the link that is shown."""
    form = {"username": username, "email": "", "role": TENANT_USER}
    return link_in(admin.post("/people/new/", form).text)


def set_password(path: str, password: str, host: str = "acme.localhost") -> int:
    visitor = Client(headers={"host": host})
    opened = visitor.get(path, follow=True)
    if "does not work any more" in opened.text:
        return 410
    assert path not in opened.request["PATH_INFO"]
    form = {"new_password1": password, "new_password2": password}
    return visitor.post(opened.request["PATH_INFO"], form).status_code


def test_a_new_person_sets_a_password_once(acme_admin: Client, acme: Tenant) -> None:
    path = add(acme_admin)
    assert set_password(path, PASSWORD) == 302
    event = AuditEvent.objects.filter(tenant=acme.slug).latest("sequence")
    assert (event.event_type, event.actor, event.resource_id) == (
        "STAFF_CHANGED",
        "user:kim",
        "kim",
    )
    assert set_password(path, "another-horse-battery-9") == 410
    kim = Client(headers={"host": host_of(acme)})
    assert kim.post("/login/", {"username": "kim", "password": PASSWORD}).status_code == 302
    assert "/invitation/" not in acme_admin.get("/people/").text


def test_a_link_is_worth_nothing_elsewhere_or_changed(
    acme_admin: Client, globex_admin: Client, globex: Tenant
) -> None:
    path = add(acme_admin)
    globex_admin.post("/people/new/", {"username": "kim", "email": "", "role": TENANT_USER})
    assert set_password(path, PASSWORD, host_of(globex)) == 410
    assert set_password(path[:-2] + "x/", PASSWORD) == 410
    assert Client(headers={"host": "localhost"}).get(path).status_code == 404


def test_a_weak_password_is_told(acme_admin: Client) -> None:
    assert set_password(add(acme_admin), "elevenchars") == 200
    assert set_password(add(acme_admin, "lou"), "123456789012") == 200


def test_what_cannot_be_added_is_told(acme_admin: Client) -> None:
    for username, role in (("ada", TENANT_USER), ("", TENANT_USER), ("a/b", TENANT_USER)):
        page = acme_admin.post("/people/new/", {"username": username, "role": role})
        assert "errorlist" in page.text, username
    page = acme_admin.post("/people/new/", {"username": "kim", "role": "operator"})
    assert "errorlist" in page.text


def test_roles_change_and_people_leave(acme_admin: Client, acme: Tenant, globex: Tenant) -> None:
    uma = staff_client(acme, "uma", TENANT_USER)
    assert uma.get("/upload/").status_code == 403
    acme_admin.post("/people/uma/role/", {"role": "tenant_admin"})
    assert uma.get("/upload/").status_code == 200
    acme_admin.post("/people/uma/active/", {"active": "no"})
    assert uma.get("/").status_code == 302
    assert "Deactivated" in acme_admin.get("/people/").text
    acme_admin.post("/people/uma/active/", {"active": "yes"})
    assert uma.get("/").status_code == 302
    events = AuditEvent.objects.filter(tenant="acme", event_type="STAFF_CHANGED")
    assert {event.actor for event in events} == {"user:ada"}
    assert events.count() == 3
    with tenant_context(acme):
        user = User.objects.get(username="uma")
        assert role_of(user, roles=TENANT_ROLES) == "tenant_admin"


def test_a_new_link_takes_the_old_password_and_sessions(acme_admin: Client, acme: Tenant) -> None:
    uma = staff_client(acme, "uma", TENANT_USER)
    path = link_in(acme_admin.post("/people/uma/invite/").text)
    assert uma.get("/").status_code == 302
    again = Client(headers={"host": host_of(acme)})
    assert again.post("/login/", {"username": "uma", "password": PASSWORD}).status_code == 200
    assert set_password(path, "another-horse-battery-9") == 302


def test_the_last_administrator_cannot_leave(acme_admin: Client, acme: Tenant) -> None:
    page = acme_admin.post("/people/ada/active/", {"active": "no"}, follow=True).text
    assert "last administrator" in page
    page = acme_admin.post("/people/ada/role/", {"role": "auditor"}, follow=True).text
    assert "last administrator" in page
    assert acme_admin.get("/people/").status_code == 200


def test_nobody_else_manages_people(
    acme_user: Client, acme_auditor: Client, globex_admin: Client, acme: Tenant
) -> None:
    for client in (acme_user, acme_auditor):
        for path in ("/people/", "/people/new/"):
            assert client.get(path).status_code == 403
        for path in ("/people/uma/role/", "/people/uma/active/", "/people/uma/invite/"):
            assert client.post(path, {"role": "tenant_admin"}).status_code == 403
        assert "People</a>" not in client.get("/", follow=True).text
    assert globex_admin.post("/people/uma/active/", {"active": "no"}).status_code == 404
    assert "uma" not in globex_admin.get("/people/").text


def test_an_auditor_sees_the_record_and_no_content(
    acme_auditor: Client, acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    receive(acme, "anvils.txt", b"Anvils are delivered on Tuesdays.\n")
    receive(globex, "theirs.txt", b"Nothing of theirs is shown to others.\n")
    home = acme_auditor.get("/", follow=True)
    assert home.request["PATH_INFO"] == "/audit/"
    assert "DOCUMENT_INGESTED" in home.text
    assert "anvils.txt" not in home.text
    for path in ("/search/", "/receipts/", "/upload/", "/documents/status/"):
        assert acme_auditor.get(path).status_code == 403, path
    for path in ("/api/v1/documents", "/api/v1/query"):
        assert acme_auditor.get(path).status_code in (403, 405), path
    events = acme_auditor.get("/api/v1/audit/events").json()["results"]
    assert {event["tenant"] for event in events} == {"acme"}
    done = acme_auditor.post("/audit/verify/", follow=True)
    assert "The chain holds" in done.text


def test_a_user_has_no_audit_page_and_sees_own_receipts_only(
    acme_user: Client, acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "anvils.txt", b"Anvils are delivered on Tuesdays.\n")
    assert acme_user.get("/audit/").status_code == 403
    assert "anvils.txt" not in acme_user.get("/receipts/").text
    for path in (f"/receipts/{receipt.pk}/", f"/api/v1/receipts/{receipt.pk}"):
        assert acme_user.get(path).status_code == 403, path
        assert acme_admin.get(path).status_code == 200, path
    assert acme_admin.get("/audit/").status_code == 200
