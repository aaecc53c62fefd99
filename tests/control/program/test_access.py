"""Who may change what of the program, and of whom."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import KeyScope, PartnerRole, Role
from control.audit.origin import ActorKind, acting
from control.errors import Forbidden, Invalid, NotFound, Refused
from control.partners.access import visible_partners
from control.partners.models import Partner
from control.partners.services import change_partner, create_partner, transition
from control.program.access import (
    approvals,
    coupons,
    plans,
    visible_links,
    visible_offers,
)
from control.program.models import Offer, Plan
from control.program.publishing import preview, publish, rollback
from control.program.selectors import diff, version_of, versions
from control.program.services.approvals import decide_access, request_access
from control.program.services.links import create_link, set_link_status
from control.program.services.offers import (
    change_offer,
    create_offer,
    rotate_postback_secret,
    set_offer_status,
    set_postback_secret,
)
from control.program.services.program_settings import change_program_settings
from control.program.services.terms_rows import (
    change_coupon,
    change_plan,
    create_coupon,
    create_plan,
    discard,
    end,
)
from tests.control.program.sample import ANN, SHOP, lagoon, plan, shoes

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]

PEOPLE: dict[str, Actor] = {
    **{role.value: Actor(ActorKind.PERSON, "00000000-0000-0000-0000-000000000001", role=role) for role in Role},
    **{f"partner's {role.value}": Actor(ActorKind.PERSON, partner=1, partner_role=role) for role in PartnerRole},
    **{f"key {scope.value}": Actor(ActorKind.API_KEY, scope=scope) for scope in KeyScope},
    **{f"partner's key {scope.value}": Actor(ActorKind.API_KEY, scope=scope, partner=1) for scope in KeyScope},
}
ALL_POWER = {"owner", "admin", "key admin"}
WRITERS = {*ALL_POWER, "partner_manager", "key write"}
ROW = "00000000-0000-0000-0000-000000000000"
CHANGES: dict[str, tuple[Callable[[Actor], Any], set[str]]] = {
    "publish": (publish, ALL_POWER),
    "rollback": (lambda actor: rollback(actor, 1), ALL_POWER),
    "create offer": (lambda actor: create_offer(actor, {"name": "Hats", "landing_url": SHOP}), WRITERS),
    "change offer": (lambda actor: change_offer(actor, 1, {"name": "Boots"}), WRITERS),
    "change landing page": (lambda actor: change_offer(actor, 1, {"landing_url": "https://b.example/"}), ALL_POWER),
    "pause offer": (lambda actor: set_offer_status(actor, 1, "paused"), ALL_POWER),
    "set secret": (lambda actor: set_postback_secret(actor, 1, "s3cret"), ALL_POWER),
    "rotate secret": (lambda actor: rotate_postback_secret(actor, 1), ALL_POWER),
    "create plan": (lambda actor: create_plan(actor, {}), WRITERS),
    "change plan": (lambda actor: change_plan(actor, ROW, {}), WRITERS),  # type: ignore[arg-type]
    "end plan": (lambda actor: end(actor, Plan, ROW), WRITERS),  # type: ignore[arg-type]
    "discard plan": (lambda actor: discard(actor, Plan, ROW), WRITERS),  # type: ignore[arg-type]
    "create coupon": (lambda actor: create_coupon(actor, {}), WRITERS),
    "change coupon": (lambda actor: change_coupon(actor, ROW, {}), WRITERS),  # type: ignore[arg-type]
    "settings": (lambda actor: change_program_settings(actor, {"currency": "EUR"}), ALL_POWER),
    "create partner": (lambda actor: create_partner(actor, {"name": ""}), WRITERS),
    "transition": (lambda actor: transition(actor, 1, "dormant"), {*ALL_POWER, "partner_manager"}),
    "decide": (lambda actor: decide_access(actor, 1, 1, "approved"), {*ALL_POWER, "partner_manager"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_matrix_of_changes(change: str) -> None:
    lagoon()
    shoes()
    publish(ANN)
    make, allowed = CHANGES[change]
    assert {who for who, actor in PEOPLE.items() if _is_allowed(make, actor)} == allowed


def _is_allowed(make: Callable[[Actor], Any], actor: Actor) -> bool:
    """Try a change and take it back. A refusal for another reason comes after the check of the role."""
    with transaction.atomic():
        try:
            make(actor)
        except Forbidden:
            return False
        except Refused:
            return True
        finally:
            transaction.set_rollback(True)
        return True


@pytest.mark.parametrize("read", [preview, versions, version_of, lambda actor: diff(actor, 1, 1)])
def test_partners_do_not_see_the_plans_of_others(read: Callable[[Actor], Any]) -> None:
    lagoon()
    shoes()
    publish(ANN)
    for who, actor in PEOPLE.items():
        if who.startswith("partner's"):
            with pytest.raises(Forbidden):
                read(actor)
        else:
            read(actor)


@pytest.fixture
def mia(database: object) -> Actor:
    """A manager with one partner, number 1; partner 2 is another one's."""
    with acting(ANN):
        user = User.objects.create_user("mia@acme.example", role=Role.PARTNER_MANAGER)
    create_partner(ANN, {"name": "Blue Lagoon", "manager": user}, "active")
    lagoon("Red Sea")
    shoes()
    return Actor(ActorKind.PERSON, str(user.pk), "Mia", role=Role.PARTNER_MANAGER)


