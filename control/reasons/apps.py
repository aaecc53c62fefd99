"""App of the reasons."""

from django.apps import AppConfig


class ReasonsConfig(AppConfig):
    """Reasons for decisions, by area."""

    name = "control.reasons"
    label = "reasons"
    verbose_name = "Reasons"
