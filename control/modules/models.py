"""Switches of modules."""

from django.db import models
from django.utils import timezone

from control.audit.audited import AuditedModel


class ModuleSwitch(AuditedModel):
    """State of a module that somebody has switched; the others are as they start."""

    module = models.CharField(max_length=40, primary_key=True)
    """Label of its app."""
    is_on = models.BooleanField()
    changed = models.DateTimeField(default=timezone.now, editable=False)
    changed_by = models.CharField(max_length=254, editable=False)

    audit_ignored = frozenset({"changed", "changed_by"})
    audit_name = "module"

    def __str__(self) -> str:
        return self.module
