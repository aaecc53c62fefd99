"""App of the API."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Answers that are kept for repeated requests."""

    name = "control.api"
    label = "api"
