"""Dead letters: documents that came to no good end, and what is decided over them."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from processing.dead_letters import (
    REASON_LIMIT,
    Decision,
    dead_letter_decide,
    dead_letter_list,
    letter_facts,
)
from processing.models import Resolution, Run
from tenants.api.callers import actor_of, require_tenant
from tenants.api.strict import StrictSerializer
from tenants.models import Scope

TAGS = ["documents"]


class DeadLetterSerializer(serializers.Serializer[Run]):
    """A document that did not get past a stage: which, why, after how many tries.

    `id` is that of its run. `outcome` is the verdict (`parse_failed`, `quarantined`, ...), `code`
    the cause. `resolution` is `open` until somebody decides.
    """

    id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    filename = serializers.CharField()
    batch_id = serializers.UUIDField(allow_null=True)
    stage = serializers.CharField()
    outcome = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    remediation = serializers.CharField()
    attempts = serializers.IntegerField()
    failed_at = serializers.DateTimeField()
    resolution = serializers.ChoiceField(choices=Resolution.choices)
    resolved_by = serializers.CharField()
    resolved_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()

    def to_representation(self, instance: Run) -> Any:
        """Tell the facts of a dead letter, stages prefetched."""
        return super().to_representation(letter_facts(instance))  # type: ignore[arg-type]


class DecisionSerializer(StrictSerializer):
    """Why it was decided so, for the record."""

    reason = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=REASON_LIMIT
    )


class DecidedSerializer(serializers.Serializer[Any]):
    """What became of the run."""

    id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    state = serializers.CharField()
    resolution = serializers.ChoiceField(choices=Resolution.choices)


class DeadLettersView(GenericAPIView[Run]):
    """The dead letters that the caller may see."""

    required_scope = Scope.QUERY.value
    throttle_scope = "query"
    serializer_class = DeadLetterSerializer
    cursor_ordering = ("-finished_at", "-id")

    def get_queryset(self) -> QuerySet[Run]:
        """Return those over which nobody has decided."""
        return dead_letter_list()

    @extend_schema(
        operation_id="dead_letter_list", tags=TAGS, responses=DeadLetterSerializer(many=True)
    )
    def get(self, _request: Request) -> Response:
        """List the documents that need a decision, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class DecisionView(GenericAPIView[Run]):
    """One decision over one dead letter."""

    decision: ClassVar[Decision]
    required_scope = Scope.INGEST.value
    throttle_scope = "intake"
    serializer_class = DecisionSerializer
    pagination_class = None
    problem_origins = ("processing.dead_letters",)

    def decide(self, request: Request, run_id: UUID) -> Response:
        """Decide, and tell what became of it."""
        wanted = DecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        run = dead_letter_decide(
            tenant=require_tenant(request),
            decision=self.decision,
            run_id=run_id,
            actor=actor_of(request),
            reason=wanted.validated_data["reason"],
        )
        return Response(DecidedSerializer(run).data)


class RetryView(DecisionView):
    """Try again."""

    decision = Decision.RETRY

    @extend_schema(operation_id="dead_letter_retry", tags=TAGS, responses={200: DecidedSerializer})
    def post(self, request: Request, run_id: UUID) -> Response:
        """Try the document again from the stage at which it failed, with all its tries."""
        return self.decide(request, run_id)


class SkipView(DecisionView):
    """Set aside."""

    decision = Decision.SKIP

    @extend_schema(operation_id="dead_letter_skip", tags=TAGS, responses={200: DecidedSerializer})
    def post(self, request: Request, run_id: UUID) -> Response:
        """Set the document aside; it can be tried again later."""
        return self.decide(request, run_id)


class AbandonView(DecisionView):
    """Close for good."""

    decision = Decision.ABANDON

    @extend_schema(
        operation_id="dead_letter_abandon", tags=TAGS, responses={200: DecidedSerializer}
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """Close the document's run for good; the file as received stays, with its receipt."""
        return self.decide(request, run_id)
