"""App of the files."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    """Files in the database."""

    name = "control.files"
    label = "files"
