"""Resumable uploads, spoken by tus 1.0: https://tus.io/protocols/resumable-upload."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.http import HttpRequest
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from frostbyte.kernel.bodies import STREAMED_TYPE, Read, body_reader
from frostbyte.kernel.errors import ValidationError
from intake.batches.selectors import batch_file_get
from intake.checks.sizes import MEGABYTE
from intake.metadata.checking import metadata_read
from intake.models import DEFAULT_COLLECTION, Receipt, Upload
from intake.uploads.errors import TusVersionError
from intake.uploads.protocol import (
    ALGORITHMS,
    EXTENSIONS,
    VERSION,
    read_checksum,
    read_metadata,
    read_number,
)
from intake.uploads.selectors import upload_get, upload_receipt
from intake.uploads.services import (
    upload_append,
    upload_create,
    upload_create_for_batch,
    upload_settle,
    upload_terminate,
)
from tenants.api.callers import actor_of, require_tenant
from tenants.models import Scope

TAGS: Final = ["intake"]


def _header(name: str, text: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text, required=required)


TUS_RESUMABLE: Final = _header("Tus-Resumable", f"The protocol: `{VERSION}`.", required=True)
UPLOAD_LENGTH: Final = _header("Upload-Length", "The size of the file in bytes.", required=True)
UPLOAD_OFFSET: Final = _header("Upload-Offset", "Where the bytes belong.", required=True)
UPLOAD_CHECKSUM: Final = _header(
    "Upload-Checksum", "`sha1` or `sha256`, a space, and the checksum of the body in base64."
)
UPLOAD_METADATA: Final = _header(
    "Upload-Metadata",
    "`filename`, and `collection` and `metadata` (JSON) if wanted; for a file of a batch its id as "
    "`batch`, and the `file_id`. Each with its value in base64, separated by commas.",
    required=True,
)


class UploadLinksSerializer(serializers.Serializer[Any]):
    """Where to go from an upload; `receipt` is null until it has one."""

    self = serializers.URLField()
    receipt = serializers.URLField(allow_null=True)


class UploadSerializer(serializers.Serializer[Any]):
    """An upload: how far it is, until when it is kept, and what became of it.

    `state` is `open`, `finishing` when every byte has come, and `finished` with a receipt.
    """

    id = serializers.UUIDField()
    state = serializers.ChoiceField(["open", "finishing", "finished"])
    filename = serializers.CharField()
    size_bytes = serializers.IntegerField()
    offset = serializers.IntegerField()
    receipt_id = serializers.UUIDField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    links = UploadLinksSerializer()


class TusView(GenericAPIView[Upload]):
    """What both addresses have in common: the protocol's version, and what is spoken of it."""

    serializer_class = UploadSerializer
    pagination_class = None
    problem_origins: ClassVar = ("tenants", "intake.uploads")

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Say the version on every answer, errors included."""
        return {**super().default_response_headers, "Tus-Resumable": VERSION}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse another version of the protocol; GET and OPTIONS are free of it."""
        super().initial(request, *args, **kwargs)
        if request.method in {"GET", "OPTIONS"}:
            return
        if request.headers.get("Tus-Resumable") != VERSION:
            self.headers["Tus-Version"] = VERSION
            raise TusVersionError(
                "The request does not say that it speaks this version of tus.",
                remediation=f"Send the header Tus-Resumable: {VERSION}.",
            )

    def options(self, request: Any, *_args: Any, **_kwargs: Any) -> Response:
        """Tell what of tus is spoken here, and the largest file."""
        largest = require_tenant(request).settings.max_file_size_mb * MEGABYTE
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(largest),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)


class UploadsView(TusView):
    """Where uploads begin."""

    required_scope = Scope.INGEST.value
    throttle_scope: ClassVar = {"POST": "intake"}
    further_problems: ClassVar = {"POST": (400, 404, 409, 412, 413, 415, 422, 423, 503)}

    @extend_schema(
        operation_id="upload_create",
        tags=TAGS,
        parameters=[TUS_RESUMABLE, UPLOAD_LENGTH, UPLOAD_METADATA],
        request={STREAMED_TYPE: OpenApiTypes.BINARY},
        responses={201: UploadSerializer},
    )
    def post(self, request: Request) -> Response:
        """Begin an upload; `Location` is where its bytes go by PATCH.

        The first bytes, or all of them, may come along as a body of this type.
        """
        upload = _create(request)
        if request.content_type == STREAMED_TYPE:
            upload = _append(request, upload.pk, 0)
        response = Response(_told(upload, request), status=status.HTTP_201_CREATED)
        _set_headers(response, upload, request)
        response["Location"] = response.data["links"]["self"]
        return response


