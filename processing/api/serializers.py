"""Documents with the state of their runs, and the passages that were made of them."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from intake.models import Document
from processing.models import Chunk, Run, RunState
from processing.progress import progress_of
from processing.selectors import document_versions
from tenants.api.strict import StrictSerializer
from tenants.naming import LABEL_LIMIT


class DocumentLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a document; `{page}` in `page_image` stands for the page's number."""

    self = serializers.URLField()
    chunks = serializers.URLField()
    page_image = serializers.CharField()


class DocumentSerializer(serializers.ModelSerializer[Document]):
    """A document; `state` is that of its latest run. `published_at`: since when it is found.

    `version` counts the files of its name in its collection; `is_current`: search finds this one.
    """

    collection = serializers.CharField(source="collection.name", read_only=True)
    metadata = serializers.DictField(
        read_only=True, help_text="What was given with the file, in the tenant's own terms."
    )
    state = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields: tuple[str, ...] = (
            "id",
            "filename",
            "media_type",
            "size_bytes",
            "sha256",
            "collection",
            "version",
            "is_current",
            "uploaded_by",
            "created_at",
            "published_at",
            "metadata",
            "state",
            "links",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(serializers.ChoiceField(choices=RunState.choices))
    def get_state(self, document: Document) -> str:
        """Return the state of the latest run, which the list's query has fetched."""
        state: str | None = getattr(document, "run_state", None)
        return state or RunState.QUEUED.value

    @extend_schema_field(DocumentLinksSerializer)
    def get_links(self, document: Document) -> dict[str, str]:
        """Return the addresses of the document and of its parts."""
        request, of_this = self.context["request"], {"document_id": document.pk}
        own = reverse("api:document", kwargs=of_this, request=request)
        return {
            "self": own,
            "chunks": reverse("api:chunks", kwargs=of_this, request=request),
            "page_image": f"{own}/pages/{{page}}.png",
        }


class DocumentChangesSerializer(StrictSerializer):
    """What can be changed of a document: where it lies."""

    collection = serializers.CharField(
        max_length=LABEL_LIMIT, help_text="The name of a collection that the caller reads."
    )


class StageSerializer(serializers.Serializer[Any]):
    """One stage of a run; `reason` says why it waits or failed, `since` when that began."""

    name = serializers.CharField()
    state = serializers.CharField()
    attempt = serializers.IntegerField()
    seconds = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField(allow_null=True)


class RunSerializer(serializers.ModelSerializer[Run]):
    """One passage through the pipeline, with its stages in order."""

    stages = serializers.SerializerMethodField()

    class Meta:
        model = Run
        fields: tuple[str, ...] = (
            "id",
            "state",
            "configuration_version",
            "error_code",
            "error_message",
            "remediation",
            "created_at",
            "finished_at",
            "stages",
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(StageSerializer(many=True))
    def get_stages(self, run: Run) -> Any:
        """Return the stages in order."""
        return StageSerializer(progress_of(run).stages, many=True).data


class VersionSerializer(serializers.ModelSerializer[Document]):
    """One version of a file."""

    state = serializers.SerializerMethodField()
    link = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = (
            "id",
            "version",
            "is_current",
            "sha256",
            "uploaded_by",
            "created_at",
            "state",
            "link",
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(choices=RunState.choices))
    def get_state(self, document: Document) -> str:
        """Return the state of its latest run, which the query has fetched."""
        return getattr(document, "run_state", None) or RunState.QUEUED.value

    @extend_schema_field(serializers.URLField())
    def get_link(self, document: Document) -> str:
        """Return its address."""
        of_this = {"document_id": document.pk}
        return reverse("api:document", kwargs=of_this, request=self.context["request"])


class DocumentDetailSerializer(DocumentSerializer):
    """A document with its latest run and all versions of its file, newest first.

    `run` is null until one has begun.
    """

    run = serializers.SerializerMethodField()
    versions = serializers.SerializerMethodField()

    class Meta(DocumentSerializer.Meta):
        fields = (*DocumentSerializer.Meta.fields, "versions", "run")
        read_only_fields: tuple[str, ...] = fields

    def get_state(self, document: Document) -> str:
        """Return the state of the run that is told."""
        del document
        run: Run | None = self.context["run"]
        return run.state if run else RunState.QUEUED.value

    @extend_schema_field(VersionSerializer(many=True))
    def get_versions(self, document: Document) -> Any:
        """Return the versions of the file, this one among them."""
        versions = document_versions(document)
        return VersionSerializer(versions, many=True, context=self.context).data

    @extend_schema_field(RunSerializer(allow_null=True))
    def get_run(self, _document: Document) -> Any:
        """Return the latest run."""
        run: Run | None = self.context["run"]
        return RunSerializer(run).data if run else None


class ChunkSerializer(serializers.ModelSerializer[Chunk]):
    """A passage, as the gates let it through.

    `start_char` and `end_char` count in the page's canonical text; `bbox` is in PDF points from
    the page's top left: left, top, right, bottom. `chunk_id` names the passage for good, `id` names
    this run's copy.
    """

    class Meta:
        model = Chunk
        fields: tuple[str, ...] = (
            "id",
            "chunk_id",
            "ordinal",
            "text",
            "element_type",
            "page",
            "start_char",
            "end_char",
            "bbox",
            "section_path",
            "sha256",
        )
        read_only_fields: tuple[str, ...] = fields


class PageQuerySerializer(serializers.Serializer[Any]):
    """What may be asked of a page image."""

    chunk = serializers.UUIDField(
        required=False, help_text="The `id` of a passage of this document, to be marked."
    )
