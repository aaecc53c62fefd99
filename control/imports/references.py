"""Offers and partners that rows name."""

from collections.abc import Sequence
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.imports.resource import Item, numbers_of
from control.partners.access import visible_partners
from control.program.access import visible_offers


def find_offers(actor: Actor, items: Sequence[Item[Any]]) -> None:
    """Replace numbers and names of offers by numbers."""
    wanted = {str(item.values["offer"]) for item in items if item.values.get("offer")}
    numbers = {int(text) for text in wanted if text.isascii() and text.isdecimal() and len(text) < 11}
    offers = visible_offers(actor).order_by()
    there = set(offers.filter(number__in=numbers).values_list("number", flat=True))
    named: dict[str, list[int]] = {}
    for number, name in offers.filter(name__in=wanted).values_list("number", "name"):
        named.setdefault(name, []).append(number)
    for item in items:
        text = str(item.values.get("offer") or "")
        found = [int(text)] if text.isdecimal() and len(text) < 11 and int(text) in there else named.get(text, [])
        if len(found) == 1:
            item.values["offer"] = found[0]
        elif found:
            numbers_text = ", ".join(map(str, sorted(found)))
            item.say("offer", f"fits several offers ({numbers_text}); write the number")
        elif text:
            item.say("offer", f"there is no offer {text}")


def find_partners(actor: Actor, items: Sequence[Item[Any]], area: Area, action: Action) -> None:
    """Check the numbers of partners."""
    wanted = [item.values["partner"] for item in items if item.values.get("partner")]
    there = numbers_of(visible_partners(actor, area, action), wanted)
    for item in items:
        number = item.values.get("partner")
        if number and number not in there:
            item.say("partner", f"there is no partner {number}")
