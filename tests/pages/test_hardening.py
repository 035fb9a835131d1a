"""What holds for every page: nothing of other hosts, nothing inline, a title, a skip link."""

import re

import pytest
from django.test import Client

from tenants.models import Tenant
from tests.pages.conftest import Publish, first_chunk_id

STAFF_PAGES = (
    "/",
    "/upload/",
    "/receipts/",
    "/search/",
    "/password/",
    "/people/",
    "/people/new/",
    "/audit/",
    "/no-such-page/",
)
PUBLIC_PAGES = ("/", "/console/login/", "/no-such-page/")
CONSOLE_PAGES = ("/console/", "/console/tenants/new/", "/console/tenants/acme/",
                 "/console/tenants/acme/keys/new/", "/console/audit/", "/console/second-factor/",
                 "/console/password_change/")  # fmt: skip
OTHER_HOST = re.compile(r"""(?:href|src|action|data-\w+)=["']?(?:https?:)?//""", re.IGNORECASE)
INLINE = re.compile(r"<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)
SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)


def _assert_hardened(client: Client, address: str) -> None:
    answer = client.get(address)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy, address
    assert "default-src 'none'" in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    page = answer.text
    assert not OTHER_HOST.search(page), address
    assert not INLINE.search(page), address
    for attributes, code in SCRIPT.findall(page):
        assert not code.strip() or "application/json" in attributes, address
    assert re.search(r"<title>\s*\S", page), address
    assert 'href="#main"' in page, address


@pytest.mark.parametrize("address", STAFF_PAGES)
def test_staff_pages(acme_admin: Client, globex: Tenant, address: str) -> None:
    _assert_hardened(acme_admin, address)


def test_browsers_keep_no_copy(acme_admin: Client, operator: Client) -> None:
    for client, address in ((acme_admin, "/"), (acme_admin, "/search/"), (operator, "/console/")):
        assert "no-store" in client.get(address).headers["Cache-Control"], address


@pytest.mark.parametrize("address", PUBLIC_PAGES)
def test_public_pages(visitor: Client, acme: Tenant, globex: Tenant, address: str) -> None:
    _assert_hardened(visitor, address)


@pytest.mark.parametrize("address", CONSOLE_PAGES)
def test_console_pages(operator: Client, acme: Tenant, globex: Tenant, address: str) -> None:
    _assert_hardened(operator, address)


def test_pages_with_content(
    acme_admin: Client, acme: Tenant, globex: Tenant, publish: Publish
) -> None:
    document = publish(acme, "links.txt", b'See "http://elsewhere.example/x" and <img onerror=y>.')
    chunk = first_chunk_id(acme, document)
    asked = acme_admin.post("/search/", {"query_text": "where to look"})
    for address in (f"/documents/{document.pk}/?chunk={chunk}", asked.headers["Location"]):
        answer = acme_admin.get(address)
        assert "elsewhere.example" in answer.text
        assert "<img onerror" not in answer.text
        assert not re.search(r"""(?:href|src)=["']?https?:""", answer.text)


def test_every_field_has_a_label(acme_admin: Client, operator: Client, acme: Tenant) -> None:
    for client, address in (
        (acme_admin, "/"),
        (acme_admin, "/search/"),
        (acme_admin, "/password/"),
        (operator, "/console/tenants/new/"),
    ):
        page = client.get(address).text
        labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page))
        fields = re.findall(r'<input(?![^>]*type="hidden")[^>]* id="([^"]+)"', page)
        assert fields, address
        assert set(fields) <= labelled, address
