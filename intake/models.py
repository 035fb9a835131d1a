"""What was handed over: documents in collections, and a receipt for each file, accepted or not.

Tenant schema. PostgreSQL shows each reader the rows of readable collections only.
"""

from typing import ClassVar, Final
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from frostbyte.kernel.ids import new_id
from tenants.naming import LABEL_LIMIT, LABEL_PATTERN

DEFAULT_COLLECTION: Final = "default"
DEFAULT_COLLECTION_ID: Final = UUID("00000000-0000-8000-8000-000000000001")
"""The collection that each tenant has from the start, open to all of its people."""


class Collection(models.Model):
    """Documents that belong together; a restricted one is read by members of its groups only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(
        max_length=LABEL_LIMIT,
        unique=True,
        validators=[
            RegexValidator(rf"^{LABEL_PATTERN.pattern}\Z", "Use a-z, 0-9 and single hyphens.")
        ],
    )
    description = models.CharField(max_length=500, blank=True)
    restricted = models.BooleanField(default=False)
    groups = models.ManyToManyField(Group, blank=True, related_name="collections")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_default(self) -> bool:
        """Whether it is the one that every tenant has, which stays as it is."""
        return self.pk == DEFAULT_COLLECTION_ID


class Document(models.Model):
    """One file that was accepted: its raw bytes lie unchanged in the tenant's bucket.

    The same bytes are one document in each collection: a copy elsewhere must not show.
    `published_run_id` names the pipeline run whose chunks search may see; None: not yet visible.
    `metadata` is the tenant's own, as it was given, under the version of its schema; 0: none.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    filename = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    collection = models.ForeignKey(
        Collection,
        on_delete=models.PROTECT,
        default=DEFAULT_COLLECTION_ID,
        related_name="documents",
    )
    raw_key = models.CharField(max_length=200)
    uploaded_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    metadata = models.JSONField(default=dict, blank=True)
    metadata_schema_version = models.PositiveIntegerField(default=0)
    published_run_id = models.UUIDField(null=True, blank=True, db_index=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "sha256"], name="one_document_a_content"),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["metadata"], name="document_metadata", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return self.filename


class DocumentTotals(models.Model):
    """One row: how many documents there are, and their bytes as received; triggers keep it.

    Quotas are checked against it under its lock, so that files that come at once cannot slip
    over a quota together, and nothing is added up anew for each of them.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    documents = models.PositiveBigIntegerField(default=0)
    size_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_row_of_totals"),
        ]

    def __str__(self) -> str:
        return f"{self.documents} documents, {self.size_bytes} bytes"


class MetadataSchema(models.Model):
    """One version of the schemas for custom metadata: the highest is in force, none is changed.

    None stands for no schema: then any metadata within the limits is taken.
    """

    version = models.PositiveIntegerField(primary_key=True)
    document = models.JSONField(null=True, blank=True)
    chunk = models.JSONField(null=True, blank=True)
    sha256 = models.CharField(max_length=64)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-version"]

    def __str__(self) -> str:
        return f"version {self.version}"


class Outcome(models.TextChoices):
    """What became of a file at intake."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"


class Scan(models.TextChoices):
    """What the malware scanner said; `skipped` where none is configured."""

    CLEAN = "clean"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


class Receipt(models.Model):
    """What became of one file that was handed over. Never changed: PostgreSQL refuses it.

    `details` are the numbers behind a refusal, safe to show. `document` is the stored document;
    for a duplicate it is the one that was there before. `collection` is where the file was handed
    in, which may be gone since: it holds nothing up.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    filename = models.CharField(max_length=255)
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    scan = models.CharField(max_length=12, choices=Scan.choices, default=Scan.SKIPPED)
    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    message = models.TextField(blank=True)
    remediation = models.TextField(blank=True)
    details = models.JSONField(default=dict, blank=True)
    http_status = models.PositiveSmallIntegerField(default=202)
    media_type = models.CharField(max_length=100, blank=True)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    document = models.ForeignKey(
        Document, on_delete=models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    collection = models.ForeignKey(
        Collection,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        default=DEFAULT_COLLECTION_ID,
        related_name="+",
    )
    is_duplicate = models.BooleanField(default=False)
    received_from = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.filename}: {self.outcome}"
