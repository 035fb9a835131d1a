"""A form of all settings of a tenant, made from `TenantConfiguration`, with a help for each."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, get_args, get_origin

from django import forms
from django.forms.boundfield import BoundField

from frostbyte.kernel.errors import ValidationError
from tenants.configuration import TenantConfiguration, range_of

HELP: Final = {
    "pii_policy": "Personal data is taken out, left and flagged, or the document is held.",
    "pii_types": "Kinds that are looked for. None switches the gate off, which is on record. "
    "NAME and ADDRESS need the language model.",
    "classification_threshold": "Under this certainty a document's class goes to review.",
    "classification_review_enabled": "Hold documents of uncertain class until a person decides.",
    "injection_flag_threshold": "From this score on a passage is flagged; under the next one.",
    "injection_quarantine_threshold": "From this score on a passage is held.",
    "max_file_size_mb": "The largest file that is taken in, in MB.",
    "max_batch_size": "Files in one batch.",
    "mime_allowlist": "Kinds of file that are taken in; at least one.",
    "storage_quota_gb": "Bytes as received, in GB.",
    "document_quota": "Documents that are kept.",
    "rate_intake_per_minute": "Requests a minute that hand files in.",
    "rate_query_per_minute": "Requests a minute that ask or read.",
    "rate_audit_per_minute": "Requests a minute that read the audit record.",
    "embedding_mode": "Offline: nothing leaves this machine to be embedded.",
    "embedding_model": "Its name; the platform must offer it.",
    "retrieval_top_k_default": "Passages in an answer where a question names no number.",
    "retrieval_top_k_max": "Passages that a question may ask for.",
    "generation_enabled": "Write answers from the passages.",
    "generation_suppress_ungrounded": "Leave out what no passage supports.",
    "retention_days": "Days that documents are kept.",
    "require_malware_scan": "Refuse files while no scanner answers.",
}
GROUPS: Final = (
    ("Personal data", ("pii_",)),
    ("Classes and injection", ("classification_", "injection_")),
    ("Files", ("max_", "mime_", "require_", "retention_")),
    ("Quotas and rates", ("storage_", "document_", "rate_")),
    ("Embedding and search", ("embedding_", "retrieval_")),
    ("Written answers", ("generation_",)),
    ("Other", ("",)),
)
"""Headings, and how the names under each begin; a field stands under the first that fits."""


class SettingsForm(forms.Form):
    """Every setting, at its present value; `changes` are those that were given another."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, configuration: TenantConfiguration, version: int
    ) -> None:
        self.present = configuration.model_dump(mode="json")
        super().__init__(data, initial={**self.present, "version": version})
        for name in TenantConfiguration.model_fields:
            self.fields[name] = _field(name)

    @property
    def changes(self) -> dict[str, Any]:
        """Return the settings whose value is not the present one, after validation."""
        given = {name: self.cleaned_data[name] for name in self.present}
        return {
            name: value
            for name, value in given.items()
            if _comparable(value) != _comparable(self.present[name])
        }

    def groups(self) -> Iterator[tuple[str, list[BoundField]]]:
        """Yield the fields under their headings."""
        left = dict.fromkeys(self.present)
        for title, beginnings in GROUPS:
            names = [name for name in left if name.startswith(beginnings)]
            for name in names:
                del left[name]
            if names:
                yield title, [self[name] for name in names]

    def tell(self, error: ValidationError) -> None:
        """Put what the services refused at its fields."""
        for fault in error.extra.get("errors", [{"field": "", "constraint": error.message}]):
            name = str(fault["field"]).split(".")[0]
            self.add_error(name if name in self.present else None, str(fault["constraint"]))


def in_words(value: object) -> str:
    """Return a setting's value as the pages show it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _label(name: str) -> str:
    """Return the name of a setting in words."""
    stem, _, unit = name.rpartition("_")
    measured = unit in {"mb", "gb"}
    words = (stem if measured else name).replace("_", " ").capitalize().replace("Pii", "PII")
    return f"{words}, {unit.upper()}" if measured else words


def _comparable(value: Any) -> Any:
    """Return a list without its order, which the boxes of a form do not keep."""
    return sorted(value) if isinstance(value, list) else value


def _field(name: str) -> forms.Field:
    info = TenantConfiguration.model_fields[name]
    words: dict[str, Any] = {
        "label": _label(name),
        "help_text": f"{HELP.get(name, '')} {_limits(name)}".strip(),
    }
    kind = info.annotation
    if get_origin(kind) is tuple:
        return forms.MultipleChoiceField(
            choices=_choices(get_args(kind)[0]),
            required=False,
            widget=forms.CheckboxSelectMultiple,
            **words,
        )
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return forms.ChoiceField(choices=_choices(kind), **words)
    return _plain_field(kind, name, words)


def _plain_field(kind: Any, name: str, words: dict[str, Any]) -> forms.Field:
    if kind is bool:
        return forms.BooleanField(required=False, **words)
    least, most = range_of(name) or (None, None)
    if kind is int:
        return forms.IntegerField(min_value=least, max_value=most, **words)
    if kind is float:
        return forms.FloatField(min_value=least, max_value=most, **words)
    return forms.CharField(max_length=100, **words)


def _choices(kind: Any) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in kind]


def _limits(name: str) -> str:
    """Return range and default in words."""
    value = TenantConfiguration().model_dump(mode="json")[name]
    default = "" if isinstance(value, list) else f"Default: {in_words(value)}."
    limits = range_of(name)
    return f"{limits[0]:,} to {limits[1]:,}. {default}" if limits else default
