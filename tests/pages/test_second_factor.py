"""The console's second step: nobody is in before it, a code counts once, wrong ones lock."""

import re
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any
from xml.etree import ElementTree as ET

import pyotp
import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from audit.models import AuditEvent
from tenants.access.lockout import PEOPLE_LIMIT
from tenants.access.people import operator_create, operator_get, operator_set_active
from tenants.access.roles import AUDITOR
from tenants.models import Totp
from tests.pages.conftest import PASSWORD

API = "/api/v1/admin/tenants"


class Clock:
    """The time that codes are told by."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000.0
        monkeypatch.setattr("tenants.access.totp.time.time", lambda: self.now)

    def pass_(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture(autouse=True)
def _no_counts() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def browser() -> Client:
    return Client(headers={"host": "localhost"})


def password(client: Client, username: str = "olga", to: str = "") -> str:
    """Give the password, and return where that leads."""
    form = {"username": username, "password": PASSWORD, **({"next": to} if to else {})}
    answer = client.post("/console/login/", form)
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


def is_in(client: Client) -> bool:
    by_page = client.get("/console/").status_code == 200
    assert (client.get(API).status_code == 200) == by_page
    return by_page


class Device:
    """An authenticator that has read the secret from the page."""

    def __init__(self, page: str, clock: Clock) -> None:
        found = re.search(r"data-secret>([A-Z2-7]{32})<", page)
        assert found
        self.secret = found[1]
        self.clock = clock

    def code(self, *, later: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(int(self.clock.now) + later)


@pytest.fixture
def device(db: None, clock: Clock, settings: Any) -> Device:
    """Olga's device: she had to set it up when she signed in."""
    settings.REQUIRE_OPERATOR_TOTP = True
    operator_create(username="olga", password=PASSWORD)
    client = browser()
    assert password(client) == "/console/second-factor/"
    device = Device(client.get("/console/second-factor/").text, clock)
    assert client.post("/console/second-factor/", {"code": device.code()}).status_code == 200
    client.post("/console/logout/")
    clock.pass_(60)
    return device


def enter(client: Client, code: str) -> int:
    return client.post("/console/code/", {"code": code}).status_code


def test_without_the_rule_and_a_device_the_password_is_enough(db: None) -> None:
    operator_create(username="olga", password=PASSWORD)
    client = browser()
    assert password(client) == "/console/"
    assert is_in(client)


def test_with_the_rule_nobody_is_in_before_the_device_is_set_up(
    db: None, clock: Clock, settings: Any
) -> None:
    settings.REQUIRE_OPERATOR_TOTP = True
    operator_create(username="aud", password=PASSWORD, role=AUDITOR)
    client = browser()
    assert password(client, "aud", to="/console/audit/") == "/console/second-factor/"
    assert client.get("/console/audit/").status_code == 302
    page = client.get("/console/second-factor/").text
    device = Device(page, clock)
    assert Device(client.get("/console/second-factor/").text, clock).secret == device.secret
    refused = client.post("/console/second-factor/", {"code": "000000"})
    assert "is wrong" in refused.text
    assert client.get("/console/audit/").status_code == 302
    done = client.post("/console/second-factor/", {"code": device.code()}).text
    codes = re.findall(r"<li>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</li>", done)
    assert len(set(codes)) == 10
    assert 'href="/console/audit/"' in done
    assert client.get("/console/audit/").status_code == 200
    assert codes[0] not in client.get("/console/second-factor/").text


def test_the_picture_holds_the_secret_and_is_for_its_person_alone(
    db: None, clock: Clock, settings: Any
) -> None:
    settings.REQUIRE_OPERATOR_TOTP = True
    operator_create(username="olga", password=PASSWORD)
    client = browser()
    assert browser().get("/console/second-factor/qr.svg").status_code == 404
    password(client)
    picture = client.get("/console/second-factor/qr.svg")
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert "no-store" in picture.headers["Cache-Control"]
    root = ET.fromstring(picture.content)  # noqa: S314 - made here
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    page = client.get("/console/second-factor/").text
    assert 'src="/console/second-factor/qr.svg"' in page
    assert "data:" not in page


