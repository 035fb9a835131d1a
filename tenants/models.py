"""The registry: who the tenants are, where they answer, which keys open them. Schema `public`."""

import hashlib
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django_tenants.models import DomainMixin, TenantMixin

from frostbyte.kernel.ids import new_id
from tenants.configuration import TenantConfiguration
from tenants.lifecycle.states import TenantState


class Scope(models.TextChoices):
    """What a key or a role may do."""

    INGEST = "ingest"
    QUERY = "query"
    ADMIN = "admin"
    AUDIT = "audit"


class Tenant(TenantMixin):  # type: ignore[misc]
    """One organisation, with a schema, a role, a bucket and a vector table of its own."""

    auto_create_schema = False
    auto_drop_schema = False

    objects: ClassVar[models.Manager["Tenant"]] = models.Manager()

    issued_key: str = ""
    """The full text of a key that was issued with the last change of state. Never stored."""

    slug = models.CharField(max_length=31, unique=True)
    name = models.CharField(max_length=200)
    state = models.CharField(
        max_length=20, choices=TenantState.choices, default=TenantState.PENDING
    )
    configuration = models.JSONField(default=dict, blank=True)
    config_version = models.PositiveIntegerField(default=1)
    # The identity provider by which its people sign in; see tenants.access.oidc.config.
    sign_in = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.slug

    @property
    def settings(self) -> TenantConfiguration:
        """The tenant's configuration, typed; fields that were never changed have their default."""
        return TenantConfiguration.model_validate(self.configuration)

    @property
    def is_active(self) -> bool:
        """Whether requests are served and stages run."""
        return self.state == TenantState.ACTIVE


class Domain(DomainMixin):  # type: ignore[misc]
    """A host name that leads to a tenant."""


class Key(models.Model):
    """What keys have in common: `fb_<owner>_<key_id>_<secret>`, of which the secret is not kept.

    The secret has 256 random bits, so a plain SHA-256 of it cannot be searched; a slow password
    hash would cost each request and add nothing.
    """

    key_id = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope.choices))
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.name} ({self.key_id})"

    @property
    def state(self) -> str:
        """Whether it works: `in force`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_at is not None and self.expires_at <= timezone.now()
        return "expired" if is_over else "in force"

    @staticmethod
    def hash_secret(secret: str) -> str:
        """Return what is stored of a secret: SHA-256, 64 hex digits."""
        return hashlib.sha256(secret.encode()).hexdigest()


class ApiKey(Key):
    """A key of a tenant, with the tenant's slug in its text.

    `groups` names groups of the tenant whose restricted collections the key reads; none:
    unrestricted collections only.
    """

    objects: ClassVar[models.Manager["ApiKey"]] = models.Manager()

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="api_keys")
    groups = ArrayField(models.CharField(max_length=150), default=list, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]


class PlatformKey(Key):
    """A key to the operators' part of the API, for programs; it opens no tenant.

    It works as long as the person whom it was issued to may sign in. The database keeps its owner
    from being deleted; a cascade would be looked for in the tenants' schemas as well.
    """

    objects: ClassVar[models.Manager["PlatformKey"]] = models.Manager()

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="platform_keys"
    )

    class Meta:
        ordering: ClassVar = ["-created_at"]


class Totp(models.Model):
    """The second factor of a person of the platform; see tenants.access.totp.

    `secret` is sealed, `recovery_hashes` are SHA-256, `last_step` is the number of the 30 seconds
    of the last code that was taken.
    """

    objects: ClassVar[models.Manager["Totp"]] = models.Manager()

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="totp"
    )
    secret = models.CharField(max_length=400)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_step = models.BigIntegerField(default=0)
    recovery_hashes = ArrayField(models.CharField(max_length=64), default=list, blank=True)

    def __str__(self) -> str:
        return f"second factor of person {self.user.pk}"


class LifecycleKind(models.TextChoices):
    """What a run of a tenant's life is for."""

    PROVISION = "provision"
    DEPROVISION = "deprovision"


