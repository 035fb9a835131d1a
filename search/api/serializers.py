"""Questions, answers, and proofs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from intake.formats import PDF
from intake.metadata.limits import breach_of
from search.limits import QUERY_LIMIT
from search.results import Hit, Proof, QueryFilters
from tenants.api.strict import StrictSerializer
from tenants.naming import LABEL_LIMIT

FILTER_LIMIT = 1000
METADATA_FILTERS = 20
METADATA_BYTES = 64 * 1024
TEXT_LIMIT = 1000


class ScalarField(serializers.JSONField):
    """A text, a number, true, false or null."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the value; raises `ValidationError` for anything that holds others."""
        if isinstance(data, str) and (len(data) > TEXT_LIMIT or "\0" in data):
            raise serializers.ValidationError(f"A text of at most {TEXT_LIMIT} characters.")
        if not isinstance(data, str | int | float | bool):
            raise serializers.ValidationError("A text, a number, true, false or null.")
        return data


class FiltersSerializer(StrictSerializer):
    """Where to look. What is left out limits nothing."""

    document_ids = serializers.ListField(
        child=serializers.UUIDField(), max_length=FILTER_LIMIT, required=False
    )
    media_types = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=50, required=False
    )
    collections = serializers.ListField(
        child=serializers.CharField(max_length=LABEL_LIMIT),
        max_length=50,
        required=False,
        help_text="Names of collections that the caller reads.",
    )
    versions = serializers.ChoiceField(
        choices=("current", "all"),
        required=False,
        help_text="`all`: earlier versions of files as well, not only the newest published.",
    )
    created_after = serializers.DateTimeField(
        required=False, help_text="Documents handed in at this time or later."
    )
    created_before = serializers.DateTimeField(
        required=False, help_text="Documents handed in before this time."
    )
    metadata = serializers.DictField(
        child=ScalarField(allow_null=True),
        required=False,
        help_text="Documents whose metadata has each of these members with just this value.",
    )

    def validate_metadata(self, value: dict[str, Any]) -> dict[str, Any]:
        """Refuse more members than a question needs, and what no document's metadata can have."""
        if len(value) > METADATA_FILTERS:
            raise serializers.ValidationError(f"At most {METADATA_FILTERS} members.")
        limits = {"most_bytes": METADATA_BYTES, "most_depth": 2}
        if breach := breach_of(value, **limits, most_values=METADATA_FILTERS + 1):
            raise serializers.ValidationError(breach)
        return value

    def create(self, validated_data: Any) -> QueryFilters:
        """Return the filters as the search takes them."""
        return QueryFilters(
            document_ids=tuple(validated_data.get("document_ids", ())),
            media_types=tuple(validated_data.get("media_types", ())),
            all_versions=validated_data.get("versions") == "all",
            collections=tuple(validated_data.get("collections", ())),
            created_after=validated_data.get("created_after"),
            created_before=validated_data.get("created_before"),
            metadata=validated_data.get("metadata", {}),
        )


class QuerySerializer(StrictSerializer):
    """A question. `top_k` is how many passages to answer with; the tenant has its own maximum."""

    query_text = serializers.CharField(max_length=QUERY_LIMIT)
    top_k = serializers.IntegerField(min_value=1, max_value=200, required=False)
    filters = FiltersSerializer(required=False)


class ProofSerializer(StrictSerializer):
    """What lets anyone check a citation. Hashes are SHA-256, 64 lower-case hex digits."""

    document_id = serializers.UUIDField()
    run_id = serializers.UUIDField()
    chunk_id = serializers.UUIDField()
    raw_sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    canonical_sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    chunk_sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z")
    page = serializers.IntegerField(allow_null=True, min_value=1, max_value=2**31 - 1)
    start_char = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    end_char = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    audit_event_ids = serializers.ListField(child=serializers.UUIDField(), max_length=100)

    def create(self, validated_data: Any) -> Proof:
        """Return the proof as the check takes it."""
        events = tuple(validated_data["audit_event_ids"])
        return Proof(**{**validated_data, "audit_event_ids": events})


class HitLinksSerializer(serializers.Serializer[Any]):
    """Where to look at a hit; `page_image` marks the passage, and is null but for PDFs."""

    document = serializers.URLField()
    page_image = serializers.URLField(allow_null=True)


class HitSerializer(serializers.Serializer[Hit]):
    """A passage that answers: its place, its `score` (cosine similarity, 1 is best), its proof.

    `start_char` and `end_char` count in the page's canonical text; `bbox` is in PDF points from
    the page's top left: left, top, right, bottom.
    """

    id = serializers.UUIDField()
    chunk_id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    filename = serializers.CharField()
    media_type = serializers.CharField()
    text = serializers.CharField()
    score = serializers.FloatField()
    element_type = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    start_char = serializers.IntegerField()
    end_char = serializers.IntegerField()
    bbox = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    section_path = serializers.ListField(child=serializers.CharField())
    model_id = serializers.CharField()
    proof = ProofSerializer()
    links = serializers.SerializerMethodField()

    @extend_schema_field(HitLinksSerializer)
    def get_links(self, hit: Hit) -> dict[str, str | None]:
        """Return the addresses of the document and of the page with the passage marked."""
        request = self.context["request"]
        document = reverse("api:document", kwargs={"document_id": hit.document_id}, request=request)
        has_image = hit.media_type == PDF and hit.page is not None
        image = f"{document}/pages/{hit.page}.png?chunk={hit.id}" if has_image else None
        return {"document": document, "page_image": image}


class SearchResultSerializer(serializers.Serializer[Any]):
    """The passages, best first, the embedding model, and the time taken in milliseconds."""

    hits = HitSerializer(many=True)
    model_id = serializers.CharField()
    took_ms = serializers.IntegerField()


class ProofCheckSerializer(serializers.Serializer[Any]):
    """One link of a proof."""

    name = serializers.CharField()
    valid = serializers.BooleanField()
    detail = serializers.CharField()


class ProofReportSerializer(serializers.Serializer[Any]):
    """Whether a proof holds: every link of it must."""

    valid = serializers.BooleanField()
    checks = ProofCheckSerializer(many=True)
