"""App of scheduled changes."""

from django.apps import AppConfig


class ScheduledConfig(AppConfig):
    """Scheduled changes. Their task is imported with the tasks of all apps."""

    name = "control.scheduled"
    label = "scheduled"
