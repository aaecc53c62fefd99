"""Every page of the portal with an object to show: a process that makes the objects and prints the addresses.

`python -m tests.browser.portal_objects DATA PASSWORD` prints a JSON object: addresses by the name of the page. A new
page of the portal fails the test until it has an entry here.
"""

import json
import sys
from pathlib import Path
from typing import Any

EMAIL = "paula@harbour.example"
EXEMPT = {
    "portal_link_qr": "answers a file", "portal_contract_pdf": "answers a file",
    "portal_manifest": "answers a file",
    "portal_conversion": "needs an engine; without one it says so, as the list does",
}  # fmt: skip
"""Addresses that are no pages."""


def pages(password: str) -> dict[str, str]:
    """Return the addresses of all pages by name. Raises AssertionError for a page that nobody has thought of."""
    from django.urls import reverse

    from control.modules.config import portal_patterns

    arguments, found = _objects(password), {}
    for pattern in portal_patterns():
        if pattern.name in EXEMPT:
            continue
        given = arguments.pop(str(pattern.name), [])
        wanted = len(pattern.pattern.converters)
        assert len(given) == wanted, f"{pattern.name} takes {wanted} values: give it an object here, or exempt it"
        found[str(pattern.name)] = reverse(str(pattern.name), args=given)
    assert not arguments, f"there are no pages {[*arguments]}"
    return found


def _objects(password: str) -> dict[str, list[Any]]:
    """Make a partner with two people, an offer that is open and one on approval, a link and an invitation."""
    from django.utils import timezone

    from control.accounts.actor import command_line
    from control.accounts.invitations import invite
    from control.accounts.models import Seat
    from control.accounts.people import new_user, store_with_seat
    from control.accounts.roles import PartnerRole
    from control.contracts.services import send_contract
    from control.contracts.templates import create_template, publish_version
    from control.leads.services import create_leads, offer_to
    from control.partners.services import create_partner
    from control.program.publishing import publish
    from control.program.services.links import create_link
    from control.program.services.offers import create_offer
    from control.program.services.terms_rows import create_coupon, create_plan

    boss, landing = command_line(), "https://boots.example/?cid={click_id}"
    partner = create_partner(boss, {"name": "Harbour Hikes"}, "active")
    store_with_seat(new_user(EMAIL, "Paula Harbour", password), partner.number, PartnerRole.OWNER)
    store_with_seat(new_user("max@harbour.example", "Max Harbour", password), partner.number, PartnerRole.MEMBER)
    invite(boss, "ivo@harbour.example", "member", partner.number, "https://x/{}/".format)
    offer = create_offer(boss, {"name": "Boots", "landing_url": landing, "description": "Warm ones."}, "active")
    create_offer(boss, {"name": "Hiking tours", "landing_url": landing, "access": "approval"}, "active")
    create_plan(boss, {"offer": offer, "percent_e6": 8_500_000, "hold_us": 14 * 86_400_000_000})
    create_coupon(boss, {"code": "HARBOURBOOTS", "partner": partner, "offer": offer})
    publish(boss, "Boots")
    link = create_link(boss, offer.number, partner.number, "harbour-boots", subs={"sub1": "newsletter"})
    seat = Seat.objects.get(partner=partner, role=PartnerRole.MEMBER)
    (lead,) = create_leads(boss, [{"company": "Peak Tours", "contact": "Pia Peak", "country": "AT", "consent": True}])
    offer_to(boss, lead.pk, partner.number, timezone.now())
    values = {"code": "partner-terms", "name": "Partner terms"}
    template = create_template(boss, values, {"texts": {"en": "# Terms\n\nYou promote **boots**."}})
    publish_version(boss, template.pk)
    contract = send_contract(boss, partner.number, "partner-terms")
    return {
        "portal_contract": [contract.pk],
        "portal_link": [link.code],
        "portal_offer": [offer.number],
        "portal_person": [seat.pk],
        "portal_lead": [lead.pk],
    }


def start(data: Path) -> None:
    """Set Django up with the database of an installation."""
    from control.address import SqliteFile
    from control.configuration import Configuration, secret_key
    from control.start import start_django
    from runtime.settings import load_settings

    settings = load_settings()
    start_django(Configuration(SqliteFile(data / "control.sqlite"), settings, secret_key(data, settings)))


def main() -> None:
    start(Path(sys.argv[1]))
    from control.audit.origin import ActorKind, Origin, acting

    with acting(Origin(ActorKind.COMMAND, name="test")):
        found = pages(sys.argv[2])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
