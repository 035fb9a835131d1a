"""What was handed over: documents, and a receipt for each file, accepted or not. Tenant schema."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from frostbyte.kernel.ids import new_id


class Document(models.Model):
    """One file that was accepted: its raw bytes lie unchanged in the tenant's bucket.

    `published_run_id` names the pipeline run whose chunks search may see; None: not yet visible.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    filename = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, unique=True)
    raw_key = models.CharField(max_length=200)
    uploaded_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    published_run_id = models.UUIDField(null=True, blank=True, db_index=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

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
    for a duplicate it is the one that was there before.
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
    is_duplicate = models.BooleanField(default=False)
    received_from = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.filename}: {self.outcome}"
