"""Questions: the right passage with its place, from the tenant's own documents and no others."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.events import EventType
from audit.models import AuditEvent
from frostbyte.kernel.ids import new_id
from intake.models import Document
from processing.models import Chunk
from search.errors import QueryError
from search.results import QueryFilters, SearchResult
from search.services import search
from tenants.context import tenant_context
from tenants.models import Tenant
from tests.search.conftest import ACME_TEXT, Publish


def ask(tenant: Tenant, query: str, **options: object) -> SearchResult:
    with tenant_context(tenant):
        return search(tenant=tenant, query_text=query, actor="tester", **options)  # type: ignore[arg-type]


def test_the_answer_is_cited_and_comes_from_the_own_documents_only(
    acme: Tenant, globex: Tenant, published: dict[str, Document]
) -> None:
    for query in ("How often is the crane inspected?", "At what temperature are samples kept?"):
        for tenant in (acme, globex):
            hits = ask(tenant, query).hits
            assert {hit.document_id for hit in hits} == {published[tenant.slug].pk}
    best = ask(acme, "How often is the crane inspected?").hits[0]
    assert "every ninety days" in best.text
    assert best.filename == "crane.txt"
    assert 0 < best.score <= 1
    whole = ACME_TEXT.decode()
    cited = whole[best.start_char : best.end_char]
    assert cited.replace("dana.field@example.org", "[REDACTED:EMAIL]") == best.text


def test_personal_data_is_not_in_answers(
    acme: Tenant, globex: Tenant, published: dict[str, Document]
) -> None:
    text = " ".join(hit.text for hit in ask(acme, "Who gets the reports, at which address?").hits)
    assert "dana.field@example.org" not in text
    assert "[REDACTED:EMAIL]" in text
    assert "Dana Field" in text
    with tenant_context(acme):
        assert not Chunk.objects.filter(text__contains="example.org").exists()


def test_a_document_is_invisible_until_it_is_published(
    acme: Tenant, globex: Tenant, published: dict[str, Document]
) -> None:
    with tenant_context(acme):
        Document.objects.update(published_run_id=None)
    assert ask(acme, "crane").hits == ()
    assert len(ask(globex, "freezer").hits) > 0


def test_filters_limit_where_to_look(
    acme: Tenant, globex: Tenant, published: dict[str, Document], publish: Publish
) -> None:
    second = publish(acme, "notes.md", b"# Crane\n\nThe crane was painted yellow last spring.\n")
    tomorrow = timezone.now() + timedelta(days=1)

    def found(filters: QueryFilters) -> set[object]:
        return {hit.document_id for hit in ask(acme, "crane", filters=filters).hits}

    both = {published["acme"].pk, second.pk}
    assert found(QueryFilters()) == both
    assert found(QueryFilters(document_ids=(second.pk,))) == {second.pk}
    assert found(QueryFilters(document_ids=(published["globex"].pk,))) == set()
    assert found(QueryFilters(media_types=("text/markdown",))) == {second.pk}
    assert found(QueryFilters(created_after=tomorrow)) == set()
    assert found(QueryFilters(created_before=tomorrow)) == both
    assert len(ask(acme, "crane", top_k=1).hits) == 1


@pytest.mark.parametrize(
    ("query", "top_k"), [("", None), ("   ", None), ("x" * 2001, None), ("x", 0), ("x", 51)]
)
def test_questions_that_cannot_be_asked_say_why(
    acme: Tenant, globex: Tenant, query: str, top_k: int | None
) -> None:
    with pytest.raises(QueryError) as caught:
        ask(acme, query, top_k=top_k)
    assert caught.value.extra["errors"]


def test_the_record_tells_that_something_was_asked_not_what(
    acme: Tenant, globex: Tenant, published: dict[str, Document]
) -> None:
    result = ask(acme, "an unmistakable question about cranes")
    with tenant_context(acme):
        event = AuditEvent.objects.filter(event_type=EventType.RETRIEVAL_EXECUTED).latest(
            "sequence"
        )
    assert event.details["hits"] == len(result.hits)
    assert event.details["documents"] == [str(published["acme"].pk)]
    assert "unmistakable" not in str(vars(event))


def test_the_number_of_queries_does_not_grow_with_the_hits(
    acme: Tenant, globex: Tenant, publish: Publish, published: dict[str, Document]
) -> None:
    def queries(top_k: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            ask(acme, "crane", top_k=top_k)
        return len(captured)

    publish(acme, "second.txt", b"The second crane stands on pier five.\n")
    publish(acme, "third.txt", b"The third crane stands on pier six.\n")
    ask(acme, "crane")
    assert queries(1) == queries(3)


def test_an_id_of_nobody_is_no_document(acme: Tenant, globex: Tenant) -> None:
    assert ask(acme, "crane", filters=QueryFilters(document_ids=(new_id(),))).hits == ()


def test_what_filters_leave_is_a_part_of_the_query(
    acme: Tenant, globex: Tenant, published: dict[str, Document]
) -> None:
    def asked(filters: QueryFilters | None) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            assert ask(acme, "crane", filters=filters).hits
        return [query["sql"] for query in queries]

    ask(acme, "crane")
    plain, narrowed = asked(None), asked(QueryFilters(media_types=("text/plain",)))
    assert len(plain) == len(narrowed)
    assert str(published["acme"].pk) not in next(sql for sql in narrowed if "text/plain" in sql)
