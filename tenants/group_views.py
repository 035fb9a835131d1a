"""Pages of a tenant's groups, by which its restricted collections are read."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from frostbyte.kernel.errors import ValidationError
from tenants.access.groups import (
    group_add,
    group_create,
    group_delete,
    group_get,
    group_list,
    group_remove,
    members_of,
)
from tenants.access.people import staff_get, staff_list
from tenants.models import Scope
from tenants.naming import LABEL_LIMIT, LABEL_RULE
from tenants.pages import StaffRequest, actor_of, page_of, staff_page


class GroupForm(forms.Form):
    """A group to create."""

    name = forms.CharField(
        max_length=LABEL_LIMIT,
        label="New group",
        help_text=LABEL_RULE,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )


@require_http_methods(["GET", "POST"])
@staff_page(Scope.ADMIN)
def groups(request: StaffRequest) -> HttpResponse:
    """List the groups with their people, and create one."""
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["name"]
        try:
            group_create(tenant=request.tenant, name=name, actor=actor_of(request))
        except ValidationError as error:
            form.add_error("name", error.message)
        else:
            return redirect("group", name)
    page = page_of(request, group_list())
    rows = [(each, members_of(each)) for each in page]
    context = {"section": "collections", "form": form, "rows": rows, "page_obj": page}
    return render(request, "tenants/groups.html", context)


@require_GET
@staff_page(Scope.ADMIN)
def group_page(request: StaffRequest, group: str) -> HttpResponse:
    """Show a group's people, with the means to add and remove them."""
    found = group_get(name=group)
    members = members_of(found)
    everybody = staff_list().values_list("username", flat=True)
    others = [username for username in everybody if username not in members]
    context = {"section": "collections", "group": found, "members": members, "others": others}
    return render(request, "tenants/group.html", context)


@require_POST
@staff_page(Scope.ADMIN)
def group_member(request: StaffRequest, group: str) -> HttpResponse:
    """Add the person that the form names, or remove them."""
    found = group_get(name=group)
    user = staff_get(username=request.POST.get("username", ""))
    change = group_remove if request.POST.get("member") == "no" else group_add
    change(tenant=request.tenant, group=found, user=user, actor=actor_of(request))
    return redirect("group", group)


@require_POST
@staff_page(Scope.ADMIN)
def group_remove_page(request: StaffRequest, group: str) -> HttpResponse:
    """Delete a group."""
    found = group_get(name=group)
    group_delete(tenant=request.tenant, group=found, actor=actor_of(request))
    messages.success(request, f"The group {group} is deleted; what it alone opened is closed.")
    return redirect("groups")
