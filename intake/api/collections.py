"""Collections: what there is, and for administrators who reads it."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from intake.api.serializers import (
    CollectionChangesSerializer,
    CollectionSerializer,
    NewCollectionSerializer,
)
from intake.collections import collection_change, collection_create, collection_delete
from intake.models import Collection
from intake.selectors import collection_get, collection_list, collection_managed, document_counts
from tenants.access.readers import EVERYTHING
from tenants.api.callers import actor_of, require_tenant
from tenants.api.permissions import granted_scopes
from tenants.context import reading
from tenants.models import Scope

READERS = (Scope.INGEST.value, Scope.QUERY.value, Scope.ADMIN.value)
TAGS = ["collections"]


class CollectionBase(GenericAPIView[Collection]):
    """What both views have in common.

    With `admin` every collection is told, with its groups. How many documents are in one is told
    to those only who read it.
    """

    serializer_class = CollectionSerializer

    def context_with_counts(self, collections: Iterable[Collection]) -> dict[str, Any]:
        """Return the serializer's context with the counts that the caller may know.

        Not in `get_serializer_context`, which the description of the API calls without a tenant.
        """
        return {**self.get_serializer_context(), "counts": document_counts(collections)}

    def seeing(self, request: Request) -> AbstractContextManager[None]:
        """Return the context in which names and groups are read."""
        return reading(EVERYTHING) if is_manager(request) else nullcontext()

    def tell(self, request: Request, collection: Collection, code: int = 200) -> Response:
        """Return the collection as it stands."""
        serializer = CollectionSerializer(
            collection, context=self.context_with_counts([collection])
        )
        with self.seeing(request):
            return Response(serializer.data, status=code)


def is_manager(request: Request) -> bool:
    """Whether the caller says who reads what."""
    return Scope.ADMIN.value in granted_scopes(request)


class CollectionsView(CollectionBase):
    """The list of collections, and new ones."""

    required_scope: ClassVar = {"GET": READERS, "POST": Scope.ADMIN.value}
    throttle_scope: ClassVar = {"GET": "query", "POST": "intake"}
    cursor_ordering = ("name",)
    further_problems: ClassVar = {"POST": (404,)}
    problem_origins = ("tenants",)

    @extend_schema(
        operation_id="collection_list", tags=TAGS, responses=CollectionSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """List the collections that the caller reads, with the scope `admin` all, by name."""
        with self.seeing(request):
            page = self.paginate_queryset(collection_list().prefetch_related("groups"))
        context = self.context_with_counts(page or [])
        with self.seeing(request):
            told = CollectionSerializer(page, many=True, context=context).data
        return self.get_paginated_response(told)

    @extend_schema(
        operation_id="collection_create",
        tags=TAGS,
        request=NewCollectionSerializer,
        responses={201: CollectionSerializer},
        examples=[
            OpenApiExample(
                "Read by one group only",
                {"name": "board", "restricted": True, "groups": ["board-members"]},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Create a collection; a restricted one is read by members of its groups only."""
        wanted = NewCollectionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        collection = collection_create(
            tenant=require_tenant(request), **wanted.validated_data, actor=actor_of(request)
        )
        response = self.tell(request, collection, status.HTTP_201_CREATED)
        response["Location"] = response.data["links"]["self"]
        return response


class CollectionView(CollectionBase):
    """One collection."""

    required_scope: ClassVar = {
        "GET": READERS,
        "PATCH": Scope.ADMIN.value,
        "DELETE": Scope.ADMIN.value,
    }
    throttle_scope: ClassVar = {"GET": "query", "PATCH": "intake", "DELETE": "intake"}
    further_problems: ClassVar = {"DELETE": (409,)}
    problem_origins = ("tenants",)

    @extend_schema(operation_id="collection_get", tags=TAGS)
    def get(self, request: Request, collection: str) -> Response:
        """Return one collection."""
        with self.seeing(request):
            found = collection_get(name=collection)
        return self.tell(request, found)

    @extend_schema(
        operation_id="collection_change",
        tags=TAGS,
        request=CollectionChangesSerializer,
        responses={200: CollectionSerializer},
    )
    def patch(self, request: Request, collection: str) -> Response:
        """Change what is given; `groups` replaces the list. It holds from the next query on."""
        wanted = CollectionChangesSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        changed = collection_change(
            tenant=require_tenant(request),
            collection=collection_managed(name=collection),
            **wanted.validated_data,
            actor=actor_of(request),
        )
        return self.tell(request, changed)

    @extend_schema(operation_id="collection_delete", tags=TAGS, responses={204: None})
    def delete(self, request: Request, collection: str) -> Response:
        """Delete a collection that is empty; `default` stays."""
        collection_delete(
            tenant=require_tenant(request),
            collection=collection_managed(name=collection),
            actor=actor_of(request),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
