"""Audit events: append-only and hash-chained, one chain a tenant and one for the platform."""

from typing import ClassVar

from django.db import models

from frostbyte.kernel.ids import new_id

GENESIS_HASH = "0" * 64
"""The `previous_hash` of a chain's first event."""


class AuditEvent(models.Model):
    """Who did what to which thing, when; never content.

    Tenant, actor and resource are text, with no foreign key: history outlives what it tells of.
    PostgreSQL refuses UPDATE, DELETE and TRUNCATE by privilege and by trigger, see
    `migrations/sql/audit_append_only.sql`.
    """

    event_id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.CharField(max_length=31)
    sequence = models.PositiveBigIntegerField()
    event_type = models.CharField(max_length=40)
    timestamp = models.DateTimeField()
    actor = models.CharField(max_length=200)
    resource_type = models.CharField(max_length=40)
    resource_id = models.CharField(max_length=100)
    details = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    event_hash = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["tenant", "sequence"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "sequence"], name="audit_chain_position"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "resource_id"], name="audit_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} #{self.sequence} {self.event_type}"
