"""Locked out after five failures, by name and address, in one tenant only, and for a time."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from audit.models import AuditEvent
from tenants.access.lockout import NOISE_LIMIT, PEOPLE_LIMIT
from tenants.access.people import operator_create, staff_create
from tenants.access.roles import TENANT_USER
from tenants.models import Tenant
from tests.pages.conftest import PASSWORD, host_of

AWAY = "203.0.113.9"


@pytest.fixture
def kims(acme: Tenant, globex: Tenant) -> tuple[Client, Client]:
    """A browser at each tenant; at both someone is called kim."""
    for tenant in (acme, globex):
        staff_create(tenant=tenant, username="kim", password=PASSWORD, role=TENANT_USER)
    return Client(headers={"host": host_of(acme)}), Client(headers={"host": host_of(globex)})


def sign_in(client: Client, password: str, username: str = "kim", **options: Any) -> int:
    form = {"username": username, "password": password}
    return client.post("/login/", form, **options).status_code


def fail(client: Client, times: int = PEOPLE_LIMIT, **options: Any) -> list[int]:
    return [sign_in(client, "wrong", **options) for _ in range(times)]


def test_the_fifth_failure_locks_and_says_for_how_long(kims: tuple[Client, Client]) -> None:
    at_acme, _ = kims
    assert fail(at_acme) == [200, 200, 200, 200, 429]
    answer = at_acme.post("/login/", {"username": "kim", "password": PASSWORD})
    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert "15 minutes" in answer.text
    assert at_acme.get("/").status_code == 302


def test_the_other_tenants_person_of_that_name_gets_in(kims: tuple[Client, Client]) -> None:
    at_acme, at_globex = kims
    fail(at_acme)
    assert sign_in(at_globex, PASSWORD) == 302
    assert sign_in(at_acme, PASSWORD) == 429


def test_other_names_and_other_addresses_get_in(kims: tuple[Client, Client], acme: Tenant) -> None:
    at_acme, _ = kims
    staff_create(tenant=acme, username="lou", password=PASSWORD)
    fail(at_acme)
    assert sign_in(at_acme, PASSWORD, "lou") == 302
    assert sign_in(at_acme, PASSWORD, REMOTE_ADDR=AWAY) == 302


def test_a_name_and_an_address_do_not_run_into_each_other(kims: tuple[Client, Client]) -> None:
    at_acme, _ = kims
    for _ in range(PEOPLE_LIMIT):
        sign_in(at_acme, "wrong", "kim1", REMOTE_ADDR="1.2.3.4")
    assert sign_in(at_acme, PASSWORD, "kim", REMOTE_ADDR="11.2.3.4") == 302


def test_unknown_names_are_told_and_locked_alike(kims: tuple[Client, Client]) -> None:
    at_acme, _ = kims
    known = at_acme.post("/login/", {"username": "kim", "password": "wrong"})
    unknown = at_acme.post("/login/", {"username": "who", "password": "wrong"})
    message = "User name and password do not fit together."
    assert message in known.text
    assert message in unknown.text
    assert fail(at_acme, 4, username="who") == [200, 200, 200, 429]


def test_success_forgets_failures(kims: tuple[Client, Client]) -> None:
    at_acme, _ = kims
    for _ in range(3):
        assert fail(at_acme, 4) == [200] * 4
        assert sign_in(at_acme, PASSWORD) == 302
        at_acme.post("/logout/")


def test_a_forwarded_address_is_not_believed_unless_a_proxy_is_named(
    kims: tuple[Client, Client], settings: Any
) -> None:
    at_acme, _ = kims
    for number in range(PEOPLE_LIMIT):
        sign_in(at_acme, "wrong", headers={"x-forwarded-for": f"198.51.100.{number}"})
    assert sign_in(at_acme, PASSWORD, headers={"x-forwarded-for": AWAY}) == 429
    settings.PROXY_COUNT = 1
    forged = {"x-forwarded-for": f"198.51.100.1, {AWAY}"}
    assert fail(at_acme, headers=forged)[-1] == 429
    assert sign_in(at_acme, PASSWORD, headers={"x-forwarded-for": f"192.0.2.1, {AWAY}"}) == 429
    assert sign_in(at_acme, PASSWORD, headers={"x-forwarded-for": "192.0.2.1"}) == 302


def test_what_is_recorded(kims: tuple[Client, Client], caplog: pytest.LogCaptureFixture) -> None:
    at_acme, _ = kims
    with caplog.at_level("DEBUG"):
        fail(at_acme, PEOPLE_LIMIT + 1)
    events = AuditEvent.objects.filter(tenant="acme", resource_type="sign-in").order_by("sequence")
    told = [(event.event_type, event.details["status"]) for event in events]
    assert told == [
        *[("LOGIN_FAILED", "refused")] * 4,
        ("LOGIN_LOCKED", "locked"),
        ("LOGIN_FAILED", "locked"),
    ]
    assert not AuditEvent.objects.filter(tenant="globex", resource_type="sign-in").exists()
    assert "kim" not in str([(event.actor, event.details) for event in events])
    assert "kim" not in caplog.text


def test_the_console_counts_for_itself(kims: tuple[Client, Client]) -> None:
    at_acme, _ = kims
    operator_create(username="kim", password=PASSWORD)
    console = Client(headers={"host": "localhost"})
    form = {"username": "kim", "password": "wrong"}
    codes = [console.post("/console/login/", form).status_code for _ in range(PEOPLE_LIMIT)]
    assert codes == [200, 200, 200, 200, 429]
    assert sign_in(at_acme, PASSWORD) == 302
    call_command("lockout", "reset", "acme")
    right = {"username": "kim", "password": PASSWORD}
    assert console.post("/console/login/", right).status_code == 429
    call_command("lockout", "reset", "platform")
    assert console.post("/console/login/", right).status_code == 302


def test_the_command_lets_one_tenants_people_in(kims: tuple[Client, Client]) -> None:
    at_acme, at_globex = kims
    fail(at_acme)
    fail(at_globex)
    call_command("lockout", "reset", "acme")
    assert sign_in(at_acme, PASSWORD) == 302
    assert sign_in(at_globex, PASSWORD) == 429


def test_bad_keys_are_slowed_and_good_ones_are_not(acme: Tenant, globex: Tenant) -> None:
    from tests.api.conftest import Caller, assert_problem, new_key

    bad, good = Caller("acme.localhost", "fb_acme_0_0"), Caller("acme.localhost", new_key(acme))
    for _ in range(NOISE_LIMIT):
        response = bad.post_json("/api/v1/auth/token", {})
        assert_problem(response, 401, "AUTHENTICATION_REQUIRED")
    response = bad.post_json("/api/v1/auth/token", {})
    assert_problem(response, 429, "SIGN_IN_LOCKED")
    assert response["Retry-After"] == "900"
    assert good.post_json("/api/v1/auth/token", {}).status_code == 200
    assert Caller("globex.localhost", new_key(globex)).get("/api/v1/documents").status_code == 200
    locked = AuditEvent.objects.filter(tenant="platform", event_type="LOGIN_LOCKED")
    assert locked.count() == 1


def test_without_the_cache_nobody_signs_in_and_all_are_told(
    kims: tuple[Client, Client], settings: Any
) -> None:
    at_acme, _ = kims
    settings.CACHES = {
        **settings.CACHES,
        "lockout": {**settings.CACHES["lockout"], "LOCATION": "redis://127.0.0.1:1/0"},
    }
    from axes.handlers.proxy import AxesProxyHandler

    AxesProxyHandler.get_implementation(force=True)
    try:
        answer = at_acme.post("/login/", {"username": "kim", "password": PASSWORD})
    finally:
        AxesProxyHandler.implementation = None
    assert "Nobody can sign in at this moment" in answer.text
    assert at_acme.get("/").status_code == 302
