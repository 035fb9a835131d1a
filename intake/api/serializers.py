"""Collections, receipts, and the one file that a request brings."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from intake.models import DEFAULT_COLLECTION, Collection, Receipt
from intake.receipts import RECEIPT_TYPE, SIGNED_TIME
from tenants.api.callers import require_tenant
from tenants.api.strict import StrictSerializer
from tenants.naming import LABEL_LIMIT, LABEL_RULE


class UploadSerializer(serializers.Serializer[Any]):
    """A multipart body: the `file`, and where to. Whether it is empty is for the checks to say."""

    file = serializers.FileField(
        allow_empty_file=True,
        use_url=False,
        help_text="The file, with its name. Its kind is told from its content.",
    )
    collection = serializers.CharField(
        max_length=LABEL_LIMIT,
        default=DEFAULT_COLLECTION,
        help_text="The name of a collection that the caller reads.",
    )
    metadata = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="The document's own metadata: a JSON object, checked by the tenant's schema.",
    )


class NewCollectionSerializer(StrictSerializer):
    """A collection to create."""

    name = serializers.CharField(max_length=LABEL_LIMIT, help_text=LABEL_RULE)
    description = serializers.CharField(max_length=500, allow_blank=True, default="")
    restricted = serializers.BooleanField(
        default=False, help_text="Whether only members of `groups` read it."
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=LABEL_LIMIT), max_length=100, default=list
    )


class CollectionChangesSerializer(StrictSerializer):
    """What to change of a collection; what is left out stays."""

    description = serializers.CharField(max_length=500, allow_blank=True, required=False)
    restricted = serializers.BooleanField(required=False)
    groups = serializers.ListField(
        child=serializers.CharField(max_length=LABEL_LIMIT), max_length=100, required=False
    )


class CollectionLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a collection."""

    self = serializers.URLField()


class CollectionSerializer(serializers.ModelSerializer[Collection]):
    """A collection. `documents` is null for who does not read it.

    `groups` are those that open it, for readers as far as they are in them.
    """

    groups = serializers.SerializerMethodField()
    documents = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Collection
        fields = (
            "name",
            "description",
            "restricted",
            "groups",
            "documents",
            "created_at",
            "links",
        )
        read_only_fields = fields

    def get_groups(self, collection: Collection) -> list[str]:
        """Return the names of the groups in order."""
        return sorted(group.name for group in collection.groups.all())

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_documents(self, collection: Collection) -> int | None:
        """Return how many documents the caller sees in it."""
        counts: dict[UUID, int] = self.context["counts"]
        return counts.get(collection.pk)

    @extend_schema_field(CollectionLinksSerializer)
    def get_links(self, collection: Collection) -> dict[str, str]:
        """Return the address of the collection."""
        request, of_this = self.context["request"], {"collection": collection.name}
        return {"self": reverse("api:collection", kwargs=of_this, request=request)}


class ReceiptLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a receipt; `document` is null for a file that was not accepted."""

    self = serializers.URLField()
    document = serializers.URLField(allow_null=True)


class ReceiptSerializer(serializers.ModelSerializer[Receipt]):
    """What became of a file. `sha256` is that of the bytes as they came.

    `signature` is Ed25519, in base64, by the key `signing_key` of `receipts/keys`, over the
    canonical JSON (RFC 8785) of all members but itself, `signing_key` and `links`.
    """

    type = serializers.SerializerMethodField()
    tenant = serializers.SerializerMethodField()
    batch_id = serializers.UUIDField(allow_null=True, read_only=True)
    document_id = serializers.UUIDField(allow_null=True, read_only=True)
    created_at = serializers.DateTimeField(format=SIGNED_TIME, read_only=True)
    details = serializers.DictField(
        read_only=True, help_text="The numbers behind a refusal, such as `used` and `limit`."
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = Receipt
        fields = (
            "type",
            "tenant",
            "id",
            "batch_id",
            "batch_reference",
            "file_id",
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
            "version",
            "is_duplicate",
            "received_from",
            "created_at",
            "signature",
            "signing_key",
            "links",
        )
        read_only_fields = fields

    def get_type(self, _receipt: Receipt) -> str:
        """Return what a signature of a receipt is for."""
        return RECEIPT_TYPE

    def get_tenant(self, _receipt: Receipt) -> str:
        """Return the slug of the tenant."""
        return require_tenant(self.context["request"]).slug

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


class PublicKeySerializer(serializers.Serializer[Any]):
    """A public key as a JSON Web Key (RFC 7517, RFC 8037); `x` is its 32 bytes in base64url."""

    kty = serializers.ChoiceField(["OKP"])
    crv = serializers.ChoiceField(["Ed25519"])
    alg = serializers.ChoiceField(["EdDSA"])
    use = serializers.ChoiceField(["sig"])
    kid = serializers.CharField()
    x = serializers.CharField()


class PublicKeysSerializer(serializers.Serializer[Any]):
    """Every key that ever signed a receipt here, the one in force last."""

    keys = PublicKeySerializer(many=True)
