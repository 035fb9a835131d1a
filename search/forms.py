"""The search form."""

from collections.abc import Sequence

from django import forms

from search.limits import QUERY_LIMIT

SIZES = (5, 10, 20, 50)


class SearchForm(forms.Form):
    """A question, how many passages to answer it with, up to the tenant's maximum, and where."""

    query_text = forms.CharField(
        max_length=QUERY_LIMIT,
        label="What do you want to know?",
        error_messages={"required": "Type a question or a few words."},
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "class": "input"}),
    )
    top_k = forms.TypedChoiceField(coerce=int, required=False, empty_value=None)
    collection = forms.ChoiceField(required=False)

    def __init__(
        self,
        *args: object,
        default: int,
        most: int,
        collections: Sequence[str],
        **kwargs: object,
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        named = [("", "all that you read"), *((name, name) for name in collections)]
        self.fields["collection"].choices = named  # type: ignore[attr-defined]
        sizes = sorted({size for size in (*SIZES, default) if size <= most})
        self.fields["top_k"].choices = [(size, str(size)) for size in sizes]  # type: ignore[attr-defined]
        self.fields["top_k"].initial = default
