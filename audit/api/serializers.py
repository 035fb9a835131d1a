"""Audit events as they are told: all that was recorded, with both hashes."""

from rest_framework import serializers

from audit.events import EventType
from audit.models import AuditEvent


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """One event. `event_hash` is SHA-256 over the RFC 8785 form of all the other members."""

    class Meta:
        model = AuditEvent
        fields = (
            "event_id",
            "tenant",
            "sequence",
            "event_type",
            "timestamp",
            "actor",
            "resource_type",
            "resource_id",
            "details",
            "previous_hash",
            "event_hash",
        )
        read_only_fields = fields


class EventFilterSerializer(serializers.Serializer[AuditEvent]):
    """What a list of events can be narrowed to."""

    resource_id = serializers.CharField(
        required=False, max_length=100, help_text="Events that tell of this thing only."
    )
    event_type = serializers.ChoiceField(
        required=False, choices=EventType.choices, help_text="Events of this kind only."
    )
