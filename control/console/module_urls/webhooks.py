"""URLs of the pages of webhooks, below /console/."""

from django.urls import path

from control.console.pages import webhooks

urlpatterns = [
    path("webhooks/", webhooks.index, name="console_webhooks"),
    path("webhooks/new/", webhooks.new, name="console_webhook_new"),
    path("webhooks/deliveries/", webhooks.delivery_index, name="console_webhook_deliveries"),
    path("webhooks/<uuid:webhook_id>/", webhooks.show, name="console_webhook"),
    path("webhooks/<uuid:webhook_id>/replay/", webhooks.replay_failed, name="console_webhook_replay"),
    path("webhooks/<uuid:webhook_id>/edit/", webhooks.edit, name="console_webhook_edit"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<int:delivery_id>/", webhooks.delivery, name="console_webhook_delivery"
    ),
    path("webhooks/<uuid:webhook_id>/<slug:name>/", webhooks.act, name="console_webhook_act"),
]
