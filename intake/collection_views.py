"""Pages where a tenant's administrators say which groups read which collection."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from frostbyte.kernel.errors import ValidationError
from intake.collections import collection_change, collection_create, collection_delete
from intake.errors import CollectionNotEmptyError
from intake.forms import NewCollectionForm, change_form
from intake.models import Collection
from intake.selectors import collection_managed, collections_managed, document_counts
from tenants.models import Scope
from tenants.pages import StaffRequest, actor_of, staff_page


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A line of the list; `documents` is None for who does not read the collection."""

    collection: Collection
    groups: list[str]
    documents: int | None


@require_GET
@staff_page(Scope.ADMIN)
def collections(request: StaffRequest) -> HttpResponse:
    """List every collection with its groups."""
    managed = collections_managed()
    counts = document_counts(managed)
    rows = [
        CollectionRow(each, [group.name for group in each.groups.all()], counts.get(each.pk))
        for each in managed
    ]
    return render(request, "intake/collections.html", {"section": "collections", "rows": rows})


@require_http_methods(["GET", "POST"])
@staff_page(Scope.ADMIN)
def collection_new(request: StaffRequest) -> HttpResponse:
    """Create a collection."""
    form = NewCollectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = collection_create(
                tenant=request.tenant, **form.cleaned_data, actor=actor_of(request)
            )
        except ValidationError as error:
            form.add_error("name", error.message)
        else:
            messages.success(request, f"The collection {made.name} is there.")
            return redirect("collections")
    return render(request, "intake/collection_new.html", {"section": "collections", "form": form})


@require_http_methods(["GET", "POST"])
@staff_page(Scope.ADMIN)
def collection_settings(request: StaffRequest, collection: str) -> HttpResponse:
    """Show one collection's settings, and change them."""
    found = collection_managed(name=collection)
    form = change_form(found, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            collection_change(
                tenant=request.tenant,
                collection=found,
                **form.cleaned_data,
                actor=actor_of(request),
            )
        except ValidationError as error:
            form.add_error("restricted", error.message)
        else:
            messages.success(request, f"The collection {collection} is changed.")
            return redirect("collections")
    context = {"section": "collections", "form": form, "collection": found}
    return render(request, "intake/collection.html", context)


@require_POST
@staff_page(Scope.ADMIN)
def collection_remove(request: StaffRequest, collection: str) -> HttpResponse:
    """Delete an empty collection."""
    found = collection_managed(name=collection)
    try:
        collection_delete(tenant=request.tenant, collection=found, actor=actor_of(request))
    except (ValidationError, CollectionNotEmptyError) as error:
        messages.error(request, f"{error.message} {error.remediation}")
        return redirect("collection", collection)
    messages.success(request, f"The collection {collection} is deleted.")
    return redirect("collections")
