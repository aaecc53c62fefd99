"""App of the leads."""

from django.utils.translation import gettext_noop as _

from control.accounts.roles import Area
from control.audit.event_resources import EventResource
from control.modules.config import ModuleConfig
from control.notifications.kinds import Category, MailKind, Variable

_PARTNER = {
    "country": Variable("country of the lead; may be empty", "DE"),
    "product": Variable("product of the lead; may be empty", "Router X"),
    "due": Variable("time until which the partner may answer; none for reminders", "2026-03-05 09:04"),
    "link": Variable("address of the lead in the portal", "https://partners.example/portal/leads/1/"),
}
_MANAGER = {
    "company": Variable("company of the lead", "Blue Harbour Ltd"),
    "link": Variable("address of the lead in the console", "https://partners.example/console/leads/1/"),
}


class LeadsConfig(ModuleConfig):
    """Leads go to partners, one after the other, until one accepts."""

    name = "control.leads"
    label = "leads"
    verbose_name = "Leads"
    text = "Possible customers are offered to partners, and taken back when nobody works on them."
    area = Area.PARTNERS
    needs = ("territories",)
    api_routers = {"/leads": "control.leads.api.leads"}
    console_urls = "control.leads.console_urls"
    portal_urls = "control.leads.portal_urls"
    event_resources = (
        EventResource(
            "lead", "leads.Lead", "control.leads.api.lead_event", status="state",
            by_state={state: state for state in ("offered", "accepted", "working", "won", "lost", "expired")}
            | {"new": "reclaimed"},
            kinds=("created", "offered", "accepted", "working", "won", "lost", "expired", "reclaimed", "changed"),
            acts={"created": "created"},
        ),
    )  # fmt: skip
    mail_kinds = {
        "lead.offered": MailKind("Lead offered", Category.PROGRAM, variables=_PARTNER),
        "lead.reminder": MailKind("Lead without activity", Category.PROGRAM, variables=_PARTNER),
        "lead.reclaimed": MailKind("Lead taken back", Category.PROGRAM),
        "lead.unassigned": MailKind("Lead that nobody takes", Category.SYSTEM, variables=_MANAGER),
    }

    def ready(self) -> None:
        from control.console.access import may
        from control.portal.navigation import reads
        from control.ui.navigation import Entry, add_entry

        add_entry(
            "console",
            Entry("Leads", "console_leads", "send", "Partners", 47, lambda request: may(request, Area.PARTNERS)),
        )
        add_entry("portal", Entry(_("Leads"), "portal_leads", "send", order=45, visible=reads(Area.PARTNERS)))
