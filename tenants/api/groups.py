"""Groups of a tenant's people, for its administrators."""

from django.contrib.auth.models import Group
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access.groups import (
    group_add,
    group_create,
    group_delete,
    group_get,
    group_list,
    group_remove,
    members_of,
)
from tenants.access.people import staff_get
from tenants.api.callers import actor_of, require_tenant
from tenants.api.strict import StrictSerializer
from tenants.models import Scope
from tenants.naming import LABEL_LIMIT, LABEL_RULE

TAGS = ["collections"]


class GroupSerializer(serializers.Serializer[Group]):
    """A group, and the user names of its people."""

    name = serializers.CharField()
    members = serializers.SerializerMethodField()

    def get_members(self, group: Group) -> list[str]:
        """Return the user names in order."""
        return members_of(group)


class NewGroupSerializer(StrictSerializer):
    """A group to create."""

    name = serializers.CharField(max_length=LABEL_LIMIT, help_text=LABEL_RULE)


class GroupBase(GenericAPIView[Group]):
    """What the views have in common."""

    required_scope = Scope.ADMIN.value
    throttle_scope = "query"
    serializer_class = GroupSerializer

    def tell(self, name: str, code: int = status.HTTP_200_OK) -> Response:
        """Return the group as it stands."""
        return Response(self.get_serializer(group_get(name=name)).data, status=code)


class GroupsView(GroupBase):
    """The list of groups, and new ones."""

    cursor_ordering = ("name",)

    @extend_schema(operation_id="group_list", tags=TAGS, responses=GroupSerializer(many=True))
    def get(self, _request: Request) -> Response:
        """List the groups with their members, by name; roles are not among them."""
        page = self.paginate_queryset(group_list())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="group_create",
        tags=TAGS,
        request=NewGroupSerializer,
        responses={201: GroupSerializer},
    )
    def post(self, request: Request) -> Response:
        """Create a group without members."""
        wanted = NewGroupSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        name = wanted.validated_data["name"]
        group_create(tenant=require_tenant(request), name=name, actor=actor_of(request))
        return self.tell(name, status.HTTP_201_CREATED)


class GroupView(GroupBase):
    """One group."""

    @extend_schema(operation_id="group_get", tags=TAGS)
    def get(self, _request: Request, group: str) -> Response:
        """Return one group with its members."""
        return self.tell(group)

    @extend_schema(operation_id="group_delete", tags=TAGS, responses={204: None})
    def delete(self, request: Request, group: str) -> Response:
        """Delete a group; what it alone opened is closed, and keys lose it."""
        found = group_get(name=group)
        group_delete(tenant=require_tenant(request), group=found, actor=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MemberView(GroupBase):
    """A person's place in a group."""

    @extend_schema(
        operation_id="group_add", tags=TAGS, request=None, responses={200: GroupSerializer}
    )
    def put(self, request: Request, group: str, username: str) -> Response:
        """Let a person read what the group opens."""
        group_add(
            tenant=require_tenant(request),
            group=group_get(name=group),
            user=staff_get(username=username),
            actor=actor_of(request),
        )
        return self.tell(group)

    @extend_schema(operation_id="group_remove", tags=TAGS, responses={200: GroupSerializer})
    def delete(self, request: Request, group: str, username: str) -> Response:
        """Take a person out of the group."""
        group_remove(
            tenant=require_tenant(request),
            group=group_get(name=group),
            user=staff_get(username=username),
            actor=actor_of(request),
        )
        return self.tell(group)
