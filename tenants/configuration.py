"""A tenant's settings: names, defaults and ranges, in one place.

Stored as JSON with a version that each change bumps; a document is processed under the version
that was in force when its run began.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


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


class EmbeddingMode(StrEnum):
    """Whether embeddings may be made by a service outside this machine."""

    ONLINE = "online"
    OFFLINE = "offline"


Share = Annotated[float, Field(ge=0.0, le=1.0)]


class TenantConfiguration(BaseModel):
    """All settings of a tenant; an empty `pii_types` switches the PII gate off, on the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pii_policy: PiiPolicy = PiiPolicy.REDACT
    pii_types: tuple[PiiType, ...] = DEFAULT_PII_TYPES
    classification_threshold: Share = 0.7
    classification_review_enabled: bool = True
    injection_flag_threshold: Share = 0.3
    injection_quarantine_threshold: Share = 0.7
    max_file_size_mb: Annotated[int, Field(ge=1, le=5000)] = 500
    max_batch_size: Annotated[int, Field(ge=1, le=10000)] = 1000
    storage_quota_gb: Annotated[int, Field(ge=1, le=10000)] = 100
    embedding_mode: EmbeddingMode = EmbeddingMode.OFFLINE
    embedding_model: str = "all-MiniLM-L6-v2"
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
