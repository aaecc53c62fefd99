"""Versions of the program: drafts that are published, routes that publish themselves, and the way back."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from control.audit.models import AuditEvent
from control.errors import Conflict, Invalid, NotFound
from control.partners.services import transition
from control.program.models import Link, Offer, Plan, ProgramPart, ProgramVersion
from control.program.publishing import preview, publish, rollback
from control.program.routing import rebuild_routes
from control.program.selectors import diff, program_of, version_of, versions
from control.program.services.approvals import decide_access, request_access
from control.program.services.links import create_link, create_links, set_link_status
from control.program.services.offers import change_offer, create_offer, set_offer_status
from control.program.services.program_settings import change_program_settings
from control.program.services.terms_rows import create_coupon, end
from program.terms import hash_of
from tests.control.databases import Filling, TestDatabase
from tests.control.program.sample import ANN, SHOP, lagoon, live, live_link, plan, shoes


def filled_offer() -> Offer:
    """Make an offer with a plan and a link `bl` of partner 1, and publish it."""
    offer = shoes()
    plan(offer)
    create_link(ANN, offer.number, lagoon().number, "bl")
    publish(ANN, "first")
    return offer


@pytest.fixture
def filling(request: pytest.FixtureRequest) -> Filling:
    return filled_offer if "offer" in request.fixturenames else None


@pytest.fixture
def offer(database: TestDatabase) -> Offer:
    """An offer with a plan and a link `bl` of partner 1, published."""
    made: Offer = copy.deepcopy(database.content)
    return made


def test_the_first_version_counts_at_once_and_later_terms_after_the_lead(offer: Offer) -> None:
    first = version_of(ANN)
    assert (first.seq, first.kind, first.author, first.reason) == (1, "published", "Ann", "first")
    assert first.effective - first.published < timedelta(seconds=1)
    plan(offer, percent_e6=8_500_000)
    second = publish(ANN)
    assert timedelta(seconds=59) < second.effective - second.published <= timedelta(seconds=60)
    plan(offer, percent_e6=9_000_000)
    assert publish(ANN).effective >= second.effective


def test_a_version_is_the_program_of_the_rows(offer: Offer) -> None:
    program = live()
    assert program.hash == version_of(ANN).terms_hash
    assert [(p.name, p.percent_e6) for p in program.terms.plans] == [("offer=1", 8_000_000)]
    assert program.routes.links["bl"].partner_id == 1
    assert program.routes.offers[1].landing_url == SHOP
    assert (program.labels.partners, program.labels.goals) == (
        {1: "Blue Lagoon"}, {1: {"1": "Purchase", "lead": "Lead"}},
    )  # fmt: skip


def test_contents_have_their_hashes(offer: Offer) -> None:
    version = version_of(ANN)
    content = ProgramPart.objects.get(hash=version.terms_hash).content
    assert hash_of(bytes(content)) == version.terms_hash


def test_the_difference_is_said_in_words_and_money(offer: Offer) -> None:
    partner = lagoon("Red Sea")
    plan(offer, partner=partner, percent_e6=8_000_000)
    publish(ANN)
    plan(offer, partner=partner, percent_e6=8_500_000)
    assert preview(ANN).difference == ["raises Red Sea's commission for Shoes from 8 % to 8.5 %"]
    version = publish(ANN)
    assert version.diff == ["raises Red Sea's commission for Shoes from 8 % to 8.5 %"]
    assert diff(ANN, version.seq, version.seq - 1) == ["lowers Red Sea's commission for Shoes from 8.5 % to 8 %"]


def test_preview_changes_nothing(offer: Offer) -> None:
    plan(offer, goal="lead", fixed_minor=250, fixed_currency="USD")
    shown = preview(ANN)
    assert shown.difference == ["pays every partner 2.50 USD for Lead of Shoes"]
    assert shown.compiled.mistakes == ()
    assert ProgramVersion.objects.count() == 1 and Plan.objects.filter(state="draft").count() == 1


def test_nothing_to_publish(offer: Offer) -> None:
    with pytest.raises(Conflict, match="nothing has changed"):
        publish(ANN)


def test_mistakes_refuse_and_name_the_row(offer: Offer) -> None:
    row = plan(offer, goal="lead")
    change_offer(ANN, offer.number, {"goals": [{"key": "1", "name": "Purchase"}]})
    with pytest.raises(Invalid) as caught:
        publish(ANN)
    assert [error.field for error in caught.value.errors] == [f"plan.{row.id}.goal"]
    assert ProgramVersion.objects.count() == 1
    row.refresh_from_db()
    assert row.state == "draft"


@pytest.mark.usefixtures("database")
def test_warnings_are_shown_and_do_not_refuse() -> None:
    create_offer(ANN, {"name": "Hats", "landing_url": "http://shop.example/"}, "active")
    assert {warning.place for warning in preview(ANN).compiled.warnings} >= {"offer[1]", "offer[1].landing_url"}
    publish(ANN)


def test_money_waits_for_publishing(offer: Offer) -> None:
    create_coupon(ANN, {"code": "BLUE10", "offer": offer, "partner": Link.objects.get().partner})
    change_offer(ANN, offer.number, {"click_window_us": 86_400 * 10**6})
    with pytest.raises(Invalid, match="currency: is fixed"):
        change_program_settings(ANN, {"currency": "EUR"})
    assert version_of(ANN).seq == 1
    version = publish(ANN)
    assert version.diff == [
        "shortens the click window of Shoes from 30d to 1d",
        "adds coupon BLUE10 of Blue Lagoon for Shoes",
    ]


def test_a_new_plan_ends_the_one_before_and_both_are_kept(offer: Offer) -> None:
    plan(offer, percent_e6=8_500_000)
    version = publish(ANN)
    old, new = Plan.objects.order_by("created")
    assert (old.state, old.ended_in, old.valid_to) == ("ended", 2, version.effective)
    assert (new.state, new.published_in, new.valid_from, new.valid_to) == ("published", 2, version.effective, None)
    assert [p.percent_e6 for p in program_of(version_of(ANN, 1)).terms.plans] == [8_000_000]


def test_ending_a_plan(offer: Offer) -> None:
    row = Plan.objects.get()
    end(ANN, Plan, row.id)
    end(ANN, Plan, row.id, ending=False)
    with pytest.raises(Conflict, match="nothing has changed"):
        publish(ANN)
    end(ANN, Plan, row.id)
    assert publish(ANN).diff == ["ends the commission for Shoes (8 %)"]
    assert live().terms.plans == ()


@pytest.mark.usefixtures("acting_test")
@pytest.mark.parametrize("change", [{"percent_e6": 9}, {"key": "x"}, {"state": "draft"}, {"goal": "lead"}])
def test_the_database_refuses_to_change_a_published_plan(offer: Offer, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="only ended"), transaction.atomic():
        Plan._base_manager.filter(state="published").update(**change)
    with pytest.raises(IntegrityError, match="only ended"), transaction.atomic():
        Plan.objects.all().delete()


# ---------------------------------------------------------------------------------------------------------- routes


def test_a_new_link_is_live_at_once_and_no_new_price(offer: Offer) -> None:
    before = version_of(ANN)
    create_link(ANN, offer.number, 1, "new")
    after = version_of(ANN)
    assert (after.seq, after.kind, after.diff) == (2, "routes", ["changes link new"])
    assert (after.terms_hash, after.effective) == (before.terms_hash, before.effective)
    assert live_link("new") is not None
    assert diff(ANN, 1, 2) == ["adds 1 link: new"]
    assert "new" not in program_of(before).routes.links


def test_many_links_at_once_are_one_version(offer: Offer) -> None:
    create_links(ANN, [{"offer": offer.number, "partner": 1} for _ in range(30)])
    assert version_of(ANN).seq == 2 and len(live().routes.links) == 31


@pytest.mark.usefixtures("database")
def test_links_wait_for_their_offer() -> None:
    offer = shoes()
    create_link(ANN, offer.number, lagoon().number, "early")
    assert ProgramVersion.objects.count() == 0
    publish(ANN)
    hats = create_offer(ANN, {"name": "Hats", "landing_url": SHOP}, "active")
    create_link(ANN, hats.number, 1, "hat")
    assert live_link("early") is not None and live_link("hat") is None
    assert publish(ANN).diff == ["adds offer Hats"]
    assert live_link("hat") is not None


def _off(code: str) -> bool:
    link = live_link(code)
    return link is not None and link.status == "inactive"


def test_a_link_is_switched_off_and_on(offer: Offer) -> None:
    set_link_status(ANN, "bl", "inactive")
    assert _off("bl")
    set_link_status(ANN, "bl", "inactive")
    assert version_of(ANN).seq == 2
    set_link_status(ANN, "bl", "active")
    assert not _off("bl")
    assert version_of(ANN).routes_root == version_of(ANN, 1).routes_root


def test_a_suspended_partner_stops_at_once_and_in_the_next_terms(offer: Offer) -> None:
    transition(ANN, 1, "suspended", "stolen clicks")
    version = version_of(ANN)
    assert live().routes.partners[1] == "inactive"
    assert live().terms.partners[1].status == "inactive"
    assert version.kind == "routes" and version.effective > version.published
    assert [p.percent_e6 for p in live().terms.plans] == [8_000_000]
    transition(ANN, 1, "active")
    assert version_of(ANN).terms_hash == version_of(ANN, 1).terms_hash
    assert diff(ANN, 2, 3) == ["counts touches of Blue Lagoon", "starts the links of Blue Lagoon"]


def test_a_dormant_partner_goes_on(offer: Offer) -> None:
    transition(ANN, 1, "dormant")
    assert version_of(ANN).seq == 1


def test_an_applicant_makes_no_new_price(offer: Offer) -> None:
    lagoon("New", "applied")
    version = version_of(ANN)
    assert version.seq == 2 and version.terms_hash == version_of(ANN, 1).terms_hash
    assert live().routes.partners[2] == "inactive"
    transition(ANN, 2, "active")
    assert version_of(ANN).terms_hash == version_of(ANN, 1).terms_hash and live().routes.partners[2] == "active"


def test_a_paused_offer_stops_at_once(offer: Offer) -> None:
    set_offer_status(ANN, offer.number, "paused")
    assert live().routes.offers[1].status == "inactive"
    change_offer(ANN, offer.number, {"landing_url": "https://other.example/"})
    assert live().routes.offers[1].landing_url == "https://other.example/"
    assert version_of(ANN).terms_hash == version_of(ANN, 1).terms_hash


def test_links_follow_access_and_approval(offer: Offer) -> None:
    change_offer(ANN, offer.number, {"access": "approval"})
    assert _off("bl")
    request_access(ANN, offer.number, 1, "please")
    assert _off("bl")
    decide_access(ANN, offer.number, 1, "approved")
    assert not _off("bl")
    decide_access(ANN, offer.number, 1, "rejected", "no traffic")
    assert _off("bl")
    change_offer(ANN, offer.number, {"access": "open"})
    assert not _off("bl")


def test_fallback_and_proxies_publish_themselves(offer: Offer) -> None:
    change_program_settings(ANN, {"fallback_url": "https://acme.example/", "trusted_proxies": ["10.0.0.0/8"]})
    assert (live().routes.fallback_url, live().routes.trusted_proxies) == ("https://acme.example/", ("10.0.0.0/8",))
    assert diff(ANN, 1, 2) == [
        "changes the fallback URL from nothing to https://acme.example/",
        "trusts the proxies 10.0.0.0/8",
    ]


def test_names_publish_nothing(offer: Offer) -> None:
    change_offer(ANN, offer.number, {"name": "Boots", "description": "warm"})
    assert version_of(ANN).seq == 1 and live().labels.offers == {1: "Boots"}


def test_rebuilt_routes_are_the_published_ones(offer: Offer) -> None:
    create_links(ANN, [{"offer": offer.number, "partner": 1} for _ in range(30)])
    transition(ANN, 1, "suspended", "x")
    transition(ANN, 1, "active")
    set_link_status(ANN, "bl", "inactive")
    with transaction.atomic():
        assert rebuild_routes() is None


# -------------------------------------------------------------------------------------------------------- rollback


def test_a_rollback_is_a_new_version_with_the_old_terms(offer: Offer) -> None:
    plan(offer, percent_e6=9_000_000)
    create_coupon(ANN, {"code": "BLUE10", "offer": offer, "partner": Link.objects.get().partner})
    change_offer(ANN, offer.number, {"click_window_us": 86_400 * 10**6})
    change_program_settings(ANN, {"report_models": ["linear"]})
    publish(ANN)
    plan(offer, percent_e6=10_000_000)
    version = rollback(ANN, 1, "too dear")
    assert (version.seq, version.kind, version.back_to, version.reason) == (3, "rolled_back", 1, "too dear")
    assert version.terms_hash == version_of(ANN, 1).terms_hash and version.effective > timezone.now()
    assert "lowers the commission for Shoes from 9 % to 8 %" in version.diff
    assert Plan.objects.get(state="draft").percent_e6 == 10_000_000
    assert rollback(ANN, 2).terms_hash == version_of(ANN, 2).terms_hash
    assert publish(ANN).diff == ["raises the commission for Shoes from 9 % to 10 %"]


def test_a_rollback_keeps_the_present_routes(offer: Offer) -> None:
    plan(offer, percent_e6=9_000_000)
    publish(ANN)
    create_link(ANN, offer.number, 1, "new")
    transition(ANN, 1, "suspended", "stolen clicks")
    rollback(ANN, 1)
    assert live().routes.partners[1] == "inactive" and live_link("new") is not None
    assert live().terms.partners[1].status == "inactive"


def test_a_rollback_before_an_offer_makes_it_a_draft(offer: Offer) -> None:
    hats = create_offer(ANN, {"name": "Hats", "landing_url": SHOP}, "active")
    create_link(ANN, hats.number, 1, "hat")
    publish(ANN)
    rollback(ANN, 1)
    assert live_link("hat") is None and 2 not in live().routes.offers
    assert Offer.objects.get(number=2).status == "draft"
    rollback(ANN, 2)
    assert live_link("hat") is not None and Offer.objects.get(number=2).status == "paused"


def test_a_rollback_that_changes_nothing_is_refused(offer: Offer) -> None:
    with pytest.raises(Conflict, match="has the terms of version 1 already"):
        rollback(ANN, 1)
    with pytest.raises(NotFound, match="no version 9"):
        rollback(ANN, 9)


# ------------------------------------------------------------------------------------------------------------ rest


def test_publishing_is_in_the_audit_trail(offer: Offer) -> None:
    event = AuditEvent.objects.get(object_type="program.programversion")
    assert (event.action, event.object_id, event.actor_name, event.reason) == ("published", "1", "Ann", "first")
    assert event.after["terms_hash"] == version_of(ANN).terms_hash


def test_versions_are_listed_newest_first(offer: Offer) -> None:
    create_link(ANN, offer.number, 1)
    assert [version.seq for version in versions(ANN)] == [2, 1]
    with pytest.raises(NotFound, match="no version 7"):
        diff(ANN, 1, 7)


@pytest.mark.usefixtures("database")
def test_without_a_version_nothing_is_published() -> None:
    with pytest.raises(NotFound, match="nothing is published yet"):
        version_of(ANN)
