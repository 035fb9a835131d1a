"""The state of the pipeline, in PostgreSQL and nowhere else. Tenant schema.

One `Run` a document version, one `StageRun` a stage of it; the chunks that a run made.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from frostbyte.kernel.ids import new_id
from intake.models import Batch, Document, Priority


class RunState(models.TextChoices):
    """Where a run is. The last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PUBLISHED = "published"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    CANCELLED = "cancelled"


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


class Resolution(models.TextChoices):
    """What was decided over a dead letter; `open` waits for a decision."""

    OPEN = "open"
    SKIPPED = "skipped"
    ABANDONED = "abandoned"


DEAD_STATES = (RunState.FAILED, RunState.QUARANTINED)


class StageState(models.TextChoices):
    """Where one stage of a run is."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


LATEST_FIRST = ("-created_at", "-id")
"""The order of a document's runs in which the first is the one that is told."""


class Run(models.Model):
    """One passage of a document through the pipeline, under the configuration of its start.

    `batch_id` is the batch that it was begun for; of a tenant's runs those of a higher priority go
    first (`intake.models.Priority`). A run that failed or was quarantined is a dead letter, and
    `resolution` is what was decided over it. Times are those of PostgreSQL's clock.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(
        max_length=12, choices=RunState.choices, default=RunState.QUEUED, db_index=True
    )
    batch_id = models.UUIDField(null=True, blank=True, db_index=True)
    priority = models.PositiveSmallIntegerField(default=Priority.NORMAL)
    configuration = models.JSONField(default=dict)
    configuration_version = models.PositiveIntegerField(default=1)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    remediation = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(
        max_length=10, choices=Resolution.choices, default=Resolution.OPEN
    )
    resolution_reason = models.CharField(max_length=200, blank=True)
    resolved_by = models.CharField(max_length=200, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["document"],
                condition=models.Q(state__in=[state.value for state in OPEN_STATES]),
                name="one_open_run_a_document",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["-priority", "created_at", "id"],
                condition=models.Q(state__in=[state.value for state in OPEN_STATES]),
                name="run_in_order",
            ),
            models.Index(
                fields=["-finished_at", "-id"],
                condition=models.Q(state__in=[state.value for state in DEAD_STATES]),
                name="run_dead_letter",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.state}"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.state not in OPEN_STATES

    @property
    def is_dead_letter(self) -> bool:
        """Whether a person has to decide: nothing else brings it on."""
        return self.state in DEAD_STATES and self.resolution == Resolution.OPEN


class StageRun(models.Model):
    """One stage of a run: its lease, its tries, what went in and what came out (SHA-256).

    `attempt` counts every start; `lost_leases` of them ended with their worker and `outages` with a
    store that did not answer, where the stage waits for one (`Stage.outage_waits`).
    `summary` holds counts and versions of what came out (`processing.stages.summary`).
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="stages")
    stage = models.CharField(max_length=12)
    position = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=12, choices=StageState.choices, default=StageState.PENDING)
    attempt = models.PositiveSmallIntegerField(default=0)
    lost_leases = models.PositiveSmallIntegerField(default=0)
    outages = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    lease_token = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    version = models.CharField(max_length=120, blank=True)
    input_hash = models.CharField(max_length=64, blank=True)
    output_hash = models.CharField(max_length=64, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["run", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "stage"], name="one_row_a_stage"),
        ]

    def __str__(self) -> str:
        return f"{self.stage}: {self.state}"

    @property
    def seconds(self) -> float | None:
        """How long the last try took, in seconds."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


class Chunk(models.Model):
    """A passage as it may be seen. `id` is this run's row, `chunk_id` the passage's own name."""

    id = models.UUIDField(primary_key=True, editable=False)
    chunk_id = models.UUIDField(db_index=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="chunks")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="chunks")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    element_type = models.CharField(max_length=12)
    page = models.PositiveIntegerField(null=True)
    start_char = models.PositiveIntegerField()
    end_char = models.PositiveIntegerField()
    bbox = ArrayField(models.FloatField(), size=4, null=True)
    start_s = models.FloatField(null=True)
    end_s = models.FloatField(null=True)
    section_path = ArrayField(models.TextField(), default=list)

    class Meta:
        ordering: ClassVar = ["run", "ordinal"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "ordinal"], name="one_chunk_a_place"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} #{self.ordinal}"


class Redaction(models.Model):
    """A span of a page that a gate took out: kept so that a page image hides it as well."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="redactions")
    kind = models.CharField(max_length=40)
    page = models.PositiveIntegerField(null=True)
    start_char = models.PositiveIntegerField()
    end_char = models.PositiveIntegerField()

    class Meta:
        ordering: ClassVar = ["run", "page", "start_char"]
        indexes: ClassVar = [models.Index(fields=["run", "page"], name="redaction_of_page")]

    def __str__(self) -> str:
        return f"{self.kind} on page {self.page}"


class BatchReport(models.Model):
    """The acceptance report of a batch, once and for all: PostgreSQL refuses to change the row.

    The report itself is an object of the tenant's bucket (`report_key`), `sha256` that of its
    bytes. `signature` is Ed25519, in base64, over those bytes, by the platform's key that
    `signing_key` names.
    """

    batch = models.OneToOneField(
        Batch, primary_key=True, on_delete=models.CASCADE, related_name="report"
    )
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    signature = models.CharField(max_length=100)
    signing_key = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["-created_at"]

    def __str__(self) -> str:
        return f"report of {self.batch_id}"