def test_a_manager_sees_and_changes_own_partners_only(mia: Actor) -> None:
    create_link(ANN, 1, 2, "other")
    create_link(mia, 1, 1, "own")
    assert [partner.number for partner in visible_partners(mia)] == [1]
    assert [link.code for link in visible_links(mia)] == ["own"]
    change_partner(mia, 1, {"tags": ["top"]})
    for change in (
        lambda: change_partner(mia, 2, {"name": "Mine"}),
        lambda: transition(mia, 2, "dormant"),
        lambda: set_link_status(mia, "other", "inactive"),
        lambda: decide_access(mia, 1, 2, "approved"),
        lambda: request_access(mia, 1, 2),
    ):
        with pytest.raises(NotFound):
            change()
    with pytest.raises(Invalid, match=r"^partner: there is no partner 2"):
        create_link(mia, 1, 2)


def test_a_manager_becomes_the_manager_of_new_partners_and_gives_none_away(mia: Actor) -> None:
    assert str(create_partner(mia, {"name": "New"}).manager_id) == mia.id
    with pytest.raises(Forbidden, match="another manager"):
        change_partner(mia, 1, {"manager": None})
    with acting(ANN):
        ben = User.objects.create_user("ben@acme.example", role=Role.PARTNER_MANAGER)
    with pytest.raises(Forbidden, match="another manager"):
        create_partner(mia, {"name": "New", "manager": ben})


def test_a_partner_changes_its_profile_and_links_only(mia: Actor) -> None:
    seat = Actor(ActorKind.PERSON, "x", partner=1, partner_role=PartnerRole.OWNER)
    change_partner(seat, 1, {"website": "https://lagoon.example/"})
    for name in ("kind", "tags", "tier", "manager", "custom", "status"):
        with pytest.raises(Invalid, match=f"{name}: cannot be changed"):
            change_partner(seat, 1, {name: "x"})
    with pytest.raises(NotFound):
        change_partner(seat, 2, {"name": "x"})
    assert [p.number for p in visible_partners(seat)] == [1]
    assert create_link(seat, 1, 1, "own").partner_id == 1
    with pytest.raises(Invalid, match="there is no partner 2"):
        create_link(seat, 1, 2)
    assert Partner.objects.get(number=2).name == "Red Sea"


def test_a_partner_sees_offers_that_are_open_or_approved(mia: Actor) -> None:
    seat = Actor(ActorKind.PERSON, "x", partner=1, partner_role=PartnerRole.OWNER)
    private = shoes(access="private").number
    create_offer(ANN, {"name": "Draft", "landing_url": SHOP})
    assert [offer.number for offer in visible_offers(seat)] == [1]
    with pytest.raises(Invalid, match=f"there is no offer {private}"):
        create_link(seat, private, 1)
    decide_access(ANN, private, 1, "approved")
    assert [offer.number for offer in visible_offers(seat)] == [1, private]


def test_a_partner_sees_published_plans_and_coupons_that_pay_it(mia: Actor) -> None:
    seat = Actor(ActorKind.PERSON, "x", partner=1, partner_role=PartnerRole.FINANCE)
    offer, hidden = Offer.objects.get(), shoes(access="private")
    own, other = Partner.objects.order_by("number")
    for values in ({}, {"partner": own}, {"partner": other}):
        plan(offer, **values)
    plan(hidden)
    for partner, code in ((own, "OWN"), (other, "OTHER")):
        create_coupon(ANN, {"code": code, "offer": offer, "partner": partner})
    assert not plans(seat).exists() and not coupons(seat).exists()
    publish(ANN)
    plan(offer, percent_e6=1)
    assert {row.key for row in plans(seat)} == {"offer=1", "offer=1,partner=1"}
    assert {row.percent_e6 for row in plans(seat)} == {8_000_000}
    assert [row.code for row in coupons(seat)] == ["OWN"]
    assert plans(mia).count() == 5 and coupons(mia).count() == 2


def test_approvals_are_those_of_visible_partners(mia: Actor) -> None:
    for partner in (1, 2):
        decide_access(ANN, 1, partner, "approved")
    seat = Actor(ActorKind.PERSON, "x", partner=2, partner_role=PartnerRole.MEMBER)
    assert [row.partner_id for row in approvals(ANN)] == [1, 2]
    assert [row.partner_id for row in approvals(mia)] == [1]
    assert [row.partner_id for row in approvals(seat)] == [2]
