"""What an administrator fills in about collections."""

from typing import Any

from django import forms

from intake.models import Collection
from tenants.access.groups import group_list
from tenants.naming import LABEL_LIMIT, LABEL_RULE


class CollectionForm(forms.Form):
    """Who reads a collection."""

    description = forms.CharField(
        max_length=500, required=False, help_text="For those who choose where a file goes."
    )
    restricted = forms.BooleanField(
        required=False,
        label="Restricted",
        help_text="Only members of the groups below read it. Otherwise everybody here does.",
    )
    groups = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names = [(group.name, group.name) for group in group_list()]
        self.fields["groups"].choices = names  # type: ignore[attr-defined]
        if not names:
            self.fields["groups"].help_text = "There is no group yet."


class NewCollectionForm(CollectionForm):
    """A collection to create."""

    name = forms.CharField(
        max_length=LABEL_LIMIT,
        help_text=LABEL_RULE,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    field_order = ("name", "description", "restricted", "groups")


def change_form(collection: Collection, data: Any) -> CollectionForm:
    """Return the form that changes a collection, filled with what it is."""
    initial = {
        "description": collection.description,
        "restricted": collection.restricted,
        "groups": [group.name for group in collection.groups.all()],
    }
    return CollectionForm(data, initial=initial)
