"""Control plane of `clew demo`: people of every role, and a program made by the services, as people make one.

Django must be set up before a function is called.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clew.demo.offers import BY_APPROVAL, OFFERS, PRIVATE
from clew.demo.partners import ACTIVE, PARTNERS, WITH_LINKS_COUNT, DemoPartner
from clew.demo.program import demo_program_toml
from program.file_in_parts import read_program_in_parts

if TYPE_CHECKING:
    from control.accounts.actor import Actor
    from control.accounts.models import User

PEOPLE = (
    ("owner", "owner@acme.example", "Olivia Stone"),
    ("admin", "admin@acme.example", "Adam Reyes"),
    ("partner_manager", "manager@acme.example", "Mira Lindqvist"),
    ("finance", "finance@acme.example", "Farid Haddad"),
    ("support", "support@acme.example", "Sanne de Wit"),
    ("analyst", "analyst@acme.example", "Anton Brandt"),
    ("read_only", "reader@acme.example", "Rosa Marin"),
)
"""Role, address and name of each person."""
PARTNER_PEOPLE = (
    ("owner", "ana@trail.example", "Ana Whitfield", "en"),
    ("member", "layla@trail.example", "Layla Mansour", "ar"),
)
"""Role, address, name and language of the people of the first partner, who sign in to the portal."""
_SECOND_MANAGER = ("partner_manager", "manager2@acme.example", "Nils Okafor")
_TO_STATE = {
    "dormant": ((40, 55, 71), "No click in 30 days"),
    "suspended": ((62, 80), "Bids on our brand; second warning"),
    "offboarded": ((90,), "The company has closed"),
}
"""Positions of partners that leave the active state, and why."""
_NEW_STATES = ("applied",) * 9 + ("invited",) * 6 + ("approved",) * 9


def fill_control_plane(api_key: str, password: str) -> None:
    """Make people, program, approvals and a draft. Raises Refused."""
    from control.accounts.actor import command_line

    people = _people(command_line(), password)
    owner, admin, manager = (_actor(people[email]) for _, email, _ in PEOPLE[:3])
    _program(owner, api_key)
    _partners(admin, people)
    _close_offers(admin)
    _publish(admin, "The program as it was agreed for this year")
    _requests(admin, manager)
    _states(admin)
    _draft(manager)
    _key(owner)
    _partner_people(owner, password)


def _people(actor: "Actor", password: str) -> "dict[str, User]":
    from control.accounts.people import add_operator

    return {email: add_operator(actor, email, role, name, password) for role, email, name in (*PEOPLE, _SECOND_MANAGER)}


def _actor(user: "User") -> "Actor":
    from control.accounts.actor import Actor
    from control.accounts.roles import Role
    from control.audit.origin import ActorKind

    return Actor(ActorKind.PERSON, str(user.pk), str(user), role=Role(user.role))


def _program(owner: "Actor", api_key: str) -> None:
    """Import the program file: offers, plans, coupons, active partners and their links."""
    from control.program.importing import import_program

    reading = read_program_in_parts(demo_program_toml(api_key), lambda _name: None)
    assert reading.program is not None, reading.mistakes
    import_program(owner, reading.program)


def _partners(admin: "Actor", people: "Mapping[str, User]") -> None:
    """Fill in what a program file does not say of a partner, and add those who are not active yet."""
    from control.partners.services import change_partner, create_partner

    managers = [people[PEOPLE[2][1]], people[_SECOND_MANAGER[1]], None]
    for at, partner in enumerate(PARTNERS):
        values = _profile(partner) | {"manager": managers[at // 5 % len(managers)]}
        if at < WITH_LINKS_COUNT:
            change_partner(admin, partner.id, values)
        else:
            create_partner(admin, {"name": partner.name} | values, _NEW_STATES[at - WITH_LINKS_COUNT])


def _profile(partner: DemoPartner) -> dict[str, Any]:
    return {
        "type": partner.type, "email": f"team@{partner.domain}", "company": f"{partner.name} Ltd",
        "country": partner.country, "language": partner.language, "website": f"https://{partner.domain}/",
        "traffic_sources": list(partner.sources), "tags": ["outdoor", partner.sources[0].lower()],
        "group": partner.group, "tier": partner.tier, "external_ids": {"crm": f"A-{1_000 + partner.id}"},
    }  # fmt: skip


def _publish(actor: "Actor", reason: str) -> None:
    from control.program.publishing import publish

    publish(actor, reason)


def _close_offers(admin: "Actor") -> None:
    """Close two offers, and let in most of those who have links to them."""
    from control.program.services.approvals import decide_access
    from control.program.services.offers import change_offer

    change_offer(admin, BY_APPROVAL, {"access": "approval"})
    change_offer(admin, PRIVATE, {"access": "private"})
    for offer in (BY_APPROVAL, PRIVATE):
        promoters = [partner for partner in ACTIVE if offer in partner.offers]
        for partner in promoters[:30]:
            decide_access(admin, offer, partner.id, "approved", "Sends buyers of other offers already")


def _requests(admin: "Actor", manager: "Actor") -> None:
    """Leave some requests for an offer open, and decide others."""
    from control.program.services.approvals import decide_access, request_access
    from control.program.services.offers import create_offer

    others = [partner for partner in ACTIVE if BY_APPROVAL not in partner.offers]
    for partner in others[:6]:
        request_access(admin, BY_APPROVAL, partner.id, "Our readers ask for climbing gear")
    for partner in others[6:8]:
        decide_access(admin, BY_APPROVAL, partner.id, "rejected", "Coupons are not wanted for this offer")
    landing = "https://camp.example/?cid={click_id}"
    create_offer(manager, {"name": "Summer camp", "landing_url": landing, "description": "Starts in spring."})


def _states(admin: "Actor") -> None:
    from control.partners.services import transition

    for state, (positions, reason) in _TO_STATE.items():
        for at in positions:
            transition(admin, ACTIVE[at].id, state, reason)


def _draft(manager: "Actor") -> None:
    """Leave two drafts, so that the page of publishing has something to show."""
    from control.program.models import Offer
    from control.program.services.terms_rows import create_plan

    offers = {offer.number: offer for offer in Offer.objects.filter(number__in=[OFFERS[0].id, OFFERS[3].id])}
    shoes, tents = offers[OFFERS[0].id], offers[OFFERS[3].id]
    bonus = {"fixed_minor": 120, "fixed_currency": "USD", "hold_us": 14 * 86_400_000_000}
    create_plan(manager, {"offer": shoes, "goal": "1", "percent_e6": 9_000_000, **bonus})
    create_plan(manager, {"offer": tents, "percent_e6": 6_500_000, "hold_us": 30 * 86_400_000_000})


def _key(owner: "Actor") -> None:
    from control.accounts.keys import make_key

    make_key(owner, "Warehouse export", "read")


def _partner_people(owner: "Actor", password: str) -> None:
    from control.accounts.people import new_user, store_with_seat
    from control.accounts.roles import PartnerRole
    from control.changes import changing

    with changing(owner):
        for role, email, name, language in PARTNER_PEOPLE:
            user = new_user(email, name, password)
            user.locale = language
            store_with_seat(user, PARTNERS[0].id, PartnerRole(role))
