"""App of the exports."""

from django.apps import AppConfig


class ExportsConfig(AppConfig):
    """Exports as files."""

    name = "control.exports"
    label = "exports"
