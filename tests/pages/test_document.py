"""One document's page: its stages, its hashes, its text with a passage marked."""

import io
import re
from uuid import uuid4

import pytest
from django.test import Client
from reportlab.pdfgen.canvas import Canvas

from tenants.models import Tenant
from tenants.stores.objects import S3Objects
from tests.conftest import Receive
from tests.pages.conftest import Publish, first_chunk_id

TEXT = b"""Delivery

Anvils are delivered on Tuesdays, before noon. <b onclick="x()">Bold</b> claims are not markup.
Questions go to wile@acme.example or to the yard.
"""


def test_the_page_shows_stages_hashes_and_text(
    acme_admin: Client, acme: Tenant, publish: Publish
) -> None:
    document = publish(acme, "anvils.txt", TEXT)
    page = acme_admin.get(f"/documents/{document.pk}/").text
    assert page.count('data-state="done"') == 6
    assert document.sha256 in page
    assert "delivered on Tuesdays" in page
    assert "&lt;b onclick=" in page
    assert "<b onclick" not in page


def test_redacted_data_is_not_shown(acme_admin: Client, acme: Tenant, publish: Publish) -> None:
    document = publish(acme, "anvils.txt", TEXT)
    page = acme_admin.get(f"/documents/{document.pk}/").text
    assert "wile@acme.example" not in page
    assert "[REDACTED:EMAIL]" in page
    assert "Taken out: 1 EMAIL." in page


def test_the_cited_passage_is_marked(acme_admin: Client, acme: Tenant, publish: Publish) -> None:
    document = publish(acme, "anvils.txt", TEXT)
    chunk = first_chunk_id(acme, document)
    page = acme_admin.get(f"/documents/{document.pk}/", {"chunk": str(chunk)}).text
    assert len(re.findall("<mark>", page)) == 1
    assert f'id="p-{chunk}"' in page


def test_a_passage_that_is_gone_is_told(acme_admin: Client, acme: Tenant, publish: Publish) -> None:
    document = publish(acme, "anvils.txt", TEXT)
    page = acme_admin.get(f"/documents/{document.pk}/", {"chunk": str(uuid4())}).text
    assert "no longer here" in page
    assert "<mark>" not in page


def test_a_document_that_waits_shows_no_text(
    acme_admin: Client, acme: Tenant, receive: Receive
) -> None:
    receipt = receive(acme, "anvils.txt", TEXT)
    page = acme_admin.get(f"/documents/{receipt.document_id}/").text
    assert "Being read" in page
    assert 'data-final="false"' in page
    assert "Tuesdays" not in page


def test_another_tenants_document_is_not_there(
    globex_admin: Client, acme: Tenant, publish: Publish
) -> None:
    document = publish(acme, "anvils.txt", TEXT)
    answer = globex_admin.get(f"/documents/{document.pk}/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def sheet() -> bytes:
    target = io.BytesIO()
    canvas = Canvas(target, invariant=1)
    canvas.drawString(72, 720, "The anvil on this sheet weighs ninety pounds.")
    canvas.save()
    return target.getvalue()


def test_a_page_number_without_end_leads_to_a_page(
    acme_admin: Client, acme: Tenant, globex: Tenant, publish: Publish
) -> None:
    document = publish(acme, "sheet.pdf", sheet())
    for asked in ("9" * 4400, "9" * 30, "0", "-1", "x"):
        response = acme_admin.get(f"/documents/{document.pk}/", {"page": asked})
        assert response.status_code == 200
        assert "ninety pounds" in response.text


def test_a_page_is_drawn_without_the_whole_file_in_memory(
    acme_admin: Client,
    acme: Tenant,
    globex: Tenant,
    publish: Publish,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = publish(acme, "sheet.pdf", sheet())
    monkeypatch.delattr(S3Objects, "get")
    response = acme_admin.get(f"/api/v1/documents/{document.pk}/pages/1.png")
    assert response.status_code == 200
    assert response.content.startswith(b"\x89PNG")
