"""Tenants as operators see them: the registry's row, never what a tenant stores."""

from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from tenants.api.strict import StrictSerializer
from tenants.lifecycle.states import TRANSITIONS, TenantState
from tenants.models import ApiKey, LifecycleRun, LifecycleStep, Scope, Tenant
from tenants.naming import LABEL_LIMIT
from tenants.selectors import lifecycle_runs


class TenantLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a tenant: itself, its keys, and one address for each change of state."""

    self = serializers.URLField()
    keys = serializers.URLField()
    suspend = serializers.URLField()
    resume = serializers.URLField()
    retry = serializers.URLField()
    deprovision = serializers.URLField()


LINKS: Final = {
    "self": "tenant",
    "keys": "tenant-keys",
    "suspend": "tenant-suspend",
    "resume": "tenant-resume",
    "retry": "tenant-retry",
    "deprovision": "tenant-deprovision",
}


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant: `state` is where it is in its life, `hosts` are where its people sign in."""

    allowed = serializers.SerializerMethodField()
    hosts = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Tenant
        fields: tuple[str, ...] = (
            "slug",
            "name",
            "state",
            "allowed",
            "config_version",
            "created_at",
            "hosts",
            "links",
        )

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(TenantState.choices)))
    def get_allowed(self, tenant: Tenant) -> list[str]:
        """Return the states that the tenant may go to from here."""
        return [state.value for state in TRANSITIONS[TenantState(tenant.state)]]

    def get_hosts(self, tenant: Tenant) -> list[str]:
        """Return the tenant's host names; the rows are prefetched."""
        return [domain.domain for domain in tenant.domains.all()]

    @extend_schema_field(TenantLinksSerializer)
    def get_links(self, tenant: Tenant) -> dict[str, str]:
        """Return the addresses of the tenant and of what can be done with it."""
        request = self.context["request"]
        return {
            link: reverse(f"api:{name}", kwargs={"slug": tenant.slug}, request=request)
            for link, name in LINKS.items()
        }


class LifecycleStepSerializer(serializers.ModelSerializer[LifecycleStep]):
    """One thing that was made, checked, undone or removed, with what was counted."""

    class Meta:
        model = LifecycleStep
        fields = ("name", "action", "state", "error_code", "details", "duration_ms", "at")


class LifecycleRunSerializer(serializers.ModelSerializer[LifecycleRun]):
    """One go at setting the tenant up or removing it."""

    steps = LifecycleStepSerializer(many=True, read_only=True)

    class Meta:
        model = LifecycleRun
        fields = ("kind", "attempt", "state", "actor", "started_at", "finished_at", "steps")


class TenantDetailSerializer(TenantSerializer):
    """A tenant with its configuration, and how it was set up and removed, the latest first."""

    configuration = serializers.SerializerMethodField()
    lifecycle_runs = serializers.SerializerMethodField()

    class Meta(TenantSerializer.Meta):
        fields = (*TenantSerializer.Meta.fields, "configuration", "lifecycle_runs")

    @extend_schema_field({"type": "object", "additionalProperties": {}})
    def get_configuration(self, tenant: Tenant) -> dict[str, Any]:
        """Return every setting, those at their default too."""
        return tenant.settings.model_dump(mode="json")

    @extend_schema_field(LifecycleRunSerializer(many=True))
    def get_lifecycle_runs(self, tenant: Tenant) -> Any:
        """Return the runs with their steps."""
        return LifecycleRunSerializer(lifecycle_runs(tenant=tenant), many=True).data


class TenantWithKeySerializer(TenantDetailSerializer):
    """A tenant together with a new API key, which is shown this once and not kept."""

    api_key = serializers.CharField(source="issued_key", read_only=True)

    class Meta(TenantDetailSerializer.Meta):
        fields = (*TenantDetailSerializer.Meta.fields, "api_key")


class NewTenantSerializer(StrictSerializer):
    """What it takes to onboard a tenant."""

    slug = serializers.CharField(
        max_length=31,
        help_text="3 to 31 characters: a-z, 0-9 and single hyphens, a letter first. The host name.",
    )
    name = serializers.CharField(
        max_length=200, required=False, default="", help_text="The organisation's name."
    )


class TenantFilterSerializer(serializers.Serializer[Tenant]):
    """What the list of tenants can be narrowed to."""

    state = serializers.ChoiceField(
        required=False, choices=TenantState.choices, help_text="Tenants in this state only."
    )
    search = serializers.CharField(
        required=False, max_length=100, help_text="A part of the slug or of the name."
    )


class TenantChangeSerializer(StrictSerializer):
    """What of a tenant is changed; what is left out stays as it is."""

    name = serializers.CharField(max_length=200, required=False)
    configuration = serializers.DictField(
        required=False, help_text="Settings by name; null sets one back to its default."
    )


class RemovalSerializer(StrictSerializer):
    """The confirmation that a removal needs."""

    confirm = serializers.CharField(max_length=100, help_text="The tenant's slug, typed again.")


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key of a tenant, without its secret, which is not kept."""

    class Meta:
        model = ApiKey
        fields: tuple[str, ...] = (
            "key_id",
            "name",
            "scopes",
            "groups",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )


class NewApiKeySerializer(StrictSerializer):
    """A key to issue."""

    name = serializers.CharField(max_length=100, help_text="What it is for, to tell it apart.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), min_length=1, max_length=len(Scope)
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=LABEL_LIMIT),
        default=list,
        max_length=100,
        help_text="Groups of the tenant's people whose restricted collections the key reads.",
    )
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Left out: until it is revoked."
    )

    def validate_expires_at(self, value: datetime | None) -> datetime | None:
        """Refuse a time that is over."""
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This time is over.")
        return value


class IssuedApiKeySerializer(ApiKeySerializer):
    """A new key with its full text, which is shown this once."""

    api_key = serializers.SerializerMethodField()

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "api_key")

    def get_api_key(self, _key: ApiKey) -> str:
        """Return the key's full text."""
        text: str = self.context["api_key"]
        return text


class NewTokenSerializer(StrictSerializer):
    """What a token may do."""

    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        required=False,
        max_length=len(Scope),
        help_text="Some of the key's scopes; all of them where this is left out.",
    )


class TokenSerializer(serializers.Serializer[Any]):
    """A token, as RFC 6749 names its parts."""

    access_token = serializers.CharField(help_text="Send it as 'Authorization: Bearer ...'.")
    token_type = serializers.CharField(help_text="Always 'Bearer'.")
    expires_in = serializers.IntegerField(help_text="Seconds that it works from now on.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
