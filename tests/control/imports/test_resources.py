"""Imports of offers, links, plans, coupons and approvals: each with its mistakes, and its way back."""

import pytest

from control.imports.services import start_undo
from control.partners.models import Partner
from control.program.models import Approval, Coupon, Link, Offer, Plan
from control.program.publishing import publish
from control.program.routing import difference_from_rows
from control.program.services.approvals import request_access
from control.program.services.links import create_link
from control.program.services.terms_rows import create_coupon
from tests.control.imports.sample import BOSS, applied, checked, errors, outcomes
from tests.control.program.sample import lagoon, live, live_link, plan, shoes

pytestmark = pytest.mark.usefixtures("database")
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SHOP = "https://shop.example/?cid={click_id}"


@sqlite
def test_offers() -> None:
    shoes()
    publish(BOSS)
    text = (
        "id,name,landing_url,status,goals,click_window,reopen,hosts\n"
        f"1,Shoes,{SHOP}&a=1,paused,1: Purchase; lead: Lead,14d,no,shop.example\n"
        f",Hats,{SHOP},active,,30d,yes,\n"
        ",Caps,nowhere,,x,30,maybe,\n"
        f"9,Gone,{SHOP},,,,,\n"
    )
    found = checked("offers", text)
    assert found.counts == {"changed": 1, "created": 1, "error": 2}
    assert outcomes(found)[0][2:] == (
        {"landing_url": SHOP, "status": "active", "click_window": 2_592_000_000_000, "reopen": True,
         "allowed_hosts": []},
        {"landing_url": f"{SHOP}&a=1", "status": "paused", "click_window": 1_209_600_000_000, "reopen": False,
         "allowed_hosts": ["shop.example"]},
    )  # fmt: skip
    assert [field for field, _ in errors(found)[4]] == ["goals", "click_window", "reopen"]
    assert Offer.objects.count() == 1 and live().routes.offers[1].status == "active"
    found = applied("offers", text)
    assert live().routes.offers[1].status == "inactive" and difference_from_rows() == ""
    assert Offer.objects.get(name="Hats").status == "active"
    found = start_undo(BOSS, found.pk)
    assert (found.counts["undone"], found.counts.get("kept")) == (2, None)
    assert Offer.objects.get().allowed_hosts == [] and live().routes.offers[1].status == "active"
    assert [field for field, _ in errors(checked("offers", "name,landing_url\nA,nowhere\n"))[2]] == ["landing_url"]


def test_links() -> None:
    shoes()
    blue, red = lagoon(), lagoon("Red Rock")
    create_link(BOSS, 1, blue.number, "old")
    publish(BOSS)
    text = f"code,offer,partner,status\nold,Shoes,{blue.number},inactive\nnew,1,{red.number},\n,1,{red.number},\n"
    found = checked("links", text + f"old2,Hats,99,\nlogin,1,{red.number},\nold,1,{red.number},\n")
    assert found.counts == {"changed": 1, "created": 2, "error": 3}
    said = errors(found)
    assert said[5] == [["offer", "there is no offer Hats"], ["partner", "there is no partner 99"]]
    assert said[6] == [["code", "login is reserved; choose another code"]]
    found = applied("links", text)
    link = live_link("old")
    assert link is not None and link.status == "inactive" and live_link("new") is not None
    assert difference_from_rows() == "" and Link.objects.count() == 3
    moved = checked("links", f"code,offer,partner\nold,1,{red.number}\n")
    assert errors(moved)[2] == [["", "link old has another partner, and a link never moves; choose a new code"]]
    start_undo(BOSS, found.pk)
    link = live_link("old")
    assert link is not None and link.status == "active" and live_link("new") is None
    assert difference_from_rows() == "" and Link.objects.get().code == "old"


