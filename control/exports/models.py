"""Rows of the exports."""

import uuid

from django.db import models
from django.utils import timezone

from control.files.models import StoredFile


class ExportState(models.TextChoices):
    """State of an export."""

    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class ExportFormat(models.TextChoices):
    """Format of the file."""

    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel (XLSX)"


class Export(models.Model):
    """One file with the objects of one type."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    resource = models.CharField(max_length=16)
    format = models.CharField(max_length=4, choices=ExportFormat.choices)
    filters = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=ExportState.choices, default=ExportState.WAITING)
    problem = models.TextField(blank=True)
    rows_count = models.PositiveIntegerField(default=0)
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
        return f"{self.resource} as {self.format}"
