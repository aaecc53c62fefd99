"""App of the webhooks."""

from control.accounts.roles import Area
from control.modules.config import ModuleConfig


class WebhooksConfig(ModuleConfig):
    """Stores an event for each change that somebody has subscribed to."""

    name = "control.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
    text = "Other systems are told of changes by signed HTTP requests."
    area = Area.SETTINGS
    api_routers = {"/webhooks": "control.webhooks.api.webhooks"}
    console_urls = "control.console.module_urls.webhooks"

    def ready(self) -> None:
        from control.audit.record import on_changes
        from control.webhooks.outbox import store_events

        on_changes(store_events)
