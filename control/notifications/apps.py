"""App of the notifications."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Mails in the language of their reader, and calls to those who listen to changes."""

    name = "control.notifications"
    label = "notifications"

    def ready(self) -> None:
        from control.audit.record import on_changes
        from control.notifications.events import publish

        on_changes(publish)
