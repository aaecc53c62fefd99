"""Pages of the portal: who may open each, and their addresses."""

from django.urls import reverse

from control.contracts.models import Contract
from control.leads.models import Lead
from tests.control.portal.installation import Portal, Side

EVERYBODY = {"owner", "admin", "finance", "member", "read_only"}
LEADERS = {"owner", "admin"}
MAKERS = LEADERS | {"member"}
PAGES: dict[str, set[str]] = {
    "portal_home": EVERYBODY,
    "portal_more": EVERYBODY,
    "portal_seats": EVERYBODY,
    "portal_help": EVERYBODY,
    "portal_manifest": EVERYBODY,
    "portal_links": EVERYBODY,
    "portal_links_made": EVERYBODY,
    "portal_link": EVERYBODY,
    "portal_link_qr": EVERYBODY,
    "portal_link_new": MAKERS,
    "portal_link_bulk": MAKERS,
    "portal_offers": EVERYBODY,
    "portal_offer": EVERYBODY,
    "portal_statistics": EVERYBODY,
    "portal_conversions": EVERYBODY,
    "portal_conversion": EVERYBODY,
    "portal_balance": EVERYBODY,
    "portal_profile": EVERYBODY,
    "portal_leads": EVERYBODY,
    "portal_lead": EVERYBODY,
    "portal_contracts": EVERYBODY,
    "portal_contract": EVERYBODY,
    "portal_contract_pdf": EVERYBODY,
    "portal_people": LEADERS,
    "portal_person": LEADERS,
}
"""Roles within a partner that may open a page. A page that is not here fails a test."""
FOREIGN = {
    "portal_link", "portal_link_qr", "portal_person", "portal_offer", "portal_lead", "portal_contract",
    "portal_contract_pdf",
}  # fmt: skip
"""Pages of an object that belongs to one partner, or that only one partner may see."""


def paths_of(portal: Portal, side: Side) -> dict[str, str]:
    """Return the addresses of pages by name; those of an object are of this partner's."""
    seat = side.people["member"].seats.get()
    offer = portal.offers["private" if side is portal.foreign else "open"]
    arguments: dict[str, list[object]] = {
        "portal_link": [side.link.code], "portal_link_qr": [side.link.code], "portal_person": [seat.pk],
        "portal_offer": [offer.number], "portal_conversion": ["0" * 32],
        "portal_contract": [Contract.objects.get(partner=side.partner).pk],
        "portal_contract_pdf": [Contract.objects.get(partner=side.partner).pk],
        "portal_lead": [Lead.objects.get(offered_to=side.partner).pk],
    }  # fmt: skip
    return {name: reverse(name, args=arguments.get(name, [])) for name in PAGES}
