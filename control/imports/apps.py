"""App of the imports."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    """Imports of files."""

    name = "control.imports"
    label = "imports"
