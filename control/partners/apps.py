"""App of the partners."""

from django.apps import AppConfig


class PartnersConfig(AppConfig):
    """Partners and the states that they pass through."""

    name = "control.partners"
    label = "partners"
