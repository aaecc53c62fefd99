"""App of the webhooks."""

from control.accounts.roles import Area
from control.modules.config import ModuleConfig
from control.notifications.kinds import Category, MailKind, Variable


class WebhooksConfig(ModuleConfig):
    """Stores an event for each change that somebody has subscribed to."""

    name = "control.webhooks"
    label = "webhooks"
    mail_kinds = {
        state: MailKind(
            title, Category.SYSTEM,
            variables={
                "webhook": Variable("name of the webhook", "CRM"),
                "url": Variable("address of its receiver", "https://crm.example/hook"),
                "why": Variable("why", "its receiver answered 410 Gone"),
                "link": Variable("address of its page", "https://partners.example/console/webhooks/1/"),
            },
        )
        for state, title in (("webhook.paused", "Webhook paused"), ("webhook.disabled", "Webhook disabled"))
    }  # fmt: skip
    verbose_name = "Webhooks"
    text = "Other systems are told of changes by signed HTTP requests."
    area = Area.SETTINGS
    api_routers = {"/webhooks": "control.webhooks.api.webhooks"}
    console_urls = "control.console.module_urls.webhooks"

    def ready(self) -> None:
        from control.audit.record import on_changes
        from control.webhooks.outbox import store_events

        on_changes(store_events)
