"""Groups of a tenant's people, by which restricted collections are read. Inside its context.

The roles are groups of Django's as well; they give scopes and open nothing, and none of the
functions here touches them. Audit events name a group by its id: a name may tell what it is about.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet

from audit.events import EventType
from audit.services import record_event
from frostbyte.kernel.errors import ValidationError
from tenants.access.readers import EVERYTHING
from tenants.access.roles import ROLE_NAMES
from tenants.context import reading, registry_context
from tenants.errors import GroupNotFoundError
from tenants.models import ApiKey, Tenant
from tenants.naming import LABEL_LIMIT, LABEL_PATTERN, LABEL_RULE

_REMEDY: Final = "`GET /api/v1/groups`, or the groups page, shows which there are."


def group_list() -> QuerySet[Group]:
    """Return the groups with their members, by name; the roles are none of them."""
    return Group.objects.exclude(name__in=ROLE_NAMES).order_by("name").prefetch_related("user_set")


def group_get(*, name: str) -> Group:
    """Return one group; raises `GroupNotFoundError`, for a role's name as well."""
    group = group_list().filter(name=name).first()
    if group is None:
        raise GroupNotFoundError("There is no such group.", remediation=_REMEDY)
    return group


def groups_named(names: Iterable[str]) -> list[Group]:
    """Return the groups of these names; raises `GroupNotFoundError` unless all are there."""
    wanted = set(names)
    found = list(group_list().filter(name__in=wanted))
    if len(found) < len(wanted):
        raise GroupNotFoundError("One of the groups does not exist.", remediation=_REMEDY)
    return found


def members_of(group: Group) -> list[str]:
    """Return the user names of the group's people in order, from what `group_list` fetched."""
    return sorted(user.get_username() for user in group.user_set.all())


@transaction.atomic
def group_create(*, tenant: Tenant, name: str, actor: str) -> Group:
    """Create a group without members; raises `ValidationError` for a name that will not do."""
    if len(name) > LABEL_LIMIT or not LABEL_PATTERN.fullmatch(name):
        raise _refused(f"A group's name has {LABEL_RULE}", name)
    if name in ROLE_NAMES:
        raise _refused("A group cannot have the name of a role.", name)
    group, is_new = Group.objects.get_or_create(name=name)
    if not is_new:
        raise _refused("There is a group of this name.", name)
    _record(tenant, EventType.GROUP_CREATED, group, actor)
    return group


@transaction.atomic
def group_add(*, tenant: Tenant, group: Group, user: User, actor: str) -> None:
    """Let a person read what the group opens; nothing happens where they are in it."""
    if not user.groups.filter(pk=group.pk).exists():
        user.groups.add(group)
        _record(tenant, EventType.GROUP_CHANGED, group, actor, {"added": user.get_username()})


@transaction.atomic
def group_remove(*, tenant: Tenant, group: Group, user: User, actor: str) -> None:
    """Take a person out of the group; nothing happens where they are not in it."""
    if user.groups.filter(pk=group.pk).exists():
        user.groups.remove(group)
        _record(tenant, EventType.GROUP_CHANGED, group, actor, {"removed": user.get_username()})


@transaction.atomic
def group_delete(*, tenant: Tenant, group: Group, actor: str) -> None:
    """Delete a group; what it alone opened is closed, and no key keeps its name."""
    _record(tenant, EventType.GROUP_DELETED, group, actor)
    with registry_context():
        for key in ApiKey.objects.filter(tenant=tenant, groups__contains=[group.name]):
            key.groups = [name for name in key.groups if name != group.name]
            key.save(update_fields=["groups"])
    with reading(EVERYTHING):
        group.delete()


def _refused(message: str, name: str) -> ValidationError:
    fault = {"field": "name", "value": name[:LABEL_LIMIT], "constraint": message}
    return ValidationError(message, remediation="Choose another name.", extra={"errors": [fault]})


def _record(
    tenant: Tenant,
    event: EventType,
    group: Group,
    actor: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    record_event(
        tenant=tenant.slug,
        event_type=event,
        actor=actor,
        resource_type="group",
        resource_id=str(group.pk),
        details={"component": "tenants", **(details or {})},
    )
