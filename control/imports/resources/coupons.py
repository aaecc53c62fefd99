"""Coupons. New ones are drafts; a published coupon is only ended, never changed."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import Conflict
from control.imports import fields
from control.imports.fields import Field
from control.imports.references import find_offers, find_partners
from control.imports.resource import Item, Resource
from control.partners.models import Partner
from control.program.access import coupons
from control.program.filters import COUPON_FILTERS
from control.program.models import Coupon, Offer, TermsState
from control.program.services.terms_rows import change_coupon, create_coupon, discard
from program.entries import coupon_key


class Coupons(Resource[Coupon]):
    """Coupons, by their code."""

    key, noun, nouns = "coupons", "coupon", "coupons"
    filters = COUPON_FILTERS
    area = Area.PROGRAM
    match = "code"
    match_text = "Rows find coupons by their code, in upper or lower case. New coupons count once they are published."
    fields = (
        Field("code", "Code", names=("coupon", "coupon code", "voucher", "promo code"), required=True),
        Field("offer", "Offer", names=("offer id", "campaign"), required=True, help="Number or name."),
        Field("partner", "Partner", fields.number, names=("partner id", "affiliate id"), required=True,
              help="Number of the partner."),
        Field("starts", "Starts", fields.instant, fields.show_instant, ("from", "valid from"), empty=None,
              help="UTC, for example 2026-03-01."),
        Field("ends", "Ends", fields.instant, fields.show_instant, ("to", "until", "valid to"), empty=None,
              help="UTC, exclusive."),
    )  # fmt: skip

    def visible(self, actor: Actor) -> QuerySet[Coupon]:
        return coupons(actor).exclude(state=TermsState.ENDED)

    def value(self, row: Coupon, key: str) -> Any:
        if key in ("starts", "ends"):
            return fields.time_text(getattr(row, key))
        return row.code if key == "code" else getattr(row, f"{key}_id")

    def resolve(self, actor: Actor, items: Sequence[Item[Coupon]]) -> None:
        find_offers(actor, items)
        find_partners(actor, items, Area.PARTNERS, Action.READ)

    def identity(self, values: Any, _match: str) -> Hashable | None:
        return coupon_key(str(values["code"])) if values.get("code") else None

    def stored(self, actor: Actor, _match: str, wanted: Sequence[Hashable]) -> dict[Hashable, list[Coupon]]:
        rows = self.writable(actor).filter(Q(state=TermsState.DRAFT) | Q(state=TermsState.PUBLISHED, ending=False))
        found: dict[Hashable, list[Coupon]] = {}
        for row in rows.filter(key__in=wanted):
            found.setdefault(row.key, []).append(row)
        return found

    def store_one(self, actor: Actor, item: Item[Coupon], _reason: str) -> None:
        values = dict(item.values)
        if "offer" in values:
            values["offer"] = Offer.objects.get(number=values["offer"])
        if "partner" in values:
            values["partner"] = Partner.objects.get(number=values["partner"])
        for key in ("starts", "ends"):
            if values.get(key):
                values[key] = datetime.fromisoformat(values[key])
        if item.stored is None:
            item.made = True
            coupon = create_coupon(actor, values)
        elif item.stored.state == TermsState.PUBLISHED:
            raise Conflict(f"{item.stored.code} is published and never changes; end it first, then import it again")
        else:
            coupon = change_coupon(actor, item.stored.pk, values)
        item.object_id, item.name = str(coupon.pk), coupon.code

    def remove_one(self, actor: Actor, item: Item[Coupon]) -> None:
        assert item.stored is not None
        if item.stored.state != TermsState.DRAFT:
            raise Conflict("was published; end it")
        discard(actor, Coupon, item.stored.pk)
