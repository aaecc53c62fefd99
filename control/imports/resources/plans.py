"""Plans. Rows become drafts; a draft for the same offer, partner and goal replaces the published plan."""

from collections.abc import Hashable, Sequence
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
from control.program.access import plans
from control.program.filters import PLAN_FILTERS
from control.program.models import Offer, Plan, TermsState
from control.program.services.terms_rows import change_plan, create_plan, discard

_COLUMNS = {
    "percent": "percent_e6", "hold": "hold_us", "click_window": "click_window_us",
    "impression_window": "impression_window_us",
}  # fmt: skip


class Plans(Resource[Plan]):
    """Plans, by offer, partner and goal."""

    key, noun, nouns = "plans", "plan", "plans"
    filters = PLAN_FILTERS
    area = Area.PROGRAM
    match_text = "Rows find plans by offer, partner and goal. Changes are drafts until somebody publishes them."
    columns = {column: key for key, column in _COLUMNS.items()} | {"fixed_minor": "fixed", "fixed_currency": "fixed"}
    fields = (
        Field("offer", "Offer", names=("offer id", "campaign"), required=True, help="Number or name."),
        Field("partner", "Partner", fields.number, names=("partner id", "affiliate id"), empty=None,
              help="Number of one partner; empty for all."),
        Field("goal", "Goal", names=("event", "goal key"), help="Key of one goal; empty for all."),
        Field("percent", "Percent of the sale", fields.percent, fields.show_percent, ("percent", "commission", "rate"),
              empty=0, help="For example 8.5."),
        Field("fixed", "Fixed amount", fields.money, fields.show_money, ("amount", "cpa", "payout"), empty=[0, ""],
              help="For example 12.50 USD."),
        Field("hold", "Hold", fields.hold, fields.show_duration, empty=0, help="For example 30d."),
        Field("model", "Attribution model", names=("attribution",), empty="last_click"),
        Field("click_window", "Click window", fields.duration, fields.show_duration, empty=None),
        Field("impression_window", "Impression window", fields.duration, fields.show_duration, empty=None),
    )  # fmt: skip

    def visible(self, actor: Actor) -> QuerySet[Plan]:
        return plans(actor).exclude(state=TermsState.ENDED)

    def value(self, row: Plan, key: str) -> Any:
        if key == "fixed":
            return [row.fixed_minor, row.fixed_currency] if row.fixed_minor else [0, ""]
        if key in ("offer", "partner"):
            return getattr(row, f"{key}_id")
        return getattr(row, _COLUMNS.get(key, key))

    def resolve(self, actor: Actor, items: Sequence[Item[Plan]]) -> None:
        find_offers(actor, items)
        find_partners(actor, items, Area.PARTNERS, Action.READ)

    def identity(self, values: Any, _match: str) -> Hashable | None:
        return (values.get("offer"), values.get("partner") or None, values.get("goal") or "")

    def stored(self, actor: Actor, match: str, wanted: Sequence[Hashable]) -> dict[Hashable, list[Plan]]:
        """Return the plans that the next version has: a draft goes before the published plan that it replaces."""
        offers = {key[0] for key in wanted if isinstance(key, tuple)}
        rows = self.writable(actor).filter(Q(state=TermsState.DRAFT) | Q(state=TermsState.PUBLISHED, ending=False))
        found: dict[Hashable, list[Plan]] = {}
        for row in rows.filter(offer__in=offers).order_by("state"):
            key = (row.offer_id, row.partner_id, row.goal)
            if key in wanted:
                found.setdefault(key, [row])
        return found

    def store_one(self, actor: Actor, item: Item[Plan], _reason: str) -> None:
        values = {_COLUMNS.get(key, key): value for key, value in item.values.items()}
        if item.stored is not None and item.stored.state == TermsState.PUBLISHED:
            kept = {_COLUMNS.get(own.key, own.key): self.value(item.stored, own.key) for own in self.fields}
            values = kept | {"conversions_min": item.stored.conversions_min} | values
        if "fixed" in values:
            values["fixed_minor"], values["fixed_currency"] = values.pop("fixed")
        if "offer" in values:
            values["offer"] = Offer.objects.get(number=values["offer"])
        if values.get("partner") is not None:
            values["partner"] = Partner.objects.get(number=values["partner"])
        if item.stored is not None and item.stored.state == TermsState.DRAFT:
            plan = change_plan(actor, item.stored.pk, values)
        else:
            item.made = True
            plan = create_plan(actor, values)
        item.object_id, item.name = str(plan.pk), plan.key

    def remove_one(self, actor: Actor, item: Item[Plan]) -> None:
        assert item.stored is not None
        if item.stored.state != TermsState.DRAFT:
            raise Conflict("was published; import the earlier values, or roll the version back")
        discard(actor, Plan, item.stored.pk)
