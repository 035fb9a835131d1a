"""Receipts, and the one file that a request brings."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from intake.models import Receipt


class UploadSerializer(serializers.Serializer[Any]):
    """A multipart body with one part, `file`. Whether it is empty is for the checks to say."""

    file = serializers.FileField(
        allow_empty_file=True,
        use_url=False,
        help_text="The file, with its name. Its kind is told from its content.",
    )


class ReceiptLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a receipt; `document` is null for a file that was not accepted."""

    self = serializers.URLField()
    document = serializers.URLField(allow_null=True)


class ReceiptSerializer(serializers.ModelSerializer[Receipt]):
    """What became of a file. `sha256` is that of the bytes as they came."""

    document_id = serializers.UUIDField(allow_null=True, read_only=True)
    details = serializers.DictField(
        read_only=True, help_text="The numbers behind a refusal, such as `used` and `limit`."
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = Receipt
        fields = (
            "id",
            "filename",
            "outcome",
            "scan",
            "code",
            "reason",
            "message",
            "remediation",
            "details",
            "media_type",
            "size_bytes",
            "sha256",
            "document_id",
            "is_duplicate",
            "received_from",
            "created_at",
            "links",
        )
        read_only_fields = fields

    @extend_schema_field(ReceiptLinksSerializer)
    def get_links(self, receipt: Receipt) -> dict[str, str | None]:
        """Return the addresses of the receipt and of its document."""
        request, document_id = self.context["request"], receipt.document_id
        return {
            "self": reverse("api:receipt", kwargs={"receipt_id": receipt.pk}, request=request),
            "document": reverse(
                "api:document", kwargs={"document_id": document_id}, request=request
            )
            if document_id
            else None,
        }
