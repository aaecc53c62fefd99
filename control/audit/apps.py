"""App of the audit trail."""

from django.apps import AppConfig, apps
from django.db.models.signals import pre_delete


class AuditConfig(AppConfig):
    """Records deletions of every audited model, those by cascade included."""

    name = "control.audit"
    label = "audit"

    def ready(self) -> None:
        from control.audit.audited import AuditedModel, record_deletion

        for model in apps.get_models():
            if issubclass(model, AuditedModel):
                pre_delete.connect(record_deletion, sender=model, dispatch_uid=f"audit {model._meta.label}")
