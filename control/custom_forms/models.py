"""Rows of the forms that operators build."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel
from control.custom_forms.definition import Definition


def empty_definition() -> dict[str, Any]:
    """Return the definition of a form without fields."""
    return {"fields": []}


class CustomForm(AuditedModel):
    """A form: its draft, and the versions that were published."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=40)
    """Use of the form, such as `application`."""
    name = models.CharField(max_length=120)
    draft = models.JSONField(default=empty_definition)
    """Definition that the next version will have."""
    created = models.DateTimeField(default=timezone.now, editable=False)

    audit_name = "name"

    class Meta(AuditedModel.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def definition(self) -> Definition:
        """Draft of the definition."""
        return Definition.model_validate(self.draft)

    def newest(self) -> "FormVersion | None":
        """Return the version that people see; None before the first."""
        return self.versions.order_by("-number").first()

    @property
    def has_changes(self) -> bool:
        """True if the draft differs from the newest version."""
        newest = self.newest()
        return newest is None or newest.content != self.draft


class FormVersion(AuditedModel):
    """Published version of a form. It never changes, because answers refer to it."""

    id = models.BigAutoField(primary_key=True)
    form = models.ForeignKey(CustomForm, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    published = models.DateTimeField(default=timezone.now)
    published_by = models.CharField(max_length=254)

    class Meta(AuditedModel.Meta):
        ordering = ["form", "number"]
        constraints = [models.UniqueConstraint(fields=["form", "number"], name="form_version_number")]

    def __str__(self) -> str:
        return f"version {self.number}"

    @property
    def definition(self) -> Definition:
        """Definition of the fields."""
        return Definition.model_validate(self.content)
