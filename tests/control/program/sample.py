"""A small program made by the services, as a person makes it."""

from collections.abc import Mapping
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Role
from control.audit.origin import ActorKind
from control.partners.models import Partner
from control.partners.services import create_partner
from control.program.models import Offer, Plan
from control.program.selectors import program_of, version_of
from control.program.services.offers import create_offer
from control.program.services.terms_rows import create_plan
from program.entries import Link
from program.program import Program

ANN = Actor(ActorKind.PERSON, "1", "Ann", role=Role.OWNER)
SHOP = "https://shop.example/?cid={click_id}"


def shoes(**values: Any) -> Offer:
    """Return a new active offer."""
    goals = [{"key": "1", "name": "Purchase"}, {"key": "lead", "name": "Lead"}]
    return create_offer(ANN, {"name": "Shoes", "landing_url": SHOP, "goals": goals, **values}, "active")


def lagoon(name: str = "Blue Lagoon", status: str = "active") -> Partner:
    """Return a new partner."""
    return create_partner(ANN, {"name": name}, status)


def plan(offer: Offer, **values: Any) -> Plan:
    """Return a new draft of a plan; without values it pays 8 %."""
    pay: Mapping[str, Any] = {} if "fixed_minor" in values else {"percent_e6": 8_000_000}
    return create_plan(ANN, {"offer": offer, **pay, **values})


def live() -> Program:
    """Return the newest version."""
    return program_of(version_of(ANN))


def live_link(code: str) -> Link | None:
    """Return a link as the edges know it."""
    return live().routes.links.get(code)
