"""The search page: answers with proofs, and no trace of the question in an address."""

import re
from html import unescape

import pytest
from django.test import Client

from tenants.models import Tenant
from tests.pages.conftest import Publish

QUESTION = "On which day do the anvils come?"
ANVILS = b"Anvils are delivered on Tuesdays, before noon, at the gate of the yard.\n"
SERUM = b"The serum is kept at four degrees and delivered with the anvils on Fridays.\n"


def _ask(client: Client, text: str = QUESTION) -> str:
    answer = client.post("/search/", {"query_text": text, "top_k": "5"})
    assert answer.status_code == 302
    return answer.headers["Location"]


def test_the_answer_has_an_address_without_the_question(acme_admin: Client) -> None:
    address = _ask(acme_admin)
    assert re.fullmatch(r"/search/[0-9a-f-]{36}/", address)


def test_the_answer_cites_the_tenants_own_document(
    acme_admin: Client, acme: Tenant, globex: Tenant, publish: Publish
) -> None:
    document = publish(acme, "anvils.txt", ANVILS)
    publish(globex, "serum.txt", SERUM)
    address = _ask(acme_admin)
    for _look in range(2):
        page = acme_admin.get(address).text
        assert "delivered on Tuesdays" in page
        assert "serum" not in page
        assert document.sha256 in page
        assert QUESTION in unescape(page)


def test_the_link_of_a_hit_leads_to_the_marked_passage(
    acme_admin: Client, acme: Tenant, publish: Publish
) -> None:
    publish(acme, "anvils.txt", ANVILS)
    page = acme_admin.get(_ask(acme_admin)).text
    link = re.search(r'href="(/documents/[^"#]+\?chunk=[^"#]+)#p-', page)
    assert link
    assert "<mark>Anvils are delivered" in acme_admin.get(link[1]).text


def test_a_proof_verifies_and_an_altered_one_does_not(
    acme_admin: Client, acme: Tenant, publish: Publish
) -> None:
    document = publish(acme, "anvils.txt", ANVILS)
    page = acme_admin.get(_ask(acme_admin)).text
    found = re.search(r'name="proof" value="([^"]+)"', page)
    assert found
    proof = unescape(found[1])
    assert "The proof holds" in acme_admin.post("/search/verify/", {"proof": proof}).text
    altered = proof.replace(document.sha256, "0" * 64)
    answer = acme_admin.post("/search/verify/", {"proof": altered}).text
    assert "The proof does not hold" in answer
    assert "The stored file is the one that was received: not so" in answer


def test_a_proof_is_worth_nothing_at_another_tenant(
    acme_admin: Client, globex_admin: Client, acme: Tenant, publish: Publish
) -> None:
    publish(acme, "anvils.txt", ANVILS)
    found = re.search(r'name="proof" value="([^"]+)"', acme_admin.get(_ask(acme_admin)).text)
    assert found
    answer = globex_admin.post("/search/verify/", {"proof": unescape(found[1])}).text
    assert "The proof does not hold" in answer


def test_nonsense_as_a_proof_is_refused_politely(acme_admin: Client) -> None:
    answer = acme_admin.post("/search/verify/", {"proof": "{}"})
    assert answer.status_code == 400
    assert "That is no proof." in answer.text


def test_another_person_cannot_open_the_answer(
    acme_admin: Client, acme_user: Client, globex_admin: Client
) -> None:
    address = _ask(acme_admin)
    for other in (acme_user, globex_admin):
        page = other.get(address).text
        assert "has expired" in page
        assert QUESTION not in unescape(page)


def test_a_past_question_is_told(acme_admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.history.KEEP_SECONDS", 0)
    address = _ask(acme_admin)
    assert "has expired" in acme_admin.get(address).text


def test_an_empty_question_is_told(acme_admin: Client) -> None:
    answer = acme_admin.post("/search/", {"query_text": "  "})
    assert answer.status_code == 400
    assert "Type a question or a few words." in answer.text


def test_without_documents_the_page_says_so(acme_admin: Client) -> None:
    assert "Nothing found" in acme_admin.get(_ask(acme_admin)).text


def test_a_question_is_shown_as_text(acme_admin: Client) -> None:
    page = acme_admin.get(_ask(acme_admin, '"><script>alert(1)</script>')).text
    assert "<script>alert" not in page
