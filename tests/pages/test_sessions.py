"""Sessions end by time, by hand, with person and tenant; they count in one tenant only."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from frostbyte.settings.env import PROJECT_DIR
from tenants.access.people import staff_create
from tenants.access.roles import TENANT_USER
from tenants.context import tenant_context
from tenants.models import Tenant
from tenants.services import tenant_resume, tenant_suspend
from tenants.tasks import clear_sessions
from tests.pages.conftest import PASSWORD, host_of, staff_client

HOUR = 60 * 60
COOKIE = "sessionid"


class Clock:
    """The time that sessions are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr("tenants.access.sessions.time.time", lambda: self.now)

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def sign_in(tenant: Tenant, username: str = "kim") -> Client:
    client = Client(headers={"host": host_of(tenant)})
    form = {"username": username, "password": PASSWORD}
    assert client.post("/login/", form).status_code == 302
    return client


@pytest.fixture
def kim(acme: Tenant, globex: Tenant, clock: Clock) -> Client:
    """Someone who has just signed in at acme; globex has someone of that name as well."""
    for tenant in (acme, globex):
        staff_create(tenant=tenant, username="kim", password=PASSWORD, role=TENANT_USER)
    return sign_in(acme)


def is_in(client: Client, **headers: str) -> bool:
    return client.get("/", headers=headers).status_code == 200


def test_a_session_ends_when_nobody_is_seen_for_an_hour(kim: Client, clock: Clock) -> None:
    clock.pass_(HOUR - 1)
    assert is_in(kim)
    clock.pass_(HOUR - 1)
    assert is_in(kim)
    clock.pass_(HOUR)
    assert not is_in(kim)
    clock.pass_(-HOUR)
    assert not is_in(kim)


def test_what_a_page_asks_by_itself_keeps_no_session_alive(kim: Client, clock: Clock) -> None:
    for _ in range(3):
        clock.pass_(HOUR / 3)
        kim.get("/documents/status/")
    assert not is_in(kim)


def test_a_session_ends_twelve_hours_after_sign_in(kim: Client, clock: Clock) -> None:
    for _ in range(23):
        clock.pass_(HOUR / 2)
        assert is_in(kim)
    clock.pass_(HOUR / 2)
    assert not is_in(kim)


def test_signing_in_changes_the_sessions_name(acme: Tenant, globex: Tenant) -> None:
    staff_create(tenant=acme, username="kim", password=PASSWORD)
    client = Client(headers={"host": host_of(acme)})
    with tenant_context(acme):
        session = client.session
        session["planted"] = "by someone else"
        session.save()
    client.cookies[COOKIE] = planted = str(session.session_key)
    form = {"username": "kim", "password": PASSWORD}
    assert client.post("/login/", form).status_code == 302
    assert client.cookies[COOKIE].value != planted
    other = Client(headers={"host": host_of(acme)})
    other.cookies[COOKIE] = planted
    assert not is_in(other)


def test_a_session_of_one_tenant_is_nothing_in_the_other(
    kim: Client, acme: Tenant, globex: Tenant
) -> None:
    key = kim.cookies[COOKIE].value
    with tenant_context(acme):
        assert Session.objects.filter(session_key=key).exists()
    with tenant_context(globex):
        assert not Session.objects.filter(session_key=key).exists()
    assert not Session.objects.filter(session_key=key).exists()
    for host in (host_of(globex), "localhost"):
        stolen = Client(headers={"host": host})
        stolen.cookies[COOKIE] = key
        path = "/console/" if host == "localhost" else "/"
        assert stolen.get(path).status_code == 302