def test_the_code_is_the_second_step(device: Device) -> None:
    client = browser()
    assert password(client) == "/console/code/"
    assert not is_in(client)
    assert enter(client, "000000") == 200
    assert not is_in(client)
    before = client.cookies["sessionid"].value
    assert enter(client, f" {device.code()[:3]} {device.code()[3:]} ") == 302
    assert client.cookies["sessionid"].value != before
    assert is_in(client)


def test_who_asked_for_no_page_is_led_to_the_console(device: Device) -> None:
    client = browser()
    assert password(client) == "/console/code/"
    answer = client.post("/console/code/", {"code": device.code()}, follow=True)
    assert answer.redirect_chain == [("/console/", 302)]
    assert answer.status_code == 200


def test_a_code_counts_once(device: Device, clock: Clock) -> None:
    first, second = browser(), browser()
    password(first)
    password(second)
    code = device.code()
    assert enter(first, code) == 302
    assert enter(second, code) == 200
    assert enter(second, device.code(later=-30)) == 200
    assert not is_in(second)
    clock.pass_(30)
    assert enter(second, device.code()) == 302


@pytest.mark.parametrize(("later", "status"), [(-60, 200), (-30, 302), (30, 302), (60, 200)])
def test_clocks_may_be_one_step_apart(device: Device, later: int, status: int) -> None:
    client = browser()
    password(client)
    assert enter(client, device.code(later=later)) == status


def test_a_recovery_code_works_once(db: None, clock: Clock, settings: Any) -> None:
    settings.REQUIRE_OPERATOR_TOTP = True
    operator_create(username="olga", password=PASSWORD)
    client = browser()
    password(client)
    device = Device(client.get("/console/second-factor/").text, clock)
    done = client.post("/console/second-factor/", {"code": device.code()}).text
    codes = re.findall(r"<li>([a-z2-7-]{19})</li>", done)
    row = Totp.objects.values().get()
    assert codes[0] not in str(row)
    assert device.secret not in str(row)
    for number, expected in ((0, 302), (0, 200), (1, 302)):
        again = browser()
        password(again)
        assert enter(again, codes[number].upper()) == expected
    assert "8 recovery codes left" in client.get("/console/second-factor/").text


def test_wrong_codes_lock_the_step(device: Device) -> None:
    client = browser()
    password(client)
    codes = [enter(client, "000000") for _ in range(PEOPLE_LIMIT)]
    assert codes == [200, 200, 200, 200, 429]
    password(client)
    assert enter(client, device.code()) == 429
    assert not is_in(client)
    events = AuditEvent.objects.filter(tenant="platform", resource_type="code")
    assert events.filter(event_type="LOGIN_LOCKED").count() == 1
    assert "olga" not in str([(event.actor, event.details) for event in events])
    call_command("lockout", "reset", "platform", stdout=StringIO())
    assert enter(client, device.code()) == 302


def test_the_step_waits_five_minutes(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    client = browser()
    password(client)
    later = time.time() + 301
    monkeypatch.setattr("tenants.access.second_step.time.time", lambda: later)
    assert client.post("/console/code/", {"code": device.code()}).headers["Location"] == (
        "/console/login/"
    )


def test_a_person_who_is_shut_out_between_the_steps_stays_out(device: Device) -> None:
    client = browser()
    password(client)
    operator_set_active(user=operator_get(username="olga"), is_active=False, actor="tester")
    assert client.post("/console/code/", {"code": device.code()}).headers["Location"] == (
        "/console/login/"
    )


def test_the_step_leads_to_no_other_host(device: Device) -> None:
    client = browser()
    password(client, to="https://elsewhere.example/")
    answer = client.post("/console/code/", {"code": device.code()})
    assert answer.headers["Location"] == "/console/"


def test_the_command_takes_it_away_and_ends_sessions(device: Device, clock: Clock) -> None:
    client = browser()
    password(client)
    enter(client, device.code())
    call_command("operator", "reset-totp", "olga", stdout=StringIO())
    assert not is_in(client)
    assert password(client) == "/console/second-factor/"
    assert Device(client.get("/console/second-factor/").text, clock).secret != device.secret


def test_a_secret_key_that_changed_is_told(device: Device, settings: Any) -> None:
    settings.SECRET_KEY = "another one"
    client = browser()
    password(client)
    answer = client.post("/console/code/", {"code": "000000"})
    assert answer.status_code == 500
    assert "SECRET_UNREADABLE" in answer.text
