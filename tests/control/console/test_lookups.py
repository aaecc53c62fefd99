"""Look-ups of forms: a partner by number or name, the goals of the chosen offer."""

from typing import Any

import pytest
from django.test import Client

from control.accounts.actor import command_line
from control.accounts.models import ApiKey
from control.audit.origin import acting
from control.partners.services import change_partner, create_partner
from control.program.models import Approval, Coupon, Link, Offer, Plan
from control.program.services.offers import create_offer
from tests.control.console.installation import Console
from tests.control.ui.pages import ATTACK, Elements, injections

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
LANDING = "https://shop.example/?cid={click_id}"


def values_of(browser: Client, address: str) -> list[str]:
    page = browser.get(address).content.decode()
    return [values["data-value"] for tag, values in Elements(page).found if tag == "li" and "data-value" in values]


def link_form(browser: Client, offer: Offer, partner: str) -> Any:
    return browser.post("/console/links/new/", {"offer": offer.number, "partner": partner, "code": ""})


def test_suggestions_are_partners_that_one_may_see(console: Console) -> None:
    assert console.own and console.foreign
    owner, manager = console.browser("owner"), console.browser("partner_manager")
    own, foreign = f"Blue Lagoon ({console.own.number})", f"Red Rock ({console.foreign.number})"
    address = "/console/lookups/partners/?field=parent&parent="
    assert values_of(owner, address) == [own, foreign]
    for text in ("lagoon BLUE", "GmbH", str(console.own.number), own):
        assert values_of(owner, address + text) == [own], text
    assert values_of(manager, address) == [own]
    assert values_of(manager, f"{address}{console.foreign.number}") == []
    assert values_of(console.browser("analyst"), address + "GmbH") == []
    assert "No partner fits" in owner.get(address + "nobody").content.decode()


def test_a_partner_is_named_by_number_by_name_or_as_it_is_shown(console: Console) -> None:
    console.publish_program()
    assert console.offer and console.own and console.foreign
    browser, own = console.browser("owner"), console.own
    for text in (str(own.number), " blue  LAGOON ", f"Blue Lagoon ({own.number})"):
        assert link_form(browser, console.offer, text).status_code == 302, text
    assert Link.objects.filter(partner=own).count() == 4
    with acting(command_line()):
        twin = create_partner(command_line(), {"name": "Blue Lagoon"}, "active")
        numbered = create_partner(command_line(), {"name": f"Shoes ({own.number})"}, "active")
    mistakes = {
        "Blue Lagoon": f"Several partners fit: Blue Lagoon ({own.number}), Blue Lagoon ({twin.number}). Choose one.",
        "rock": f"Do you mean Red Rock ({console.foreign.number})?",
        f"Red Rock ({own.number})": "Do you mean Red Rock",
        "nobody": "There is no partner nobody.",
        "": "This field is required.",
    }
    for text, message in mistakes.items():
        errors = link_form(browser, console.offer, text).context["form"].errors["partner"]
        assert message in errors[0], text
    assert link_form(browser, console.offer, numbered.name).status_code == 302
    assert Link.objects.filter(partner=numbered).count() == 1
    hidden = link_form(console.browser("partner_manager"), console.offer, "Red Rock")
    assert hidden.context["form"].errors["partner"] == ["There is no partner Red Rock."]


def test_every_form_takes_names(console: Console) -> None:
    console.publish_program()
    assert console.offer and console.own and console.foreign
    browser, offer = console.browser("owner"), console.offer.number
    sent: dict[str, dict[str, object]] = {
        "plans": {"percent": "9", "model": "last_click", "partner": "Red Rock", "goal": ""},
        "coupons": {"code": "ROCK5", "partner": "Red Rock"},
        "approvals": {"partner": "Red Rock", "reason": "Good site"},
    }
    for path, values in sent.items():
        assert browser.post(f"/console/{path}/new/", {"offer": offer, **values}).status_code == 302, path
    for model in (Plan, Coupon, Approval):
        assert model._default_manager.filter(partner=console.foreign).count() == 1
    assert Approval.objects.get(partner=console.foreign).status == "approved"
    shown = browser.post("/console/api-keys/new/", {"name": "rock", "scope": "read", "partner": "Red Rock"})
    assert shown.status_code == 200 and ApiKey.objects.get(name="rock").partner == console.foreign
    plan = Plan.objects.get(partner=console.foreign)
    page = browser.get(f"/console/plans/{plan.pk}/edit/").content.decode()
    assert f'value="Red Rock ({console.foreign.number})"' in page


def test_a_manager_keeps_a_parent_that_is_not_visible(console: Console) -> None:
    assert console.own and console.foreign
    with acting(command_line()):
        change_partner(command_line(), console.own.number, {"parent": console.foreign})
    browser, address = console.browser("partner_manager"), f"/console/partners/{console.own.number}/edit/"
    form = browser.get(address).context["form"]
    sent = {field.html_name: "" if field.value() is None else field.value() for field in form}
    assert sent["parent"] == f"Red Rock ({console.foreign.number})"
    assert browser.post(address, {**sent, "tier": "Gold"}).status_code == 302
    console.own.refresh_from_db()
    assert (console.own.parent, console.own.tier) == (console.foreign, "Gold")


def test_goals_are_those_of_the_chosen_offer(console: Console) -> None:
    console.publish_program()
    assert console.offer is not None
    goals = [{"key": "lead", "name": "Lead"}, {"key": "sale", "name": "Sale"}]
    with acting(command_line()):
        bags = create_offer(command_line(), {"name": "Bags", "landing_url": LANDING, "goals": goals}, "active")
    browser = console.browser("owner")
    options = browser.get(f"/console/lookups/goals/?offer={bags.number}&goal=sale").content.decode()
    assert '<option value="sale" selected>Sale (sale)</option>' in options and "Conversion" not in options
    assert 'value="lead"' not in browser.get("/console/lookups/goals/?offer=x").content.decode()
    groups = browser.get(f"/console/plans/new/?offer={bags.number}").context["form"].fields["goal"].widget.choices
    assert [name for name, _ in groups] == ["", "Bags", "Shoes"]
    sent = {"offer": bags.number, "goal": "lead", "fixed": "2 USD", "model": "last_click"}
    assert browser.post("/console/plans/new/", sent).status_code == 302
    wrong = browser.post("/console/plans/new/", {**sent, "offer": console.offer.number})
    assert "has no goal lead" in str(wrong.context["form"].errors["goal"])


def test_names_are_texts_and_odd_addresses_are_harmless(console: Console) -> None:
    with acting(command_line()):
        create_partner(command_line(), {"name": ATTACK}, "active")
        offer = create_offer(
            command_line(), {"name": ATTACK, "landing_url": LANDING, "goals": [{"key": "1", "name": ATTACK[:60]}]}
        )
    browser = console.browser("owner")
    for address in (
        "lookups/partners/?field=partner&partner=script",
        "lookups/partners/?field=%22%3E&partner=%00",
        f"lookups/goals/?offer={offer.number}",
        f"lookups/goals/?offer={9**30}",
        "plans/new/",
    ):
        answer = browser.get(f"/console/{address}")
        assert answer.status_code == 200 and injections(answer.content.decode()) == [], address
