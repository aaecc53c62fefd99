"""Rows of the exports."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.text import slugify

from control.files.models import StoredFile


class ExportState(models.TextChoices):
    """State of an export."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Ready"
    FAILED = "failed", "Failed"


PENDING = (ExportState.WAITING, ExportState.RUNNING)
"""States of an export whose file is not made yet."""


class ExportFormat(models.TextChoices):
    """Format of the file."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel (XLSX)"


class Export(models.Model):
    """One file with a table: objects of one type, a list of the console, a report, conversions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.CharField(max_length=16)
    title = models.CharField(max_length=80, default="", blank=True)
    format = models.CharField(max_length=4, choices=ExportFormat.choices)
    filters = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.WAITING)
    problem = models.TextField(blank=True)
    rows_count = models.PositiveIntegerField(default=0)
    """Rows that are written by now."""
    total_rows = models.PositiveIntegerField(default=0)
    """Rows that there will be; 0 if nobody knows."""
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True)
    creator_kind = models.CharField(max_length=16)
    creator_id = models.CharField(max_length=64)
    creator_name = models.CharField(max_length=254)
    partner = models.PositiveBigIntegerField(null=True)
    """Partner whose person or key asked; None for operators."""
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["creator_id", "created"], name="export_by_creator"),
            models.Index(fields=["expires"], name="export_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.label} as {self.format}"

    @property
    def label(self) -> str:
        """Return the name of the table."""
        return self.title or self.resource.capitalize()

    @property
    def name(self) -> str:
        """Return the name of the file, without its ending."""
        return slugify(self.label) or self.resource
