"""Ask a question; check a proof."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from search.api.examples import ANSWER, BROKEN, PROOF_TO_CHECK, QUESTION
from search.api.serializers import (
    FiltersSerializer,
    ProofReportSerializer,
    ProofSerializer,
    QuerySerializer,
    SearchResultSerializer,
)
from search.proofs import proof_verify
from search.services import search
from tenants.api.callers import actor_of, require_tenant
from tenants.models import Scope

TAGS = ["search"]


class QueryView(GenericAPIView[Any]):
    """Questions to the tenant's documents."""

    required_scope = Scope.QUERY.value
    throttle_scope = "query"
    serializer_class = QuerySerializer
    further_problems: ClassVar = {"POST": (404,)}

    @extend_schema(
        operation_id="query",
        tags=TAGS,
        request=QuerySerializer,
        responses={200: SearchResultSerializer},
        examples=[QUESTION, ANSWER],
    )
    def post(self, request: Request) -> Response:
        """Answer a question with the nearest passages of published documents, each with a proof."""
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        filters = FiltersSerializer().create(values.get("filters", {}))
        result = search(
            tenant=require_tenant(request),
            query_text=values["query_text"],
            top_k=values.get("top_k"),
            filters=filters,
            actor=actor_of(request),
        )
        context = self.get_serializer_context()
        return Response(SearchResultSerializer(result, context=context).data)


class ProofVerifyView(GenericAPIView[Any]):
    """Checks of proofs."""

    required_scope = Scope.QUERY.value
    throttle_scope = "query"
    serializer_class = ProofSerializer

    @extend_schema(
        operation_id="proof_verify",
        tags=TAGS,
        request=ProofSerializer,
        responses={200: ProofReportSerializer},
        examples=[PROOF_TO_CHECK, BROKEN],
    )
    def post(self, request: Request) -> Response:
        """Check the `proof` of a hit against the stores, link by link.

        A proof that does not hold is an answer like any other: `valid` is false, and `checks`
        says which link broke.
        """
        proof = self.get_serializer(data=request.data)
        proof.is_valid(raise_exception=True)
        report = proof_verify(
            tenant=require_tenant(request), proof=proof.create(proof.validated_data)
        )
        return Response(ProofReportSerializer(report).data)
