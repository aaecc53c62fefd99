"""Rows of the console: saved views of lists, changes of many rows."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from control.texts import no_control_characters

VIEW_NAME_CHARS_MAX = 60


class SavedView(models.Model):
    """Search, filters, order and columns of a list that one person keeps under a name."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    list_key = models.CharField(max_length=40)
    name = models.CharField(max_length=VIEW_NAME_CHARS_MAX, validators=[no_control_characters])
    query = models.TextField(max_length=4_000)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "list_key", "name"], name="saved_view_name")]

    def __str__(self) -> str:
        return self.name


class BulkState(models.TextChoices):
    """State of a change of many rows."""

    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"


def empty_list() -> list[object]:
    """Return the default of lists."""
    return []


class BulkChange(models.Model):
    """One change of many rows, or the undoing of one. The rows themselves are audited one by one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bulk_changes")
    list_key = models.CharField(max_length=40)
    action = models.CharField(max_length=40)
    values = models.JSONField(default=dict)
    """Values of the form: a reason, a tag."""
    rows = models.JSONField(default=empty_list)
    """Ids of the rows, with what undoing needs where this is one."""
    position = models.PositiveIntegerField(default=0)
    """Number of rows that were handled."""
    changed = models.JSONField(default=empty_list)
    """Pairs of id and what undoing needs."""
    refused = models.JSONField(default=empty_list)
    """Pairs of id and the reason."""
    state = models.CharField(max_length=8, choices=BulkState.choices, default=BulkState.WAITING)
    undoes = models.OneToOneField("self", on_delete=models.CASCADE, null=True, related_name="undone_by")
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.action} {len(self.rows)}"
