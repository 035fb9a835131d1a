"""A tenant's settings: names, defaults and ranges, in one place.

Stored as JSON with a version that each change bumps; a document is processed under the version
that was in force when its run began.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from frostbyte.kernel.errors import ValidationError as InvalidInputError


class PiiType(StrEnum):
    """Kinds of personal data that the PII gate knows."""

    SSN = "SSN"
    DOB = "DOB"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    MEDICAL_RECORD = "MEDICAL_RECORD"
    FINANCIAL_ACCOUNT = "FINANCIAL_ACCOUNT"
    PASSPORT = "PASSPORT"
    DRIVERS_LICENSE = "DRIVERS_LICENSE"
    NAME = "NAME"
    ADDRESS = "ADDRESS"


LANGUAGE_MODEL_TYPES = frozenset({PiiType.NAME, PiiType.ADDRESS})
"""Types that rules alone do not find; asking for one loads the language model."""

DEFAULT_PII_TYPES = tuple(kind for kind in PiiType if kind not in LANGUAGE_MODEL_TYPES)


class PiiPolicy(StrEnum):
    """What happens to personal data that is found."""

    REDACT = "redact"
    FLAG = "flag"
    BLOCK = "block"


class MediaType(StrEnum):
    """Kinds of file that the platform reads; a tenant may allow fewer."""

    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    CSV = "text/csv"
    HTML = "text/html"


class EmbeddingMode(StrEnum):
    """Whether embeddings may be made by a service outside this machine."""

    ONLINE = "online"
    OFFLINE = "offline"


class EmbeddingModel(StrEnum):
    """The models that the platform offers for text; `processing.embedders` has one of each."""

    MINILM = "all-MiniLM-L6-v2"


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Rate = Annotated[int, Field(ge=1, le=100_000)]


class TenantConfiguration(BaseModel):
    """All settings of a tenant; an empty `pii_types` switches the PII gate off, on the record.

    Quotas count what was accepted: bytes as received, and documents. Rates are requests a minute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pii_policy: PiiPolicy = PiiPolicy.REDACT
    pii_types: tuple[PiiType, ...] = DEFAULT_PII_TYPES
    classification_threshold: Share = 0.7
    classification_review_enabled: bool = True
    injection_flag_threshold: Share = 0.3
    injection_quarantine_threshold: Share = 0.7
    max_file_size_mb: Annotated[int, Field(ge=1, le=5000)] = 500
    max_batch_size: Annotated[int, Field(ge=1, le=10000)] = 1000
    mime_allowlist: Annotated[tuple[MediaType, ...], Field(min_length=1)] = tuple(MediaType)
    storage_quota_gb: Annotated[int, Field(ge=1, le=10000)] = 100
    document_quota: Annotated[int, Field(ge=1, le=100_000_000)] = 1_000_000
    rate_intake_per_minute: Rate = 100
    rate_query_per_minute: Rate = 1000
    rate_audit_per_minute: Rate = 300
    embedding_mode: EmbeddingMode = EmbeddingMode.OFFLINE
    embedding_model: EmbeddingModel = EmbeddingModel.MINILM
    retrieval_top_k_default: Annotated[int, Field(ge=1, le=200)] = 5
    retrieval_top_k_max: Annotated[int, Field(ge=1, le=200)] = 50
    generation_enabled: bool = False
    generation_suppress_ungrounded: bool = True
    retention_days: Annotated[int, Field(ge=30, le=36500)] = 2555
    require_malware_scan: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.injection_flag_threshold >= self.injection_quarantine_threshold:
            raise ValueError(
                "injection_flag_threshold must be under injection_quarantine_threshold"
            )
        if self.retrieval_top_k_default > self.retrieval_top_k_max:
            raise ValueError("retrieval_top_k_default must not exceed retrieval_top_k_max")
        return self


QUOTA_FIELDS = (
    "storage_quota_gb",
    "document_quota",
    "rate_intake_per_minute",
    "rate_query_per_minute",
    "rate_audit_per_minute",
)
"""The settings that limit how much a tenant may store and ask."""


_PLAIN_VALUE: Final = re.compile(r"[A-Za-z0-9._:+/-]{0,64}")


def configuration_of(values: Mapping[str, Any]) -> TenantConfiguration:
    """Return the configuration that `values` make, the other fields at their default.

    Raises the kernel's `ValidationError`: `errors` has field, value and constraint of each breach.
    """
    try:
        return TenantConfiguration.model_validate(values)
    except ValidationError as error:
        faults = [_fault(each) for each in error.errors(include_url=False, include_context=False)]
        raise InvalidInputError(
            "The configuration breaks a rule: "
            + "; ".join(f"{fault['field']}: {fault['constraint']}" for fault in faults),
            remediation="Correct the fields that are named; nothing was changed.",
            extra={"errors": faults},
        ) from error


def _fault(fault: Mapping[str, Any]) -> dict[str, Any]:
    field = ".".join(map(str, fault["loc"]))
    if not field:
        return {"field": "configuration", "value": None, "constraint": fault["msg"]}
    if fault["type"] == "extra_forbidden":
        return {"field": field[:64], "value": None, "constraint": "There is no such setting."}
    constraint = f"{fault['msg']}{_in_words(range_of(str(fault['loc'][0])))}"
    return {"field": field, "value": _harmless(fault["input"]), "constraint": constraint}


def range_of(field: str) -> tuple[int, int] | None:
    """Return the least and the greatest value of a setting that is a number, else None."""
    limits = TenantConfiguration.model_fields[field].metadata
    least = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    most = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    return None if least is None or most is None else (least, most)  # type: ignore[return-value]


def _in_words(limits: tuple[int, int] | None) -> str:
    return f"; from {limits[0]} to {limits[1]}" if limits else ""


def _harmless(value: object) -> Any:
    """Return a value that may be told in an error: a number, or a short plain word."""
    if isinstance(value, bool | int | float):
        return value
    return value if isinstance(value, str) and _PLAIN_VALUE.fullmatch(value) else None


def configuration_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a configuration: each field, its range and default."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TenantConfiguration.model_json_schema(),
    }
