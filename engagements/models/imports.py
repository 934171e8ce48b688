"""Files on their way in: the saved mapping, the batch and its rows as previewed."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from engagements.models.clients import Workstream
from lpo.tenancy.models import TenantForeignKey, TenantModel

PURPOSES = [("items", "Work items"), ("history", "History of an event log"), ("load_file", "E-discovery load file")]


class ImportMapping(TenantModel):
    """Which column means what, saved by name so that next month's file needs no thought."""

    purpose = models.CharField(max_length=10, choices=PURPOSES)
    name = models.CharField(max_length=100)
    mapping = models.JSONField()
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "purpose", "name"], name="importmapping_name_once")]

    def __str__(self) -> str:
        return self.name


class ImportState(models.TextChoices):
    UPLOADED = "uploaded", "Uploaded"
    CHECKING = "checking", "Checking"
    PREVIEW = "preview", "Ready to confirm"
    LOADING = "loading", "Loading"
    LOADED = "loaded", "Loaded"
    REFUSED = "refused", "Refused"
    DISCARDED = "discarded", "Discarded"


class ImportBatch(TenantModel):
    """One file, or several of one log. Until `loaded` it is neither measured as complete nor billable."""

    client_id = models.BigIntegerField()
    matter_id = models.BigIntegerField()
    workstream = TenantForeignKey(Workstream, via=["client_id", "matter_id"])
    purpose = models.CharField(max_length=10, choices=PURPOSES)
    source = models.CharField(max_length=40, default="upload")
    document = TenantForeignKey("audit.Document")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.UPLOADED)
    columns = models.JSONField(default=list)
    parts = models.JSONField(default=list, help_text="The files of a joined log, as engagements.imports.several gives them.")
    counts = models.JSONField(default=dict)
    problem = models.TextField(blank=True)
    job = TenantForeignKey("jobs.Job", null=True)
    by_member = TenantForeignKey("accounts.Membership", null=True)
    by_label = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)
    loaded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "workstream", "-id"], include=["matter_id"], name="importbatch_recent")]

    def __str__(self) -> str:
        return self.file_name


class ImportRow(TenantModel):
    """A row of the file after checking. Rejected ones say which field and why."""

    matter_id = models.BigIntegerField()
    batch = TenantForeignKey(ImportBatch, via=["matter_id"], on_delete=models.CASCADE)
    number = models.PositiveIntegerField(help_text="Line of the file, the header being 1.")
    verdict = models.CharField(
        max_length=10, choices=[("new", "New"), ("changed", "Changed"), ("unchanged", "Unchanged"), ("rejected", "Rejected")]
    )
    data = models.JSONField(default=dict)
    field = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "batch", "verdict", "number"], name="importrow_by_verdict")]

    def __str__(self) -> str:
        return f"Row {self.number}"
