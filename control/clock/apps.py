"""App of the business time."""

from django.apps import AppConfig


class ClockConfig(AppConfig):
    """The business calendar, and due times by it."""

    name = "control.clock"
    label = "clock"
    verbose_name = "Business time"