class LifecycleOutcome(models.TextChoices):
    """How a run or a step stands; `interrupted` when its process ended before it did."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class StepAction(models.TextChoices):
    """What a step did."""

    MAKE = "make"
    CHECK = "check"
    UNDO = "undo"
    REMOVE = "remove"


class LifecycleRun(models.Model):
    """One go at setting a tenant up or removing it: who began it, and how it ended."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="lifecycle_runs")
    kind = models.CharField(max_length=12, choices=LifecycleKind.choices)
    attempt = models.PositiveSmallIntegerField(default=1)
    actor = models.CharField(max_length=200)
    state = models.CharField(
        max_length=12, choices=LifecycleOutcome.choices, default=LifecycleOutcome.RUNNING
    )
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["started_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "attempt"], name="one_run_an_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.attempt}: {self.state}"

    @property
    def seconds(self) -> float | None:
        """How long the run took, or None while it goes on."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class LifecycleStep(models.Model):
    """One thing that a run did: made, checked, undone or removed, with what it counted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(LifecycleRun, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=40)
    action = models.CharField(max_length=8, choices=StepAction.choices)
    state = models.CharField(max_length=12, choices=LifecycleOutcome.choices)
    error_code = models.CharField(max_length=60, blank=True)
    details = models.JSONField(default=dict, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.action} {self.name}: {self.state}"


class StorageUsage(models.Model):
    """What a tenant has in the stores, counted there at `measured_at`; sizes in bytes.

    `document_bytes` are the documents as received, which quotas count. `object_bytes` is what the
    bucket holds, sealed and with what was derived; `database_bytes` are tables and indexes.
    """

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="storage_usage"
    )
    measured_at = models.DateTimeField(default=timezone.now)
    duration_ms = models.PositiveIntegerField(default=0)
    documents = models.PositiveBigIntegerField(default=0)
    document_bytes = models.PositiveBigIntegerField(default=0)
    objects_stored = models.PositiveBigIntegerField(default=0)
    object_bytes = models.PositiveBigIntegerField(default=0)
    database_bytes = models.PositiveBigIntegerField(default=0)
    vectors = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.tenant_id}: {self.object_bytes} bytes in the bucket"


class WorkTurn(models.Model):
    """A tenant's place in the round; see tenants.workload.turns. `asked_at` is None: no work."""

    tenant = models.OneToOneField(
        Tenant, on_delete=models.CASCADE, primary_key=True, related_name="work_turn"
    )
    asked_at = models.DateTimeField(null=True, blank=True)
    served_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.tenant_id}: served {self.served_at}"


class StagePause(models.Model):
    """A stage of the pipeline that begins nothing: of one tenant, or with none named of all."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.CASCADE, null=True, blank=True, related_name="stage_pauses"
    )
    stage = models.CharField(max_length=12)
    paused_at = models.DateTimeField(db_default=Now())
    paused_by = models.CharField(max_length=200)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["stage", "tenant"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stage", "tenant"], nulls_distinct=False, name="one_pause_a_stage"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} since {self.paused_at}"


class Worker(models.Model):
    """A worker by its name on the broker, when it last said that it lives, and its `places`."""

    name = models.CharField(max_length=200, primary_key=True)
    places = models.PositiveSmallIntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class DataKeyVersion(models.Model):
    """One version of the key that a tenant's objects are sealed with, wrapped by the master key.

    Exactly one version of a tenant is current (not retired) while it has objects. Of a destroyed
    one only the row is left. PostgreSQL shows a tenant's role its own rows only.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="data_keys")
    version = models.PositiveIntegerField()
    wrapped = models.BinaryField()
    recipient = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["tenant", "version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "version"], name="data_key_version"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(retired_at=None), name="one_current_data_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} version {self.version}"


class SigningKey(models.Model):
    """A key that the platform signs with (Ed25519); `id` is the fingerprint of `public`.

    One is in force. Of a retired one the public half stays, so that what it signed can be checked;
    `wrapped`, the private half under the master key, is empty then. No tenant's role may read it.
    """

    id = models.CharField(primary_key=True, max_length=16, editable=False)
    public = models.BinaryField()
    wrapped = models.BinaryField()
    recipient = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["retired_at"],
                condition=models.Q(retired_at=None),
                nulls_distinct=False,
                name="one_current_signing_key",
            ),
        ]

    def __str__(self) -> str:
        return self.id


class StoreCredential(models.Model):
    """What opens a tenant's bucket and no other; the secret is sealed with its data key.

    PostgreSQL shows a tenant's role its own row only.
    """

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="store_credential")
    access_key = models.CharField(max_length=128)
    sealed_secret = models.BinaryField()
    key_version = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.tenant}: {self.access_key}"
