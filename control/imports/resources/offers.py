"""Offers."""

from collections.abc import Hashable, Sequence
from typing import Any

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.imports import fields
from control.imports.fields import Field
from control.imports.resource import Item, Resource
from control.program.access import visible_offers
from control.program.filters import OFFER_FILTERS
from control.program.models import Link, Offer, OfferAccess, OfferStatus
from control.program.routing import publish_keys
from control.program.services.offers import change_offer, create_offer, set_offer_status

_COLUMNS = {"click_window": "click_window_us", "impression_window": "impression_window_us", "id": "number"}


class Offers(Resource[Offer]):
    """Offers, by number or name."""

    key, noun, nouns = "offers", "offer", "offers"
    filters = OFFER_FILTERS
    area = Area.PROGRAM
    matches = ("id", "name")
    columns = {column: key for key, column in _COLUMNS.items()}
    fields = (
        Field("id", "Number", fields.number, names=("offer id", "offer", "campaign id"),
              help="Number in Clew. New offers get the next one."),
        Field("name", "Name", names=("offer name", "campaign", "title"), required=True),
        Field("status", "Status", fields.one_of(dict(OfferStatus.choices)), names=("state",)),
        Field("access", "Access", fields.one_of(dict(OfferAccess.choices)), help="open, approval or private."),
        Field("landing_url", "Landing page", names=("url", "landing page url", "destination"), required=True,
              help="For example https://shop.example/?cid={click_id}"),
        Field("allowed_hosts", "Allowed hosts", fields.words, fields.show_words, ("hosts", "domains"), empty=[]),
        Field("click_window", "Click window", fields.duration, fields.show_duration, ("window", "cookie window"),
              empty=None, help="For example 30d."),
        Field("impression_window", "Impression window", fields.duration, fields.show_duration, empty=None),
        Field("goals", "Goals", fields.pairs, fields.show_pairs, empty=[], help="1: Purchase; lead: Lead"),
        Field("reopen", "Reopen declined", fields.yes_no, fields.show_yes_no),
        Field("pass_through", "Pass on parameters", fields.yes_no, fields.show_yes_no),
        Field("description", "Description", names=("notes", "terms")),
    )  # fmt: skip

    def visible(self, actor: Actor) -> QuerySet[Offer]:
        return visible_offers(actor)

    def value(self, row: Offer, key: str) -> Any:
        if key == "goals":
            return [[goal["key"], goal["name"]] for goal in row.goals]
        value = getattr(row, _COLUMNS.get(key, key))
        return list(value) if key == "allowed_hosts" else value

    def stored(self, actor: Actor, match: str, wanted: Sequence[Hashable]) -> dict[Hashable, list[Offer]]:
        found: dict[Hashable, list[Offer]] = {}
        for row in self.writable(actor).filter(**{f"{_COLUMNS.get(match, match)}__in": wanted}):
            found.setdefault(self.value(row, match), []).append(row)
        return found

    def store_one(self, actor: Actor, item: Item[Offer], reason: str) -> None:
        values = {_COLUMNS.get(key, key): value for key, value in item.values.items() if key not in ("id", "status")}
        if "goals" in values:
            values["goals"] = [{"key": key, "name": name} for key, name in values["goals"]]
        status = item.values.get("status")
        if item.stored is None:
            item.made = True
            offer = create_offer(actor, values, status or OfferStatus.DRAFT)
        else:
            offer = change_offer(actor, item.stored.number, values) if values else item.stored
            if status:
                offer = set_offer_status(actor, offer.number, status, reason)
        item.object_id, item.name = str(offer.number), offer.name

    def publish_batch(self, items: Sequence[Item[Offer]]) -> None:
        numbers = [int(item.object_id) for item in items if item.is_good]
        publish_keys(offers=numbers, links=list(Link.objects.filter(offer__in=numbers).values_list("code", flat=True)))
