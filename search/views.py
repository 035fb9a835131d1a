"""The search page: a question, the passages that answer it, and the check of their proofs."""

from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from frostbyte.kernel.errors import ValidationError
from intake.formats import PDF
from intake.selectors import collection_list
from processing.canonical import decode, encode
from processing.views import page_image_url
from search.errors import QueryError
from search.forms import SearchForm
from search.history import Asked, recall, remember
from search.proofs import proof_verify
from search.results import Hit, Proof, ProofReport, QueryFilters
from search.services import search as search_passages
from tenants.models import Scope
from tenants.pages import StaffRequest, actor_of, staff_page

CHECK_TITLES: Final = {
    "raw_object": "The stored file is the one that was received",
    "canonical_document": "Its canonical text is unchanged",
    "span": "The passage stands at that place",
    "passage": "The passage is unchanged",
    "audit_events": "The audit trail recorded it",
}


@dataclass(frozen=True, slots=True)
class HitView:
    """A hit with the addresses that lead to it, and its proof as the API takes it."""

    hit: Hit
    url: str
    image_url: str
    proof_json: str


@require_http_methods(["GET", "POST"])
@staff_page(Scope.QUERY)
def search(request: StaffRequest) -> HttpResponse:
    """Show the form; a question leads to the address of its answer, which does not hold it."""
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        asked = Asked(**form.cleaned_data)
        return redirect("search_results", remember(asked, user_id=request.user.pk))
    return _page(request, form, status=400 if request.method == "POST" else 200)


@require_GET
@staff_page(Scope.QUERY)
def results(request: StaffRequest, name: UUID) -> HttpResponse:
    """Answer a question that this person asked within the hour; each look is on the record."""
    asked = recall(name, user_id=request.user.pk)
    if asked is None:
        return _page(request, _form(request), expired=True)
    form = _form(request, initial=asdict(asked))
    try:
        result = search_passages(
            tenant=request.tenant,
            query_text=asked.query_text,
            top_k=asked.top_k,
            filters=QueryFilters(collections=(asked.collection,) if asked.collection else ()),
            actor=actor_of(request),
        )
    except QueryError as error:
        return _page(request, form, problem=error)
    return _page(request, form, result=result, hits=[_view(hit) for hit in result.hits])


@require_POST
@staff_page(Scope.QUERY)
def verify(request: StaffRequest) -> HttpResponse:
    """Check a proof, for browsers without JavaScript."""
    report = proof_verify(tenant=request.tenant, proof=_proof(request.POST.get("proof", "")))
    context = {"section": "search", "valid": report.valid, "checks": _checks(report)}
    return render(request, "search/verify.html", context)


def _form(request: StaffRequest, initial: dict[str, Any] | None = None) -> SearchForm:
    settings = request.tenant.settings
    return SearchForm(
        request.POST if request.method == "POST" else None,
        initial=initial or {},
        default=settings.retrieval_top_k_default,
        most=settings.retrieval_top_k_max,
        collections=list(collection_list().values_list("name", flat=True)),
    )


def _page(
    request: StaffRequest, form: SearchForm, *, status: int = 200, **found: object
) -> HttpResponse:
    context = {"section": "search", "form": form, "titles": CHECK_TITLES, **found}
    return render(request, "search/search.html", context, status=status)


def _view(hit: Hit) -> HitView:
    marked = urlencode({"chunk": hit.id})
    anchor = "passage" if hit.media_type == PDF else f"p-{hit.id}"
    has_image = hit.media_type == PDF and hit.page is not None
    return HitView(
        hit=hit,
        url=f"{reverse('document', args=[hit.document_id])}?{marked}#{anchor}",
        image_url=page_image_url(hit.document_id, hit.page or 1, hit.id) if has_image else "",
        proof_json=encode(hit.proof).decode(),
    )


def _proof(text: str) -> Proof:
    try:
        return decode(text.encode(), Proof)
    except msgspec.DecodeError as error:
        raise ValidationError(
            "That is no proof.", remediation="Open the search result again and verify from there."
        ) from error


def _checks(report: ProofReport) -> list[dict[str, Any]]:
    return [
        {
            "title": CHECK_TITLES.get(check.name, check.name),
            "valid": check.valid,
            "detail": check.detail,
        }
        for check in report.checks
    ]