class UploadView(TusView):
    """One upload."""

    required_scope = Scope.INGEST.value
    # A large file comes in many requests, so they count as reading does.
    throttle_scope: ClassVar = dict.fromkeys(("GET", "PATCH", "DELETE"), "query")
    further_problems: ClassVar = {
        "GET": (503,),
        "PATCH": (409, 412, 423, 460, 503),
        "DELETE": (412, 423, 503),
    }

    @extend_schema(operation_id="upload_get", tags=TAGS)
    def get(self, request: Request, upload_id: UUID) -> Response:
        """Return how far an upload is, and the receipt that it ended with.

        HEAD tells the same in the headers of tus: `Upload-Offset`, `Upload-Length`,
        `Upload-Expires`, and `Frostbyte-Receipt` with the address of the receipt.
        """
        upload = _settled(request, upload_id)
        response = Response(_told(upload, request))
        _set_headers(response, upload, request)
        return response

    def head(self, request: Request, upload_id: UUID) -> Response:
        """Tell by headers alone."""
        upload = _settled(request, upload_id)
        response = Response(status=status.HTTP_200_OK)
        _set_headers(response, upload, request)
        return response

    @extend_schema(
        operation_id="upload_append",
        tags=TAGS,
        parameters=[TUS_RESUMABLE, UPLOAD_OFFSET, UPLOAD_CHECKSUM],
        request={STREAMED_TYPE: OpenApiTypes.BINARY},
        responses={204: None},
    )
    def patch(self, request: Request, upload_id: UUID) -> Response:
        """Add bytes. What came before the connection broke is kept, unless a checksum was sent.

        The answer to the last of them has the receipt in `Frostbyte-Receipt`.
        """
        if request.content_type != STREAMED_TYPE:
            raise UnsupportedMediaType(request.content_type)
        offset = read_number("Upload-Offset", request.headers.get("Upload-Offset"))
        upload = _append(request, upload_id, offset)
        response = Response(status=status.HTTP_204_NO_CONTENT)
        _set_headers(response, upload, request)
        return response

    @extend_schema(
        operation_id="upload_delete", tags=TAGS, parameters=[TUS_RESUMABLE], responses={204: None}
    )
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """End an upload and remove what came of it; a receipt that it has stays."""
        upload_terminate(tenant=require_tenant(request), upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _create(request: Request) -> Upload:
    if "Upload-Defer-Length" in request.headers:
        raise ValidationError(
            "The length of an upload has to be known.", remediation="Send Upload-Length."
        )
    tenant, actor = require_tenant(request), actor_of(request)
    size = read_number("Upload-Length", request.headers.get("Upload-Length"))
    header = request.headers.get("Upload-Metadata", "")
    said = read_metadata(header)
    if "batch" in said:
        batch_file = batch_file_get(batch_id=_batch_id(said), file_id=said.get("file_id", ""))
        return upload_create_for_batch(
            tenant=tenant, batch_file=batch_file, size=size, actor=actor, header=header
        )
    if not said.get("filename"):
        raise ValidationError(
            "The upload has no file name.",
            remediation="Send Upload-Metadata: filename, a space, and the name in base64.",
        )
    return upload_create(
        tenant=tenant,
        filename=said["filename"],
        size=size,
        actor=actor,
        collection=said.get("collection", DEFAULT_COLLECTION),
        metadata=metadata_read(said["metadata"]) if said.get("metadata") else None,
        header=header,
    )


def _batch_id(said: dict[str, str]) -> UUID:
    try:
        return UUID(said["batch"])
    except ValueError as error:
        raise ValidationError(
            "The batch is not named by its id.", remediation="Send the `id` of the batch's answer."
        ) from error


def _append(request: Request, upload_id: UUID, offset: int) -> Upload:
    length = request.headers.get("Content-Length")
    return upload_append(
        tenant=require_tenant(request),
        upload_id=upload_id,
        offset=offset,
        read=_reader(request),
        announced=read_number("Content-Length", length) if length else None,
        checksum=read_checksum(request.headers.get("Upload-Checksum")),
    )


def _reader(request: Request) -> Read:
    plain: HttpRequest = request._request  # noqa: SLF001 - DRF names no other way to it
    return body_reader(plain)


def _settled(request: Request, upload_id: UUID) -> Upload:
    upload = upload_get(upload_id=upload_id)
    return upload_settle(tenant=require_tenant(request), upload=upload)


def _set_headers(response: Response, upload: Upload, request: Request) -> None:
    response["Upload-Offset"] = str(upload.offset)
    response["Upload-Length"] = str(upload.size_bytes)
    response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    response["Cache-Control"] = "no-store"
    if upload.header:
        response["Upload-Metadata"] = upload.header
    receipt = upload_receipt(upload=upload)
    if receipt is not None:
        response["Frostbyte-Receipt"] = _receipt_address(receipt, request)
        response["Frostbyte-Outcome"] = receipt.outcome


def _receipt_address(receipt: Receipt, request: Request) -> str:
    return reverse("api:receipt", kwargs={"receipt_id": receipt.pk}, request=request)


def _told(upload: Upload, request: Request) -> dict[str, Any]:
    receipt = upload_receipt(upload=upload)
    of_this = {"upload_id": upload.pk}
    waiting = "finishing" if upload.is_whole else "open"
    shown = {
        "id": upload.pk,
        "state": waiting if receipt is None else "finished",
        "filename": upload.filename,
        "size_bytes": upload.size_bytes,
        "offset": upload.offset,
        "receipt_id": receipt.pk if receipt else None,
        "outcome": receipt.outcome if receipt else None,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "links": {
            "self": reverse("api:upload", kwargs=of_this, request=request),
            "receipt": _receipt_address(receipt, request) if receipt else None,
        },
    }
    return dict(UploadSerializer(shown).data)
