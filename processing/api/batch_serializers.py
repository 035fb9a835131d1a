"""Batches and their receipts, as the API tells them."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from intake.api.examples import RECEIPT
from intake.api.serializers import ReceiptSerializer
from intake.models import DEFAULT_COLLECTION, Batch, BatchFile, Outcome, Priority
from processing.models import Run, RunState

AWAITED: Final = "awaited"
PRIORITIES: Final = tuple(level.name.lower() for level in Priority)
_OUTCOMES: Final = (*Outcome.values, AWAITED)


class ManifestFileSerializer(serializers.Serializer[Any]):
    """A file of a manifest, as its sender describes it."""

    file_id = serializers.CharField(max_length=200, help_text="Unique in the batch.")
    filename = serializers.CharField(max_length=255)
    mime_type = serializers.CharField(max_length=100)
    size_bytes = serializers.IntegerField(min_value=0)
    sha256 = serializers.CharField(help_text="Of the bytes that are sent: 64 hex digits.")
    metadata = serializers.DictField(
        required=False, help_text="The document's own metadata, checked by the tenant's schema."
    )


class ManifestSerializer(serializers.Serializer[Any]):
    """What is coming. `intake.batches.manifest` reads it; this describes it."""

    batch_id = serializers.CharField(
        max_length=200, help_text="Your own reference, unique in the collection."
    )
    file_count = serializers.IntegerField(min_value=1)
    files = ManifestFileSerializer(many=True)
    collection = serializers.CharField(required=False, default=DEFAULT_COLLECTION)
    priority = serializers.ChoiceField(choices=PRIORITIES, required=False, default="normal")


class BatchUploadSerializer(serializers.Serializer[Any]):
    """A multipart body: `manifest` first, then a part for each file, named by its `file_id`."""

    manifest = ManifestSerializer()


class BatchCountsSerializer(serializers.Serializer[Any]):
    """How many files came to what at intake; `duplicates` are among the accepted."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    awaited = serializers.IntegerField()


class BatchLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a batch."""

    self = serializers.URLField()


class BatchSerializer(serializers.ModelSerializer[Batch]):
    """A batch. `batch_id` is the sender's reference, `id` ours."""

    batch_id = serializers.CharField(source="reference", read_only=True)
    collection = serializers.CharField(source="collection.name", read_only=True)
    priority = serializers.SerializerMethodField()
    counts = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Batch
        fields: tuple[str, ...] = (
            "id",
            "batch_id",
            "state",
            "collection",
            "priority",
            "file_count",
            "manifest_sha256",
            "counts",
            "created_by",
            "created_at",
            "expires_at",
            "received_at",
            "completed_at",
            "links",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.ChoiceField(choices=PRIORITIES))
    def get_priority(self, batch: Batch) -> str:
        """Return the priority by its name."""
        return Priority(batch.priority).name.lower()

    @extend_schema_field(BatchCountsSerializer)
    def get_counts(self, batch: Batch) -> Any:
        """Return the counts that the query brought."""
        return BatchCountsSerializer(batch).data

    @extend_schema_field(BatchLinksSerializer)
    def get_links(self, batch: Batch) -> dict[str, str]:
        """Return the addresses of the batch."""
        request, of_this = self.context["request"], {"batch_id": batch.pk}
        return {"self": reverse("api:batch", kwargs=of_this, request=request)}


class BatchFileSerializer(serializers.ModelSerializer[BatchFile]):
    """A file of a batch: as announced, its receipt, and the state of its document's last run.

    `outcome` is the receipt's, or `awaited`; `state` is null unless there is a document.
    """

    mime_type = serializers.CharField(source="media_type", read_only=True)
    outcome = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField()
    receipt = ReceiptSerializer(read_only=True, allow_null=True)

    class Meta:
        model = BatchFile
        fields = (
            "file_id",
            "filename",
            "mime_type",
            "size_bytes",
            "sha256",
            "outcome",
            "state",
            "receipt",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=_OUTCOMES))
    def get_outcome(self, file: BatchFile) -> str:
        """Return what became of it at intake."""
        return file.receipt.outcome if file.receipt else AWAITED

    @extend_schema_field(serializers.ChoiceField(choices=RunState.choices, allow_null=True))
    def get_state(self, file: BatchFile) -> str | None:
        """Return how far its document has come."""
        document_id = file.receipt.document_id if file.receipt else None
        if document_id is None:
            return None
        run: Run | None = self.context["runs"].get(document_id)
        return run.state if run else RunState.QUEUED.value


class BatchReceiptSerializer(BatchSerializer):
    """The receipt of a batch: the batch and each of its files, in the manifest's order."""

    files = serializers.SerializerMethodField()

    class Meta(BatchSerializer.Meta):
        fields = (*BatchSerializer.Meta.fields, "files")
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(BatchFileSerializer(many=True))
    def get_files(self, _batch: Batch) -> Any:
        """Return the files that the view has fetched."""
        return BatchFileSerializer(self.context["files"], many=True, context=self.context).data


_FILE: Final = {
    "file_id": "0001",
    "filename": RECEIPT["filename"],
    "mime_type": RECEIPT["media_type"],
    "size_bytes": RECEIPT["size_bytes"],
    "sha256": RECEIPT["sha256"],
}
MANIFEST: Final = OpenApiExample(
    "One file, announced",
    {"batch_id": "delivery-2026-01", "file_count": 1, "files": [_FILE]},
    request_only=True,
    media_type="application/json",
)
_BATCH: Final = "0199c1f0-6a3d-7f02-8c11-7d5e2b9a4c10"
BATCH_RECEIPT: Final = OpenApiExample(
    "A batch whose file was accepted",
    {
        "id": _BATCH,
        "batch_id": "delivery-2026-01",
        "state": "received",
        "collection": "default",
        "priority": "normal",
        "file_count": 1,
        "manifest_sha256": "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea",
        "counts": {
            "accepted": 1,
            "duplicates": 0,
            "rejected": 0,
            "quarantined": 0,
            "awaited": 0,
        },
        "created_by": RECEIPT["received_from"],
        "created_at": RECEIPT["created_at"],
        "expires_at": None,
        "received_at": RECEIPT["created_at"],
        "completed_at": None,
        "links": {"self": f"http://acme.localhost:8000/api/v1/batches/{_BATCH}"},
        "files": [{**_FILE, "outcome": "accepted", "state": "queued", "receipt": RECEIPT}],
    },
    response_only=True,
    status_codes=["202"],
)
