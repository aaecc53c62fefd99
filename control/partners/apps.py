"""App of the partners."""

from django.apps import AppConfig

from control.audit.event_resources import STATUS_CHANGES, EventResource


class PartnersConfig(AppConfig):
    """Partners and the states that they pass through."""

    name = "control.partners"
    label = "partners"
    event_resources = (
        EventResource(
            "partner", "partners.Partner", "control.partners.api.partner_event", status="status", kinds=STATUS_CHANGES
        ),
    )
