"""App of the territories."""

from control.accounts.roles import Area
from control.audit.event_resources import EventResource
from control.modules.config import ModuleConfig


class TerritoriesConfig(ModuleConfig):
    """Territories divide customers among partners."""

    name = "control.territories"
    label = "territories"
    verbose_name = "Territories"
    text = "Partners own customers by place, segment, product and name."
    area = Area.PARTNERS
    api_routers = {"/territories": "control.territories.api.territories"}
    console_urls = "control.territories.urls"
    event_resources = (
        EventResource(
            "territory", "territories.Territory", "control.territories.api.territory_event",
            prefetched=("owners",),
        ),
    )  # fmt: skip

    def ready(self) -> None:
        from control.console.access import may
        from control.ui.navigation import Entry, add_entry

        add_entry(
            "console",
            Entry(
                "Territories", "console_territories", "location", "Partners", 46,
                visible=lambda request: may(request, Area.PARTNERS),
            ),
        )  # fmt: skip
