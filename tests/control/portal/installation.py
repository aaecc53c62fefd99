"""Two partners with people of every role, links and approvals; every text of a partner has the partner's marker."""

from dataclasses import dataclass, field

from django.test import Client
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.models import Seat, User
from control.accounts.people import add_operator
from control.accounts.roles import PartnerRole
from control.audit.origin import ActorKind, acting
from control.contracts.services import accept, send_contract
from control.leads.services import create_leads, offer_to
from control.partners.models import Partner
from control.partners.services import create_partner
from control.program.models import Link, Offer
from control.program.publishing import publish
from control.program.services.approvals import decide_access, request_access
from control.program.services.links import create_link
from control.program.services.offers import create_offer
from control.program.services.terms_rows import create_coupon, create_plan
from tests.control.console.installation import signed_in
from tests.control.contracts.sample import published, signature

LANDING = "https://shop.example/?cid={click_id}"
BOSS = command_line()


@dataclass
class Side:
    """One partner with what it has."""

    marker: str
    partner: Partner
    people: dict[str, User]
    link: Link

    def actor(self, role: str) -> Actor:
        user = self.people[role]
        return Actor(
            ActorKind.PERSON, str(user.pk), str(user), partner=self.partner.number, partner_role=PartnerRole(role)
        )

    def browser(self, role: str = "owner") -> Client:
        return signed_in(Client(HTTP_HOST="localhost"), self.people[role])


@dataclass
class Portal:
    """A program with two partners."""

    own: Side
    foreign: Side
    owner: User
    """Owner of the program."""
    offers: dict[str, Offer] = field(default_factory=dict)

    def operator(self) -> Client:
        return signed_in(Client(HTTP_HOST="localhost"), self.owner)


def filled_portal() -> Portal:
    """Make the program; the first partner may use all offers, the second only the open one."""
    with acting(BOSS):
        owner = add_operator(BOSS, "owner@acme.example", "owner", "Olivia Operator")
        offers = {
            access: create_offer(BOSS, {"name": f"{access} shoes", "landing_url": LANDING, "access": access}, "active")
            for access in ("open", "approval", "private")
        }
        offers["draft"] = create_offer(BOSS, {"name": "draft shoes", "landing_url": LANDING})
        offers["asked"] = create_offer(
            BOSS, {"name": "asked shoes", "landing_url": LANDING, "access": "approval"}, "active"
        )
        own, foreign = _side("ownmark", offers["open"]), _side("alienmark", offers["open"])
        for access in ("approval", "private"):
            decide_access(BOSS, offers[access].number, foreign.partner.number, "approved", "alienmark decided")
        request_access(BOSS, offers["asked"].number, foreign.partner.number, "alienmark asks")
        create_plan(BOSS, {"offer": offers["open"], "percent_e6": 8_000_000})
        create_plan(BOSS, {"offer": offers["open"], "partner": foreign.partner, "percent_e6": 17_770_000})
        for side in (own, foreign):
            create_coupon(BOSS, {"code": f"{side.marker}10", "partner": side.partner, "offer": offers["open"]})
        publish(BOSS, "First version")
        published()
        for side in (own, foreign):
            contract = send_contract(BOSS, side.partner.number, "creators", {"company": f"{side.marker} Ltd"})
            accept(side.actor("owner"), contract.pk, signature(contract, typed_name=f"{side.marker} owner"))
    return Portal(own, foreign, owner, offers)


def _side(marker: str, offer: Offer) -> Side:
    values = {
        "name": f"{marker} Media", "email": f"team@{marker}.example", "company": f"{marker} Ltd", "country": "DE",
        "website": f"https://{marker}.example/", "traffic_sources": [f"{marker} newsletter"], "tags": [f"{marker}-tag"],
        "custom": {"note": f"{marker} note"}, "external_ids": {"crm": f"{marker}-1"},
    }  # fmt: skip
    partner = create_partner(BOSS, values, "active")
    people = {}
    for role in PartnerRole.values:
        user = User.objects.create_user(f"{role}@{marker}.example", "long enough words", name=f"{marker} {role}")
        Seat.objects.create(user=user, partner=partner, role=role)
        people[role] = user
    (lead,) = create_leads(BOSS, [{"company": f"{marker} customer", "region": f"{marker} land", "consent": True}])
    offer_to(BOSS, lead.pk, partner.number, timezone.now())
    subs = {"sub1": f"{marker}-blog"}
    return Side(marker, partner, people, create_link(BOSS, offer.number, partner.number, f"{marker}-link", subs=subs))
