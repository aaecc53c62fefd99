"""App of scheduled changes."""

from django.apps import AppConfig

from control.audit.event_resources import EventResource
from control.notifications.kinds import Category, MailKind, Variable


class ScheduledConfig(AppConfig):
    """Scheduled changes. Their task is imported with the tasks of all apps."""

    name = "control.scheduled"
    label = "scheduled"
    event_resources = (
        EventResource(
            "scheduled_change", "scheduled.ScheduledChange", "control.scheduled.api.scheduled_out",
            {"created": "scheduled"}, status="state",
            by_state={"done": "applied", "failed": "failed", "cancelled": "cancelled"},
            kinds=("scheduled", "applied", "failed", "cancelled"),
        ),
    )  # fmt: skip
    mail_kinds = {
        "scheduled_change.failed": MailKind(
            "Scheduled change failed", Category.SYSTEM,
            variables={
                "change": Variable("the change", "suspend Blue Lagoon"),
                "at": Variable("time for which it was scheduled", "2026-03-05 09:04"),
                "why": Variable("why it was not made", "the partner is suspended already"),
                "link": Variable("address of the scheduled changes", "https://partners.example/console/scheduled/"),
            },
        ),
    }  # fmt: skip