def test_the_cookie_is_for_its_host_only(kim: Client) -> None:
    cookie = kim.cookies[COOKIE]
    assert cookie["domain"] == ""
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_production_gives_cookies_that_browsers_tie_to_host_and_tls() -> None:
    code = (
        "from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_DOMAIN, s.SESSION_COOKIE_PATH)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "frostbyte.settings.prod",
            "FROSTBYTE_SECRET_KEY": "for this test",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.split() == [
        "__Host-frostbyte-session", "__Host-frostbyte-csrf", "True", "True", "None", "/",
    ]  # fmt: skip


def test_signing_out_everywhere(kim: Client, acme: Tenant, globex: Tenant) -> None:
    second, theirs = sign_in(acme), sign_in(globex)
    assert "Sign out everywhere" in kim.get("/password/").text
    assert kim.get("/sign-out-everywhere/").status_code == 405
    kim.post("/sign-out-everywhere/")
    assert [is_in(client) for client in (kim, second, theirs)] == [False, False, True]


def test_an_operator_signs_out_everywhere(operator: Client) -> None:
    assert "Sign out everywhere" in operator.get("/console/password_change/").text
    assert operator.post("/sign-out-everywhere/").status_code == 302
    assert operator.get("/console/").status_code == 302


def test_a_new_password_ends_the_other_sessions(kim: Client, acme: Tenant, globex: Tenant) -> None:
    second, theirs = sign_in(acme), sign_in(globex)
    new = "another-horse-battery-8"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert kim.post("/password/", form).status_code == 302
    assert [is_in(client) for client in (kim, second, theirs)] == [True, False, True]
    event = AuditEvent.objects.filter(tenant="acme").latest("sequence")
    assert (event.event_type, event.actor, event.resource_id) == (
        "STAFF_CHANGED",
        "user:kim",
        "kim",
    )
    assert event.details["changed"] == "password"


def test_sessions_of_a_suspended_tenant_do_not_come_back(acme: Tenant, globex: Tenant) -> None:
    ours, theirs = (staff_client(each, "uma", TENANT_USER) for each in (acme, globex))
    tenant_suspend(tenant=acme, actor="tester")
    assert ours.get("/").status_code == 403
    tenant_resume(tenant=acme, actor="tester")
    assert not is_in(ours)
    assert is_in(theirs)


def test_a_key_beside_a_session_lends_it_nothing(kim: Client, acme: Tenant, clock: Clock) -> None:
    """Neither rights nor time: what is asked with a key is asked by the key alone."""
    from tests.api.conftest import new_key

    bearing = {"Authorization": f"Bearer {new_key(acme)}"}
    assert is_in(kim)
    assert not is_in(kim, **bearing)
    assert is_in(kim)
    clock.pass_(HOUR)
    assert not is_in(kim, **bearing)


def test_sessions_that_are_over_are_cleared(
    kim: Client, operator: Client, acme: Tenant, globex: Tenant
) -> None:
    sign_in(globex)
    for tenant in (acme, globex):
        with tenant_context(tenant):
            Session(session_key="over", session_data="", expire_date=timezone.now()).save()
    Session(session_key="over", session_data="", expire_date=timezone.now()).save()
    clear_sessions()
    assert not Session.objects.filter(session_key="over").exists()
    assert Session.objects.filter(expire_date__gt=timezone.now()).exists()
    for tenant in (acme, globex):
        with tenant_context(tenant):
            assert not Session.objects.filter(session_key="over").exists()
            assert Session.objects.filter(expire_date__gt=timezone.now()).count() == 1


def test_a_visitor_and_a_key_cost_no_look_at_sessions(
    acme: Tenant, globex: Tenant, django_assert_num_queries: Any
) -> None:
    from tests.api.conftest import Caller, new_key

    caller = Caller(host_of(acme), new_key(acme))
    caller.get("/api/v1/documents")
    with django_assert_num_queries(5):
        assert caller.get("/api/v1/documents").status_code == 200
    with django_assert_num_queries(5):
        headers = {"Cookie": f"{COOKIE}=abcdefghijklmnopqrstuvwxyz012345"}
        assert caller.get("/api/v1/documents", headers=headers).status_code == 200
