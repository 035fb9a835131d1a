"""Quotas, rates and configuration as the API tells them, and the operators' way to change them."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.api.callers import actor_of
from tenants.api.strict import StrictSerializer
from tenants.api.views import TAGS, OperatorView
from tenants.configuration import QUOTA_FIELDS, configuration_schema, range_of
from tenants.limits.quotas import Level, RateUsage, rates_used, usage_measured
from tenants.limits.rates import WINDOW_SECONDS
from tenants.models import StorageUsage, Tenant
from tenants.selectors import configuration_history, tenant_get
from tenants.services import tenant_configure


class UsageSerializer(serializers.Serializer[Any]):
    """What is used of one quota. `share` 1 is all of it; `level` is `near` from 0.8 on."""

    used = serializers.IntegerField()
    limit = serializers.IntegerField()
    unit = serializers.ChoiceField(choices=["bytes", "documents"])
    share = serializers.FloatField()
    level = serializers.ChoiceField(choices=[level.value for level in Level])


class RateUsageSerializer(serializers.Serializer[Any]):
    """A rate; `used` and `remaining` are null while the counting server does not answer."""

    area = serializers.CharField(source="rate.area")
    limit = serializers.IntegerField(source="rate.limit")
    window_seconds = serializers.SerializerMethodField()
    used = serializers.SerializerMethodField()
    remaining = serializers.SerializerMethodField()

    def get_window_seconds(self, _usage: RateUsage) -> int:
        """Return the length of the window that slides."""
        return WINDOW_SECONDS

    def get_used(self, usage: RateUsage) -> int | None:
        """Return how many requests of the last minute count."""
        return usage.state.used if usage.state else None

    def get_remaining(self, usage: RateUsage) -> int | None:
        """Return how many more pass at once."""
        return usage.state.remaining if usage.state else None


class QuotaSerializer(serializers.Serializer[Any]):
    """What the tenant has used. `level` is that of the quota which is nearer its limit."""

    level = serializers.ChoiceField(choices=[level.value for level in Level])
    storage = UsageSerializer()
    documents = UsageSerializer()
    rates = RateUsageSerializer(many=True)


class MeasurementSerializer(serializers.ModelSerializer[StorageUsage]):
    """What was counted in the stores themselves, and when. Sizes in bytes."""

    class Meta:
        model = StorageUsage
        fields = (
            "measured_at",
            "duration_ms",
            "documents",
            "document_bytes",
            "objects_stored",
            "object_bytes",
            "database_bytes",
            "vectors",
        )
        read_only_fields = fields


def _setting(name: str) -> serializers.IntegerField:
    least, most = range_of(name) or (None, None)
    # The service checks the range, and tells it; here it is for the description.
    return serializers.IntegerField(
        required=False, allow_null=True, help_text=f"{least} to {most}; null: the default again."
    )


class TenantQuotasChangeSerializer(StrictSerializer):
    """Limits to change; those that are left out stay. null sets one back to its default."""

    storage_quota_gb = _setting("storage_quota_gb")
    document_quota = _setting("document_quota")
    rate_intake_per_minute = _setting("rate_intake_per_minute")
    rate_query_per_minute = _setting("rate_query_per_minute")
    rate_audit_per_minute = _setting("rate_audit_per_minute")
    expected_version = serializers.IntegerField(
        required=False, min_value=1, help_text="Change nothing unless this version is in force."
    )


class TenantLimitsSerializer(serializers.Serializer[Any]):
    """The limits in force."""

    storage_quota_gb = serializers.IntegerField()
    document_quota = serializers.IntegerField()
    rate_intake_per_minute = serializers.IntegerField()
    rate_query_per_minute = serializers.IntegerField()
    rate_audit_per_minute = serializers.IntegerField()


class TenantQuotasSerializer(serializers.Serializer[Any]):
    """A tenant's limits and its use of them. `measured` and the quotas' use: as last counted."""

    config_version = serializers.IntegerField()
    limits = TenantLimitsSerializer()
    storage = UsageSerializer(allow_null=True)
    documents = UsageSerializer(allow_null=True)
    rates = RateUsageSerializer(many=True)
    measured = MeasurementSerializer(allow_null=True)


class FieldChangeSerializer(serializers.Serializer[Any]):
    """One setting before and after."""

    field = serializers.CharField()
    old = serializers.JSONField()
    new = serializers.JSONField()


class ConfigurationChangeSerializer(serializers.Serializer[Any]):
    """One version of a configuration: what it changed, who made it and when."""

    version = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    changed = FieldChangeSerializer(many=True)


class TenantQuotasView(OperatorView):
    """A tenant's quotas and rates."""

    serializer_class = TenantQuotasSerializer
    further_problems: ClassVar = {"PATCH": (400, 409)}

    @extend_schema(operation_id="tenant_quotas_get", tags=TAGS)
    def get(self, _request: Request, slug: str) -> Response:
        """Return a tenant's limits, and what of them is used as last counted in the stores."""
        return self._tell(tenant_get(slug=slug))

    @extend_schema(
        operation_id="tenant_quotas_update",
        tags=TAGS,
        request=TenantQuotasChangeSerializer,
        examples=[
            OpenApiExample("More room", {"storage_quota_gb": 200}, request_only=True),
        ],
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change a tenant's limits; they apply to the next request."""
        wanted = TenantQuotasChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        changes = dict(wanted.validated_data)
        expected = changes.pop("expected_version", None)
        tenant = tenant_configure(
            tenant=tenant_get(slug=slug),
            changes=changes,
            actor=actor_of(request),
            expected_version=expected,
        )
        return self._tell(tenant)

    def _tell(self, tenant: Tenant) -> Response:
        measurement, usage = usage_measured(tenant=tenant) or (None, None)
        settings = tenant.settings.model_dump(mode="json")
        told = {
            "config_version": tenant.config_version,
            "limits": {name: settings[name] for name in QUOTA_FIELDS},
            "storage": usage.storage if usage else None,
            "documents": usage.documents if usage else None,
            "rates": rates_used(tenant=tenant),
            "measured": measurement,
        }
        return Response(TenantQuotasSerializer(told).data)


class ConfigurationSchemaView(OperatorView):
    """What can be configured."""

    pagination_class = None

    @extend_schema(
        operation_id="configuration_schema", tags=TAGS, responses={200: OpenApiTypes.OBJECT}
    )
    def get(self, _request: Request) -> Response:
        """Return the JSON Schema (2020-12) of a tenant's configuration: ranges and defaults."""
        return Response(configuration_schema())


class ConfigurationHistoryView(OperatorView):
    """How a configuration came to be what it is."""

    pagination_class = None
    serializer_class = ConfigurationChangeSerializer

    @extend_schema(
        operation_id="configuration_history",
        tags=TAGS,
        responses={200: ConfigurationChangeSerializer(many=True)},
    )
    def get(self, _request: Request, slug: str) -> Response:
        """List the versions of a tenant's configuration, newest first, with who changed what."""
        told = [
            {
                "version": change.version,
                "at": change.at,
                "actor": change.actor,
                "changed": [
                    {"field": field, **values} for field, values in sorted(change.changed.items())
                ],
            }
            for change in configuration_history(tenant=tenant_get(slug=slug))
        ]
        return Response(ConfigurationChangeSerializer(told, many=True).data)