def test_plans() -> None:
    offer, partner = shoes(), lagoon()
    plan(offer)
    publish(BOSS)
    plan(offer, goal="lead", fixed_minor=500, fixed_currency="USD")
    text = (
        "Offer,Partner,Goal,Rate,Amount,Hold\n"
        "Shoes,,,8.5%,,30d\n"
        "1,,lead,,12.50 USD,\n"
        f"1,{partner.number},,9,,\n"
        "1,,nothing,5,,\n"
        "1,,,6,,\n"
        f"1,{partner.number},lead,many,free,soon\n"
    )
    found = checked("plans", text)
    assert found.counts == {"changed": 2, "created": 1, "error": 3}
    assert outcomes(found)[0][2:] == ({"percent": 8_000_000, "hold": 0},
                                      {"percent": 8_500_000, "hold": 2_592_000_000_000})  # fmt: skip
    assert errors(found)[5] == [["goal", "offer 1 has no goal nothing; add it to the offer's goals"]]
    assert [field for field, _ in errors(found)[7]] == ["percent", "fixed", "hold"]
    found = applied("plans", text)
    drafts = Plan.objects.filter(state="draft").order_by("key").values_list("key", "percent_e6", "fixed_minor")
    wanted = [
        ("offer=1", 8_500_000, 0),
        ("offer=1,goal=lead", 0, 1250),
        (f"offer=1,partner={partner.number}", 9_000_000, 0),
    ]
    assert sorted(drafts) == sorted(wanted)
    assert checked("plans", "offer,percent,hold\n1,8.5,30d\n").counts == {"unchanged": 1}
    start_undo(BOSS, found.pk)
    assert list(Plan.objects.filter(state="draft").values_list("key", "fixed_minor")) == [("offer=1,goal=lead", 500)]
    found = applied("plans", "offer,percent\n1,7\n")
    publish(BOSS)
    assert start_undo(BOSS, found.pk).counts["kept"] == 1 and "was changed by" in errors(found)[2][0][1]


@sqlite
def test_coupons() -> None:
    offer, partner = shoes(), lagoon()
    create_coupon(BOSS, {"code": "OLD", "partner": partner, "offer": offer})
    publish(BOSS)
    text = (
        "coupon;offer;partner;valid from;valid to\n"
        "NEW;1;1;2026-01-01;2026-02-01T12:00:00+02:00\n"
        "old;1;1;2026-01-01;\n"
        "BAD;1;1;2026-02-01;2026-01-01\n"
        "WHEN;1;1;soon;\n"
    )
    found = applied("coupons", text)
    assert found.counts == {"created": 1, "error": 3, "applied": 1}
    said = errors(found)
    assert "is published and never changes; end it first" in said[3][0][1]
    assert (said[4][0], said[5][0][0]) == (["ends", "must be later than starts"], "starts")
    assert str(Coupon.objects.get(code="NEW").ends) == "2026-02-01 10:00:00+00:00"
    found = applied("coupons", "coupon;valid to\nnew;2026-03-01\n")
    assert outcomes(found)[0][2:] == ({"ends": "2026-02-01T10:00:00Z"}, {"ends": "2026-03-01T00:00:00Z"})
    start_undo(BOSS, found.pk)
    assert str(Coupon.objects.get(code="NEW").ends) == "2026-02-01 10:00:00+00:00"


@sqlite
def test_approvals() -> None:
    shoes(access="approval")
    blue, red = lagoon(), lagoon("Red Rock")
    create_link(BOSS, 1, blue.number, "blue")
    request_access(BOSS, 1, blue.number, "We write about shoes")
    publish(BOSS)
    found = checked("approvals", "offer,partner,status\n1,1,approved\n1,2,approved\n1,99,approved\n1,3,yes\n")
    assert found.counts == {"changed": 1, "created": 1, "error": 2}
    found = applied("approvals", "offer,partner,status,reason\nShoes,1,approved,Good site\n1,2,rejected,\n")
    link = live_link("blue")
    assert link is not None and link.status == "active" and difference_from_rows() == ""
    found = start_undo(BOSS, found.pk)
    assert (found.counts["undone"], found.counts["kept"]) == (1, 1)
    assert errors(found)[2] == [["", "is approved, and does not go back to requested"]]
    assert Approval.objects.get().partner == Partner.objects.get(number=blue.number) != red
