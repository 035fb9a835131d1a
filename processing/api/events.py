"""A batch's progress as a stream of events."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request

from intake.models import Batch
from processing.api.batch_reports import TAGS
from processing.api.renderers import EventStreamRenderer
from processing.api.scopes import INGEST_OR_QUERY
from processing.api.serializers import PageQuerySerializer
from processing.batches.progress import batch_progress
from processing.batches.selectors import batch_with_report
from processing.streams.events import state_once, states
from processing.streams.watchers import Watcher
from tenants.api.callers import require_tenant
from tenants.limits.streams import slot_take

LAST_SEEN = OpenApiParameter(
    "Last-Event-ID",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The id of the last event that was received: it is not sent again.",
)

# Nginx would else keep events back until its buffer is full.
_AS_STREAM: Final[dict[str, Any]] = {
    "content_type": "text/event-stream",
    "headers": {"X-Accel-Buffering": "no"},
}


class BatchEventsView(GenericAPIView[Batch]):
    """The stream."""

    required_scope = INGEST_OR_QUERY
    throttle_scope = "query"
    renderer_classes = (EventStreamRenderer,)
    serializer_class = PageQuerySerializer
    pagination_class = None
    further_problems: ClassVar = {"GET": (404,)}

    @extend_schema(
        operation_id="batch_events",
        tags=TAGS,
        parameters=[LAST_SEEN],
        responses={(200, "text/event-stream"): OpenApiTypes.STR, 204: None},
    )
    def get(self, request: Request, batch_id: UUID) -> HttpResponseBase:
        """Follow a batch: an event `progress` for each new state, and `final` as the last.

        The data of an event is the whole state, so nothing is missed by whoever comes back. The
        stream ends with the batch, and with the caller's right to see it (event `end`). Who has
        seen the last state gets 204, which tells a browser to come back no more.
        """
        plain = request._request  # noqa: SLF001
        tenant, seen = require_tenant(request), request.headers.get("Last-Event-ID", "")
        progress = batch_progress(batch_with_report(batch_id=batch_id))
        if progress.final and progress.version == seen:
            return HttpResponse(status=204)
        if progress.final or not isinstance(plain, ASGIRequest):
            return HttpResponse(state_once(progress), **_AS_STREAM)
        events = states(
            tenant=tenant,
            batch_id=batch_id,
            watcher=Watcher.of(plain),
            slot=slot_take(tenant=tenant),
            first=progress,
            seen=seen,
        )
        return StreamingHttpResponse(events, **_AS_STREAM)
