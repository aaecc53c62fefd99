"""App of the webhooks."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """Stores an event for each change that somebody has subscribed to."""

    name = "control.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from control.audit.record import on_changes
        from control.webhooks.outbox import store_events

        on_changes(store_events)
