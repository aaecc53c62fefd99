"""Rows of the imports. The objects that an import changes are audited one by one, in its name."""

import uuid

from django.db import models
from django.utils import timezone

from control.files.models import StoredFile


class ImportState(models.TextChoices):
    """State of an import. Those that end in -ing are the work of a job."""

    UPLOADED = "uploaded", "Uploaded"
    CHECKING = "checking", "Checking"
    CHECKED = "checked", "Checked"
    APPLYING = "applying", "Applying"
    APPLIED = "applied", "Applied"
    UNDOING = "undoing", "Undoing"
    UNDONE = "undone", "Undone"


WORKING = (ImportState.CHECKING, ImportState.APPLYING, ImportState.UNDOING)


class Outcome(models.TextChoices):
    """Result of the dry run for one row."""

    CREATED = "created", "Created"
    CHANGED = "changed", "Changed"
    UNCHANGED = "unchanged", "Unchanged"
    ERROR = "error", "Error"


class RowState(models.TextChoices):
    """Course of one row after the dry run."""

    WAITING = "waiting", "Waiting"
    APPLIED = "applied", "Applied"
    REFUSED = "refused", "Refused"
    """Not applied: something has changed since the dry run."""
    UNDONE = "undone", "Undone"
    KEPT = "kept", "Kept"
    """Not undone: somebody has changed the object since."""


def empty_list() -> list[object]:
    """Return the default of lists."""
    return []


class Import(models.Model):
    """One file that becomes objects of one type."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    type = models.CharField(max_length=16)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    form = models.JSONField(default=dict)
    """Form in which the file is read: kind, encoding, delimiter, sheet."""
    headings = models.JSONField(default=empty_list)
    sample = models.JSONField(default=empty_list)
    """First rows, for the page on which columns are chosen."""
    rows_count = models.PositiveIntegerField(default=0)
    mapping = models.JSONField(default=dict)
    """Heading by field."""
    match = models.CharField(max_length=120, blank=True)
    """Field by which rows find the objects that exist."""
    clear_empty = models.BooleanField(default=False)
    """True if an empty cell empties the field; otherwise it leaves the field as it is."""
    state = models.CharField(max_length=12, choices=ImportState.choices, default=ImportState.UPLOADED)
    problem = models.TextField(blank=True)
    """Reason why the file could not be read to its end."""
    reason = models.TextField(blank=True)
    needs_reason = models.BooleanField(default=False)
    done_rows = models.PositiveIntegerField(default=0)
    """Rows that the present work has done."""
    total_rows = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    """Number of rows by outcome, and by state after that."""
    created = models.DateTimeField(default=timezone.now, editable=False)
    creator_kind = models.CharField(max_length=16)
    creator_id = models.CharField(max_length=64)
    creator_name = models.CharField(max_length=254)
    runner_kind = models.CharField(max_length=16, blank=True)
    runner_id = models.CharField(max_length=64, blank=True)
    """Actor in whose name the present work is done."""
    audit_from = models.PositiveBigIntegerField(default=0)
    """Audit event after which the changes of this import begin."""
    checked = models.DateTimeField(null=True)
    applied = models.DateTimeField(null=True)
    undone = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["created", "id"], name="import_by_time"),
            models.Index(fields=["creator_id", "created"], name="import_by_creator"),
        ]

    def __str__(self) -> str:
        return f"{self.type} from {self.file}"


class ImportRow(models.Model):
    """One row of a file after the dry run."""

    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveIntegerField()
    """Number of the row in the file."""
    outcome = models.CharField(max_length=9, choices=Outcome.choices)
    state = models.CharField(max_length=8, choices=RowState.choices, default=RowState.WAITING)
    made = models.BooleanField(default=False)
    """True if applying the row stores a new object, which undoing removes."""
    object_id = models.CharField(max_length=64, blank=True)
    object_name = models.CharField(max_length=200, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    """Values of the fields that change, by field."""
    errors = models.JSONField(default=empty_list)
    """Pairs of field and message."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="import_row_number")]
        indexes = [
            models.Index(fields=["source", "outcome", "number"], name="import_row_by_outcome"),
            models.Index(fields=["source", "state", "number"], name="import_row_by_state"),
        ]

    def __str__(self) -> str:
        return f"row {self.number}"


class KnownHeading(models.Model):
    """Field that people have chosen for a heading; the next file with the heading gets it."""

    type = models.CharField(max_length=16)
    heading = models.CharField(max_length=120)
    field = models.CharField(max_length=120)
    used = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["type", "heading"], name="known_heading")]

    def __str__(self) -> str:
        return f"{self.heading}: {self.field}"
