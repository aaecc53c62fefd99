"""Differences of programs in words and money."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from control.program.difference import routes_difference, terms_difference
from program.entries import Coupon, Link, Plan
from program.labels import Labels
from program.program import Program
from program.routes import OfferRoute, Routes
from program.terms import GoalTerms, OfferTerms, PartnerTerms, Terms
from tests.program.programs import programs

LABELS = Labels("Acme", {7: "Blue Lagoon", 8: "Waves"}, {101: "Shoes"}, {101: {"1": "Purchase"}})
DAY_US = 86_400 * 10**6
SHOES = OfferTerms(click_window_us=30 * DAY_US, impression_window_us=DAY_US, goals=(GoalTerms("1"),))
OLD = Terms(currency="USD", timezone="UTC", offers={101: SHOES}, models=("last_click",))


def _shoes(**values: Any) -> OfferTerms:
    return msgspec.structs.replace(SHOES, **values)


def _plans(*plans: Plan) -> Terms:
    return msgspec.structs.replace(OLD, plans=plans)


def _percent(e6: int, **values: Any) -> Plan:
    return Plan(101, **{"partner_id": 7, "percent_e6": e6, **values})


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (_percent(8_000_000), _percent(8_500_000), "raises Blue Lagoon's commission for Shoes from 8 % to 8.5 %"),
        (_percent(8_500_000), _percent(0), "lowers Blue Lagoon's commission for Shoes from 8.5 % to 0 %"),
        (
            _percent(8_000_000, partner_id=8, goal="1"), _percent(9_000_000, partner_id=8, goal="1"),
            "raises Waves' commission for Purchase of Shoes from 8 % to 9 %",
        ),
        (
            _percent(0, partner_id=None, fixed_minor=120, fixed_currency="USD"),
            _percent(1_000_000, partner_id=None, fixed_minor=120, fixed_currency="USD"),
            "raises the commission for Shoes from 1.20 USD to 1 % + 1.20 USD",
        ),
        (
            _percent(8_000_000), _percent(0, fixed_minor=120, fixed_currency="USD"),
            "changes Blue Lagoon's commission for Shoes from 8 % to 1.20 USD",
        ),
        (
            _percent(0, fixed_minor=120, fixed_currency="USD"), _percent(0, fixed_minor=130, fixed_currency="EUR"),
            "changes Blue Lagoon's commission for Shoes from 1.20 USD to 1.30 EUR",
        ),
        (
            _percent(1), _percent(1, hold_us=14 * DAY_US),
            "changes the hold of Blue Lagoon's commission for Shoes from 0s to 14d",
        ),
        (
            _percent(1), _percent(1, click_window_us=DAY_US),
            "changes the click window of Blue Lagoon's commission for Shoes from that of the offer to 1d",
        ),
    ],
)  # fmt: skip
def test_changed_plans(old: Plan, new: Plan, sentence: str) -> None:
    assert terms_difference(_plans(old), _plans(new), LABELS) == [sentence]


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        (
            _plans(_percent(8_000_000, hold_us=DAY_US, model="linear")),
            "pays Blue Lagoon 8 % for Shoes, held for 1d, by linear",
        ),
        (msgspec.structs.replace(OLD, offers={}), "removes offer Shoes"),
        (msgspec.structs.replace(OLD, offers={**OLD.offers, 77: next(iter(OLD.offers.values()))}), "adds offer 77"),
        (msgspec.structs.replace(OLD, currency="EUR"), "changes the currency from USD to EUR"),
        (msgspec.structs.replace(OLD, models=("last_click", "linear")), "computes linear for reports"),
        (msgspec.structs.replace(OLD, partners={7: PartnerTerms("inactive")}), "stops counting touches of Blue Lagoon"),
        (
            msgspec.structs.replace(OLD, partners={9: PartnerTerms("active", "direct")}),
            "treats partner 9 as direct traffic",
        ),
        (
            msgspec.structs.replace(OLD, coupons={"b": (Coupon("B", 7, 101, 0, None),)}),
            "adds coupon B of Blue Lagoon for Shoes from 1970-01-01T00:00:00Z",
        ),
        (
            msgspec.structs.replace(OLD, offers={101: _shoes(reopen=False)}),
            "forbids that declined conversions of Shoes are approved later",
        ),
        (
            msgspec.structs.replace(OLD, offers={101: _shoes(goals=(GoalTerms("1"), GoalTerms("x")))}),
            "adds goal x to Shoes",
        ),
    ],
)  # fmt: skip
def test_other_changes(new: Terms, sentence: str) -> None:
    assert terms_difference(OLD, new, LABELS) == [sentence]


def test_the_first_program() -> None:
    assert terms_difference(None, _plans(_percent(1)), LABELS) == [
        "publishes the first program: 1 offer, 1 plan and 0 coupons, in USD"
    ]


@settings(max_examples=25)
@given(programs(), programs())
def test_terms_differ_if_and_only_if_a_sentence_says_so(old: Program, new: Program) -> None:
    assert bool(terms_difference(old.terms, new.terms, new.labels)) == (old.hash != new.hash)
    assert terms_difference(new.terms, new.terms, new.labels) == []


def test_routes() -> None:
    route = OfferRoute(landing_url="https://a.example/")
    links = {f"l{n}": Link(f"l{n}", 101, 7) for n in range(30)}
    old = Routes(
        partners={7: "active"}, offers={101: route}, links={"gone": Link("gone", 101, 7), "off": Link("off", 101, 7)}
    )
    new = Routes(
        partners={7: "inactive", 8: "active", 9: "inactive"},
        offers={101: OfferRoute(landing_url="https://b.example/", status="inactive")},
        links={**links, "off": Link("off", 101, 7, "inactive")},
    )
    lines = routes_difference(old, new, LABELS)
    assert lines[:4] == [
        "stops the links of Blue Lagoon", "starts the links of Waves", "pauses Shoes",
        "changes the landing page of Shoes from https://a.example/ to https://b.example/",
    ]  # fmt: skip
    assert lines[4].startswith("adds 30 links: l0, l1, ") and lines[4].endswith(" and 10 more")
    assert lines[5:] == ["removes 1 link: gone", "stops 1 link: off"]


def test_pages_and_subs_of_links() -> None:
    old = Routes(links={code: Link(code, 101, 7) for code in ("a", "b", "c")})
    new = Routes(
        links={
            "a": Link("a", 101, 7, landing_url="https://a.example/x"),
            "b": Link("b", 101, 7, landing_url="https://a.example/y", subs=(("sub1", "x"),)),
            "c": Link("c", 101, 7),
        }
    )
    assert routes_difference(old, new, LABELS) == [
        "changes the landing page of 2 links: a, b", "changes the default subs of 1 link: b"
    ]  # fmt: skip
