"""App of the notifications."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Mails in the language of their reader."""

    name = "control.notifications"
    label = "notifications"
