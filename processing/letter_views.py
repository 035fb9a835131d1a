"""The page of dead letters of a tenant's staff, and the decisions that are taken there."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from processing.dead_letters import (
    REASON_LIMIT,
    Decision,
    dead_letter_list,
    dead_letters_decide,
    letter_facts,
)
from processing.models import Resolution
from processing.progress import TITLES
from tenants.models import Scope
from tenants.pages import ROWS, StaffRequest, actor_of, may, page_of, staff_page

_TOLD = {
    Decision.RETRY: "tried again",
    Decision.SKIP: "set aside",
    Decision.ABANDON: "closed for good",
}
_SHOWN = (Resolution.OPEN, Resolution.SKIPPED)


@require_GET
@staff_page(Scope.QUERY)
def dead_letters(request: StaffRequest) -> HttpResponse:
    """List what failed or was held back: those that wait for a decision, or those set aside."""
    wanted = request.GET.get("state", "")
    resolution = Resolution(wanted) if wanted in _SHOWN else Resolution.OPEN
    page = page_of(request, dead_letter_list(resolution=resolution))
    context = {
        "section": "dead_letters",
        "page_obj": page,
        "letters": [
            {**facts, "title": TITLES.get(facts["stage"], "")} for facts in map(letter_facts, page)
        ],
        "resolution": resolution.value,
        "may_decide": may(request, Scope.INGEST),
        "reason_limit": REASON_LIMIT,
        "query": f"state={resolution.value}&",
    }
    return render(request, "processing/dead_letters.html", context)


@require_POST
@staff_page(Scope.INGEST)
def decide(request: StaffRequest) -> HttpResponse:
    """Decide the same over those that were ticked."""
    wanted = request.POST.get("decision", "")
    ids = _ids(request.POST.getlist("run")[:ROWS])
    if wanted not in list(Decision) or not ids:
        messages.error(request, "Choose documents, and then what to do with them.")
        return redirect("dead_letters")
    decision = Decision(wanted)
    count = dead_letters_decide(
        tenant=request.tenant,
        decision=decision,
        run_ids=ids,
        actor=actor_of(request),
        reason=request.POST.get("reason", "").strip(),
    )
    noun = "document is" if count == 1 else "documents are"
    messages.success(request, f"{count} {noun} {_TOLD[decision]}.")
    shown = Resolution.SKIPPED if request.POST.get("state") == Resolution.SKIPPED else ""
    return redirect(f"{reverse('dead_letters')}?state={shown}" if shown else "dead_letters")


def _ids(texts: list[str]) -> list[UUID]:
    found = []
    for text in texts:
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return found
