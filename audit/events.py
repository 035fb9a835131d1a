"""The kinds of audit event, and what of an event is hashed."""

from datetime import UTC, datetime
from typing import Any

from django.db import models

from frostbyte.kernel.hashing import canonical_json, sha256_hex


class EventType(models.TextChoices):
    """Everything that is recorded."""

    BATCH_RECEIVED = "BATCH_RECEIVED"
    BATCH_COMPLETED = "BATCH_COMPLETED"
    DOCUMENT_INGESTED = "DOCUMENT_INGESTED"
    DOCUMENT_CONFIRMED = "DOCUMENT_CONFIRMED"
    DOCUMENT_REJECTED = "DOCUMENT_REJECTED"
    DOCUMENT_QUARANTINED = "DOCUMENT_QUARANTINED"
    DOCUMENT_PARSED = "DOCUMENT_PARSED"
    DOCUMENT_PARSE_FAILED = "DOCUMENT_PARSE_FAILED"
    DOCUMENT_EMBEDDED = "DOCUMENT_EMBEDDED"
    DOCUMENT_PUBLISHED = "DOCUMENT_PUBLISHED"
    DOCUMENT_ERASED = "DOCUMENT_ERASED"
    CONTENT_DROPPED = "CONTENT_DROPPED"
    POLICY_GATE_PASSED = "POLICY_GATE_PASSED"
    POLICY_GATE_FAILED = "POLICY_GATE_FAILED"
    PII_DETECTED = "PII_DETECTED"
    INDEX_WRITTEN = "INDEX_WRITTEN"
    INDEX_FAILED = "INDEX_FAILED"
    EMBEDDING_FAILED = "EMBEDDING_FAILED"
    RETRIEVAL_EXECUTED = "RETRIEVAL_EXECUTED"
    TENANT_CREATED = "TENANT_CREATED"
    TENANT_PROVISION_STARTED = "TENANT_PROVISION_STARTED"
    TENANT_PROVISIONED = "TENANT_PROVISIONED"
    TENANT_PROVISION_FAILED = "TENANT_PROVISION_FAILED"
    TENANT_PROVISION_RETRY = "TENANT_PROVISION_RETRY"
    TENANT_CONFIG_UPDATED = "TENANT_CONFIG_UPDATED"
    TENANT_RENAMED = "TENANT_RENAMED"
    TENANT_SUSPENDED = "TENANT_SUSPENDED"
    TENANT_RESUMED = "TENANT_RESUMED"
    TENANT_DEPROVISION_STARTED = "TENANT_DEPROVISION_STARTED"
    TENANT_DEPROVISIONED = "TENANT_DEPROVISIONED"
    TENANT_DEPROVISION_FAILED = "TENANT_DEPROVISION_FAILED"
    TENANT_ABANDONED = "TENANT_ABANDONED"
    KEY_ISSUED = "KEY_ISSUED"
    KEY_REVOKED = "KEY_REVOKED"
    STAFF_CREATED = "STAFF_CREATED"
    STAFF_CHANGED = "STAFF_CHANGED"
    STORAGE_RECONCILED = "STORAGE_RECONCILED"
    LOGIN_FAILED = "LOGIN_FAILED"
    LOGIN_LOCKED = "LOGIN_LOCKED"


def timestamp_text(moment: datetime) -> str:
    """Return the form of a time that is hashed: UTC, with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def hash_event(*, previous_hash: str, fields: dict[str, Any]) -> str:
    """Return the SHA-256 over the event's fields and the hash of the event before it.

    `fields` holds every column but the two hashes, as JSON values; it is serialised by RFC 8785,
    so that anyone can compute the same hash from an export.
    """
    return sha256_hex(canonical_json({**fields, "previous_hash": previous_hash}))
