"""App of notes and timelines."""

from control.accounts.roles import Area
from control.audit.event_resources import EventResource
from control.modules.config import ModuleConfig


class TimelineConfig(ModuleConfig):
    """Names what the module adds to API and pages."""

    name = "control.timeline"
    label = "timeline"
    verbose_name = "Notes"
    text = "Operators write notes about partners, for colleagues or shared with the partner."
    area = Area.PARTNERS
    api_routers = {"/partner-notes": "control.timeline.api.partner_notes"}
    console_urls = "control.timeline.urls"
    event_resources = (
        EventResource(
            "partner_note", "timeline.Note", "control.timeline.api.note_event", kinds=("created",),
            prefetched=("mentions",),
        ),
    )  # fmt: skip
