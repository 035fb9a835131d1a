"""Tenants as operators see them: the registry's row, never what a tenant stores."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from tenants.api.strict import StrictSerializer
from tenants.models import Scope, Tenant


class TenantLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a tenant."""

    self = serializers.URLField()
    suspend = serializers.URLField()
    resume = serializers.URLField()


class TenantSerializer(serializers.ModelSerializer[Tenant]):
    """A tenant: `state` is where it is in its life, `hosts` are where its people sign in."""

    hosts = serializers.SerializerMethodField()
    links = serializers.SerializerMethodField()

    class Meta:
        model = Tenant
        fields: tuple[str, ...] = (
            "slug",
            "name",
            "state",
            "config_version",
            "created_at",
            "hosts",
            "links",
        )

    def get_hosts(self, tenant: Tenant) -> list[str]:
        """Return the tenant's host names; the rows are prefetched."""
        return [domain.domain for domain in tenant.domains.all()]

    @extend_schema_field(TenantLinksSerializer)
    def get_links(self, tenant: Tenant) -> dict[str, str]:
        """Return the addresses of the tenant and of what can be done with it."""
        names = {"self": "tenant", "suspend": "tenant-suspend", "resume": "tenant-resume"}
        request = self.context["request"]
        return {
            link: reverse(f"api:{name}", kwargs={"slug": tenant.slug}, request=request)
            for link, name in names.items()
        }


class TenantWithKeySerializer(TenantSerializer):
    """A tenant together with a new API key, which is shown this once and not kept."""

    api_key = serializers.CharField(source="issued_key", read_only=True)

    class Meta(TenantSerializer.Meta):
        fields = (*TenantSerializer.Meta.fields, "api_key")


class NewTenantSerializer(StrictSerializer):
    """What it takes to onboard a tenant."""

    slug = serializers.CharField(
        max_length=31,
        help_text="3 to 31 characters: a-z, 0-9 and single hyphens, a letter first. The host name.",
    )
    name = serializers.CharField(
        max_length=200, required=False, default="", help_text="The organisation's name."
    )


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
