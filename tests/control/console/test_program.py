"""Pages of the program: offers, links, plans, coupons, approvals, publishing, versions."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import command_line
from control.audit.origin import acting
from control.distribution.models import Follower
from control.program.models import Approval, Coupon, Link, Offer, Plan, ProgramVersion, SealedSecret
from control.program.services.terms_rows import create_plan
from tests.control.console.installation import Console
from tests.control.console.test_pages import text_of

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
OFFER = {
    "name": "Bags", "landing_url": "https://bags.example/?cid={click_id}", "status": "active", "access": "open",
    "goals": "1: Purchase\nlead: Newsletter", "click_window": "14d", "impression_window": "12h",
    "allowed_hosts": "Bags.example, *.bags.example",
}  # fmt: skip


def post(browser: Client, address: str, values: dict[str, Any]) -> str:
    """Send a form; return the address it leads to. Fails with the mistakes of the form."""
    answer = browser.post(address, values)
    assert answer.status_code == 302, [form.errors for form in [answer.context["form"]]]
    return str(answer["Location"])


def test_from_offer_to_version_and_back(console: Console) -> None:
    browser = console.browser("owner")
    assert console.own is not None
    offer_page = post(browser, "/console/offers/new/", OFFER)
    offer = Offer.objects.get(name="Bags")
    assert offer.allowed_hosts == ["bags.example", "*.bags.example"] and offer.click_window_us == 14 * 86_400_000_000
    assert offer.goals == [{"key": "1", "name": "Purchase"}, {"key": "lead", "name": "Newsletter"}]
    assert "its links do not work" in text_of(browser.get(offer_page))
    plan = {"offer": offer.number, "percent": "8", "fixed": "1.20 USD", "hold": "30d", "model": "last_click"}
    plan_page = post(browser, "/console/plans/new/", plan)
    post(browser, "/console/links/new/", {"offer": offer.number, "partner": console.own.number, "code": "bl-bags"})
    shown = text_of(browser.get("/console/publish/"))
    assert "publishes the first program: 1 offer, 1 plan" in shown
    assert f'<a href="{offer_page}">Bags</a>' in shown and "line 1" not in shown and "offer[" not in shown
    version_page = post(browser, "/console/publish/", {"reason": "Start"})
    assert "Start" in text_of(browser.get(version_page)) and Offer.objects.get().published
    assert "Nothing to publish" in text_of(browser.get("/console/publish/"))
    assert "8\u202f% + 1.20 USD" in text_of(browser.get(plan_page))
    post(browser, "/console/plans/new/", {**plan, "percent": "8.5"})
    assert "raises the commission for Bags" in text_of(browser.get("/console/publish/"))
    post(browser, "/console/publish/", {"reason": "More"})
    newest = ProgramVersion.objects.order_by("-seq")[0].seq
    first = ProgramVersion.objects.filter(kind="published").order_by("seq")[0].seq
    compared = text_of(browser.get(f"/console/versions/{newest}/?with={first}"))
    assert "raises the commission for Bags" in compared
    refused = browser.post(f"/console/versions/{first}/rollback/", {"reason": ""})
    assert refused.status_code == 200
    post(browser, f"/console/versions/{first}/rollback/", {"reason": "Too much"})
    assert Plan.objects.get(state="published").percent_e6 == 8_000_000
    again = browser.post(f"/console/versions/{first}/rollback/", {"reason": "Again"})
    assert "already" in text_of(again)


@sqlite
@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"landing_url": "shop"}, "landing_url", "http"),
        ({"landing_url": "https://x.example/?c={clickid}"}, "landing_url", "clickid"),
        ({"allowed_hosts": "https://x.example/"}, "allowed_hosts", "host"),
        ({"click_window": "30 days"}, "click_window", "30d"),
        ({"click_window": "9999d"}, "click_window", "at most"),
        ({"goals": "Purchase"}, "goals", "key"),
        ({"access": "other"}, "access", "valid choice"),
        ({"name": ""}, "name", "required"),
    ],
)
def test_mistakes_in_offers(console: Console, change: dict[str, str], field: str, message: str) -> None:
    answer = console.browser("owner").post("/console/offers/new/", {**OFFER, **change})
    assert answer.status_code == 200 and not Offer.objects.exists()
    errors = answer.context["form"].errors
    assert field in errors, errors
    assert message in str(errors[field]) or field == "goals"


@sqlite
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"percent": "100000"}, "percent"),
        ({"percent": "8,5"}, "percent"),
        ({"fixed": "1.20"}, "fixed"),
        ({"fixed": "1.205 USD"}, "fixed"),
        ({"hold": "soon"}, "hold"),
        ({"model": "magic"}, "model"),
        ({"goal": "nothing"}, "goal"),
        ({"partner": "999999"}, "partner"),
        ({"offer": "999999"}, "offer"),
    ],
)
def test_mistakes_in_plans(console: Console, change: dict[str, str], field: str) -> None:
    console.publish_program()
    assert console.offer is not None
    sent = {"offer": console.offer.number, "percent": "8", "model": "last_click", **change}
    count = Plan.objects.count()
    answer = console.browser("owner").post("/console/plans/new/", sent)
    assert answer.status_code == 200 and field in answer.context["form"].errors, answer.context["form"].errors
    assert Plan.objects.count() == count


@sqlite
def test_live_check_uses_the_checks_of_the_engine(console: Console) -> None:
    sent = {**OFFER, "landing_url": "https://x.example/?c={clickid}", "click_window": "month", "check": "1"}
    page = text_of(console.browser("owner").post("/console/offers/new/", sent, headers={"HX-Request": "true"}))
    assert "clickid" in page and "30d" in page and not Offer.objects.exists()


@sqlite
def test_drafts_are_changed_and_discarded_and_published_plans_are_ended(console: Console) -> None:
    console.publish_program()
    assert console.offer and console.plan and console.own
    browser = console.browser("owner")
    with acting(command_line()) as boss:
        draft = create_plan(boss, {"offer": console.offer, "partner": console.own, "percent_e6": 12_000_000})
    address = reverse("console_plan", args=[draft.pk])
    sent = {"offer": console.offer.number, "partner": console.own.number, "percent": "11", "model": "last_click"}
    post(browser, f"{address}edit/", sent)
    assert Plan.objects.get(pk=draft.pk).percent_e6 == 11_000_000
    post(browser, address, {"do": "discard"})
    assert not Plan.objects.filter(pk=draft.pk).exists()
    published = reverse("console_plan", args=[console.plan.pk])
    assert "/edit/" not in text_of(browser.get(published))
    assert "never changes" in text_of(browser.post(f"{published}edit/", {**sent, "partner": ""}))
    post(browser, published, {"do": "end"})
    assert Plan.objects.get(pk=console.plan.pk).ending
    assert "Nothing to publish" not in text_of(browser.get("/console/publish/"))
    post(browser, published, {"do": "keep"})
    assert not Plan.objects.get(pk=console.plan.pk).ending
    manager = console.browser("analyst")
    manager.post(published, {"do": "end"})
    assert not Plan.objects.get(pk=console.plan.pk).ending


@sqlite
def test_links_are_switched_and_switched_back(console: Console) -> None:
    console.publish_program()
    browser = console.browser("owner")
    link = Link.objects.get()
    answer = browser.post("/console/links/", {"do": "off", "row": [str(link.pk)], "sure": "1"})
    assert Link.objects.get().status == "inactive"
    change = answer["Location"].rpartition("changed=")[2]
    post(browser, f"/console/changes/{change}/", {})
    assert Link.objects.get().status == "active"
    taken = browser.post("/console/links/new/", {"offer": link.offer_id, "partner": link.partner_id, "code": link.code})
    assert "is taken" in str(taken.context["form"].errors["code"])


@sqlite
def test_a_link_with_its_own_page(console: Console) -> None:
    console.publish_program()
    browser = console.browser("owner")
    assert console.own is not None and console.offer is not None
    new = {"offer": console.offer.number, "partner": console.own.number, "code": "own", "subs": "sub2: b\nsub1: a b"}
    wrong = browser.post("/console/links/new/", {**new, "landing_url": "https://other.example/", "subs": "sub31: x"})
    form = wrong.context["form"]
    assert "must be on the landing host of offer" in form.errors["landing_url"][0]
    assert form.errors["subs"] == ["sub31 is not a sub; the subs are sub1 to sub30"]
    checked = browser.post(
        "/console/links/new/", {**new, "landing_url": "https://other.example/", "check": "1"}, HTTP_HX_REQUEST="true"
    )
    assert "must be on the landing host of offer" in checked.content.decode()
    page = f"{console.offer.landing_url}&own=1"
    post(browser, "/console/links/new/", {**new, "landing_url": page})
    assert Link.objects.get(code="own").subs == {"sub1": "a b", "sub2": "b"}
    shown = text_of(browser.get("/console/links/code/own/"))
    assert "own=1" in shown and "a b" in shown
    assert "own=1" in text_of(browser.get("/console/links/?landing_page=own"))
    assert "own=1" not in text_of(browser.get("/console/links/?landing_page=offer"))
    edit = "/console/links/code/own/edit/"
    assert "sub1: a b\nsub2: b" in browser.get(edit).content.decode()
    post(browser, edit, {"landing_url": "", "subs": "", "status": "inactive"})
    link = Link.objects.get(code="own")
    assert (link.landing_url, link.subs, link.status) == ("", {}, "inactive")
    assert "(the offer's)" in browser.get("/console/links/code/own/").content.decode().replace("&#x27;", "'")
    assert browser.get("/console/links/code/nothing/").status_code == 404


def test_a_manager_sees_links_and_requests_of_the_own_partners(console: Console) -> None:
    console.publish_program()
    assert console.offer and console.foreign
    with acting(command_line()):
        Link.objects.create(code="rr-shoes", offer=console.offer, partner=console.foreign)
        foreign = Approval.objects.create(offer=console.offer, partner=console.foreign)
    manager, owner = console.browser("partner_manager"), console.browser("owner")
    assert "rr-shoes" in text_of(owner.get("/console/links/")) and "Red Rock" in text_of(
        owner.get("/console/approvals/")
    )
    assert "bl-shoes" in text_of(manager.get("/console/links/"))
    assert "rr-shoes" not in text_of(manager.get("/console/links/"))
    assert "Red Rock" not in text_of(manager.get("/console/approvals/"))
    assert manager.get(reverse("console_approval", args=[foreign.pk])).status_code == 404
    answer = manager.post(
        "/console/links/new/", {"offer": console.offer.number, "partner": console.foreign.number, "code": "mine"}
    )
    assert answer.status_code == 200 and not Link.objects.filter(code="mine").exists()


@sqlite
def test_requests_are_decided_one_by_one_and_together(console: Console) -> None:
    console.publish_program()
    assert console.approval is not None
    browser, address = console.browser("partner_manager"), reverse("console_approval", args=[console.approval.pk])
    assert "We write about shoes" in text_of(browser.get(address))
    post(browser, address, {"status": "approved", "reason": "Good site"})
    assert (Approval.objects.get().status, Approval.objects.get().reason) == ("approved", "Good site")
    row = {"row": [str(console.approval.pk)], "sure": "1", "reason": "Closed"}
    post(browser, "/console/approvals/", {**row, "do": "reject"})
    assert Approval.objects.get().status == "rejected"
    assert browser.post(address, {"status": "requested", "reason": ""}).status_code == 200


@sqlite
def test_coupons_are_drafted_and_discarded(console: Console) -> None:
    console.publish_program()
    assert console.offer and console.own
    browser = console.browser("owner")
    sent = {"code": "SPRING", "offer": console.offer.number, "partner": console.own.number}
    post(browser, "/console/coupons/new/", {**sent, "starts": "2026-03-01T00:00", "ends": "2026-04-01T00:00"})
    coupon = Coupon.objects.get(code="SPRING")
    wrong = browser.post(
        "/console/coupons/new/", {**sent, "code": "X", "starts": "2026-03-01T00:00", "ends": "2026-02-01T00:00"}
    )
    assert "later than starts" in str(wrong.context["form"].errors["ends"])
    post(browser, reverse("console_coupon", args=[coupon.pk]), {"do": "discard"})
    assert not Coupon.objects.filter(pk=coupon.pk).exists()


@sqlite
def test_a_secret_is_shown_once(console: Console) -> None:
    console.publish_program()
    assert console.offer is not None
    browser, address = console.browser("owner"), reverse("console_offer_secret", args=[console.offer.number])
    assert browser.get(address).status_code == 200 and not SealedSecret.objects.exists()
    answer = browser.post(address)
    assert "shown only this once" in text_of(answer) and answer["Cache-Control"] == "no-store"
    assert SealedSecret.objects.filter(offer=console.offer).count() == 1


@sqlite
def test_states_of_offers(console: Console) -> None:
    console.publish_program()
    assert console.offer is not None
    browser, address = console.browser("owner"), f"/console/offers/{console.offer.number}/"
    post(browser, f"{address}to/paused/", {"reason": "Sold out"})
    assert Offer.objects.get().status == "paused"
    refused = browser.post(f"{address}to/paused/", {"reason": ""})
    assert "cannot become paused" in text_of(refused)
    assert browser.get(f"{address}to/draft/").status_code == 404
    assert "Sold out" in text_of(browser.get(address))


@sqlite
def test_managers_draft_and_do_not_publish(console: Console) -> None:
    console.publish_program()
    browser = console.browser("partner_manager")
    assert "an owner or administrator publishes" in text_of(browser.get("/console/publish/"))
    post(browser, "/console/offers/new/", OFFER)
    count = ProgramVersion.objects.count()
    assert post(browser, "/console/publish/", {"reason": "x"}).startswith("/console/publish/requests/")
    assert ProgramVersion.objects.count() == count


@sqlite
def test_a_version_says_on_how_many_edges_it_is_live(console: Console) -> None:
    browser = console.browser("owner")
    post(browser, "/console/offers/new/", OFFER)
    page = post(browser, "/console/publish/", {"reason": "Start"})
    assert "none follows the control plane" in text_of(browser.get(page))
    seq = ProgramVersion.objects.order_by("-seq")[0].seq
    for name, sequence in (("edge-0", seq), ("edge-1", seq - 1)):
        Follower.objects.create(name=name, kind="edge", sequence=sequence, seen=timezone.now())
    assert "1 of 2 edges" in text_of(browser.get(page))


@sqlite
def test_the_search_finds_partners_offers_and_links(console: Console) -> None:
    browser = console.browser("owner")
    assert console.own is not None
    found = browser.get(f"/console/search/?q={console.own.name}").content.decode()
    assert f'href="/console/partners/{console.own.number}/"' in found
    offer_page = post(browser, "/console/offers/new/", OFFER)
    offer = Offer.objects.get(name="Bags")
    post(browser, "/console/links/new/", {"offer": offer.number, "partner": console.own.number, "code": "bl-bags"})
    assert f'href="{offer_page}"' in browser.get("/console/search/?q=bag").content.decode()
    assert f'href="{offer_page}"' in browser.get(f"/console/search/?q={offer.number}").content.decode()
    assert "/console/links/code/bl-bags/" in browser.get("/console/search/?q=bl-").content.decode()
