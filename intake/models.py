"""What was handed over: documents in collections, and a receipt for each file, accepted or not.

Tenant schema. PostgreSQL shows each reader the rows of readable collections only.
"""

from typing import ClassVar, Final
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.postgres.functions import RandomUUID
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

    The same bytes are one document in each collection: a copy elsewhere must not show. Other bytes
    of the same name in the same collection are its next version, in one series; search finds the
    newest that is published, which is `is_current`, and the earlier ones stay to be read.
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
    series = models.UUIDField(default=new_id, db_default=RandomUUID(), editable=False)
    version = models.PositiveIntegerField(default=1)
    is_current = models.BooleanField(default=True)
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
            models.UniqueConstraint(fields=["series", "version"], name="one_document_a_version"),
        ]
        indexes: ClassVar = [
            GinIndex(fields=["metadata"], name="document_metadata", opclasses=["jsonb_path_ops"]),
            models.Index(fields=["collection", "filename"], name="document_of_name"),
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


class BatchState(models.TextChoices):
    """Where a batch is. The last two are final."""

    OPEN = "open"
    RECEIVED = "received"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Priority(models.IntegerChoices):
    """Which of a tenant's documents go first; between tenants it counts for nothing."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


class Batch(models.Model):
    """Files that were announced together by one manifest; `reference` is the sender's own id.

    It is `open` while files are on their way, until `expires_at`: what has not come by then is
    rejected, so that no batch waits for ever. It is `received` when every file has its receipt,
    and `completed` when nothing more happens to any of them by itself.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=200)
    state = models.CharField(
        max_length=12, choices=BatchState.choices, default=BatchState.OPEN, db_index=True
    )
    collection = models.ForeignKey(
        Collection, on_delete=models.PROTECT, default=DEFAULT_COLLECTION_ID, related_name="batches"
    )
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    file_count = models.PositiveIntegerField()
    manifest_sha256 = models.CharField(max_length=64)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["collection", "reference"], name="one_batch_a_name"),
        ]

    def __str__(self) -> str:
        return f"{self.reference}: {self.state}"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in {BatchState.COMPLETED, BatchState.CANCELLED}


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
    in, which may be gone since: it holds nothing up. `signature` is Ed25519, in base64, over the
    receipt's canonical JSON, by the platform's key that `signing_key` names.
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
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, null=True, blank=True, related_name="receipts"
    )
    batch_reference = models.CharField(max_length=200, blank=True)
    file_id = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1)
    is_duplicate = models.BooleanField(default=False)
    signature = models.CharField(max_length=100, blank=True)
    signing_key = models.CharField(max_length=64, blank=True)
    received_from = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.filename}: {self.outcome}"


class IdempotencyKey(models.Model):
    """A request that may be sent again: `status` and `body` are its answer once there is one.

    A key is its caller's own, at one address (`endpoint`). `fingerprint` is the SHA-256 of what
    the request asked for; `body` is compressed by zlib.
    """

    key = models.CharField(max_length=200)
    principal = models.CharField(max_length=200)
    endpoint = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.BinaryField(default=bytes)
    content_type = models.CharField(max_length=200, blank=True)
    location = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager["IdempotencyKey"]] = models.Manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["principal", "endpoint", "key"], name="one_request_a_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.status or 'in work'}"


class BatchFile(models.Model):
    """One file of a manifest: what its sender said of it, and its receipt once there is one."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="files")
    position = models.PositiveIntegerField()
    file_id = models.CharField(max_length=200)
    filename = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    metadata = models.JSONField(default=dict, blank=True)
    receipt = models.OneToOneField(
        Receipt, on_delete=models.PROTECT, null=True, blank=True, related_name="batch_file"
    )

    class Meta:
        ordering: ClassVar = ["batch", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "file_id"], name="one_file_an_id"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["batch"], condition=models.Q(receipt=None), name="batch_file_awaited"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_id} of {self.batch_id}"


class Upload(models.Model):
    """A file that comes in pieces (tus 1.0): how far it is, and what it is to become.

    `offset` counts the bytes that are kept. `receipt_id` is the id that its receipt will have, so
    that there is one only, whoever finishes the upload and however often. `header` is the
    Upload-Metadata as it was sent. A file of a batch has its `batch_file`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="uploads")
    batch_file = models.ForeignKey(
        BatchFile, on_delete=models.CASCADE, null=True, blank=True, related_name="uploads"
    )
    filename = models.CharField(max_length=255)
    metadata = models.JSONField(default=dict, blank=True)
    header = models.TextField(blank=True)
    size_bytes = models.PositiveBigIntegerField()
    offset = models.PositiveBigIntegerField(default=0)
    receipt_id = models.UUIDField(default=new_id, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.filename}: {self.offset} of {self.size_bytes} bytes"

    @property
    def is_whole(self) -> bool:
        """Whether every byte has come."""
        return self.offset == self.size_bytes


class UploadPart(models.Model):
    """Some bytes of an upload, in one object of the tenant's bucket."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    offset = models.PositiveBigIntegerField()
    size_bytes = models.PositiveIntegerField()
    key = models.CharField(max_length=200)

    class Meta:
        ordering: ClassVar = ["upload", "offset"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["upload", "offset"], name="one_part_a_place"),
        ]

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes at {self.offset}"
