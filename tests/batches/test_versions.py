"""Other bytes of the same name: the next version, which search finds once it is published."""

from django.contrib.auth.models import Group

from intake.collections import document_move
from intake.models import Collection, Document
from processing.runner import run_advance
from processing.services import run_start
from search.results import QueryFilters
from search.services import search
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.api.conftest import KeyCaller
from tests.conftest import ACTOR, Receive

Texts = list[str]
FIRST = b"Cranes are looked at every ninety days.\n"
SECOND = b"Cranes are looked at every sixty days.\n"


def publish(tenant: Tenant, document: Document) -> None:
    with tenant_context(tenant):
        run = run_start(tenant=tenant, document=document)
        assert run_advance(tenant=tenant, run_id=run.pk).state == "published"


def version(tenant: Tenant, receive: Receive, data: bytes) -> Document:
    document = receive(tenant, "cranes.txt", data).document
    assert document is not None
    return document


def found(tenant: Tenant, *, all_versions: bool = False) -> Texts:
    with tenant_context(tenant):
        filters = QueryFilters(all_versions=all_versions)
        result = search(
            tenant=tenant, query_text="How often are cranes?", filters=filters, actor=ACTOR
        )
    return sorted(hit.text for hit in result.hits)


def test_the_newest_published_version_is_found_and_the_others_stay(
    acme: Tenant, globex: Tenant, receive: Receive, by_key: KeyCaller
) -> None:
    first = version(acme, receive, FIRST)
    publish(acme, first)
    theirs = version(globex, receive, SECOND)
    receipt = receive(acme, "cranes.txt", SECOND)
    second = receipt.document
    assert second is not None
    assert (receipt.version, second.version, second.series) == (2, 2, first.series)
    assert theirs.version == 1
    # Until it is published the earlier one answers.
    assert ["ninety" in text for text in found(acme)] == [True]
    publish(acme, second)
    assert ["sixty" in text for text in found(acme)] == [True]
    assert len(found(acme, all_versions=True)) == 2
    caller = by_key(acme)
    told = caller.get(f"/api/v1/documents/{first.pk}").json()
    assert [(each["version"], each["is_current"]) for each in told["versions"]] == [
        (2, True),
        (1, False),
    ]
    assert caller.get(f"/api/v1/documents/{first.pk}/chunks").json()["results"]
    asked = {"query_text": "How often are cranes?", "filters": {"versions": "all"}}
    assert len(caller.post_json("/api/v1/query", asked).json()["hits"]) == 2
    # The bytes of the first again: what is there already, no third version.
    again = receive(acme, "cranes.txt", FIRST)
    assert (again.is_duplicate, again.version, again.document) == (True, 1, first)


def test_an_earlier_version_that_is_published_late_stays_behind(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    first, second = version(acme, receive, FIRST), version(acme, receive, SECOND)
    publish(acme, second)
    publish(acme, first)
    assert ["sixty" in text for text in found(acme)] == [True]
    assert found(globex) == []


def test_a_version_that_moves_away_leaves_the_one_before_in_its_place(
    acme: Tenant, globex: Tenant, receive: Receive
) -> None:
    first, second = version(acme, receive, FIRST), version(acme, receive, SECOND)
    for document in (first, second):
        publish(acme, document)
    with tenant_context(acme):
        shelf = Collection.objects.create(name="shelf", restricted=True)
        shelf.groups.add(Group.objects.create(name="readers"))
        document_move(tenant=acme, document=second, collection="shelf", actor=ACTOR)
        moved = Document.objects.get(pk=second.pk)
        assert (moved.version, moved.is_current) == (1, True)
        assert moved.series != first.series
    assert len(found(acme)) == 2
