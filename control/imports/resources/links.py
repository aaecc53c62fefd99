"""Links. New ones are stored in bulk; of one that exists, offer, partner and code never change."""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import Conflict, FieldError, Invalid
from control.imports import fields
from control.imports.fields import Field
from control.imports.references import find_offers, find_partners
from control.imports.resource import Item, Resource
from control.program.access import visible_links
from control.program.filters import LINK_FILTERS
from control.program.models import Link, LinkStatus
from control.program.routing import publish_keys
from control.program.services.links import change_link, create_links
from program.fields import SUB_NAMES
from program.route_part import part_of_link

_PLACE = re.compile(r"items\[(\d+)\]\.?(.*)")


def _with_subs(values: Mapping[str, Any], before: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of a row with its columns of single subs as one map; an empty one is taken out.

    A row with the column `subs` has none of them: `resolve` refuses both.
    """
    own = {name: values[name] for name in SUB_NAMES if name in values}
    rest = {key: value for key, value in values.items() if key not in own}
    if not own:
        return rest
    return {**rest, "subs": {name: value for name, value in {**before, **own}.items() if value}}


class Links(Resource[Link]):
    """Links, by their code."""

    key, noun, nouns = "links", "link", "links"
    filters = LINK_FILTERS
    area = Area.LINKS
    batch_rows = 500
    match = "code"
    match_text = "Rows find links by their code. Without a code, a row is a new link."
    fields = (
        Field("code", "Code", names=("link", "link code", "slug", "short code"),
              help="Last part of the link. Made up where it is empty."),
        Field("offer", "Offer", names=("offer id", "campaign"), required=True, help="Number or name."),
        Field("partner", "Partner", fields.number, names=("partner id", "affiliate id", "publisher id"),
              required=True, help="Number of the partner."),
        Field("status", "Status", fields.one_of(dict(LinkStatus.choices)), names=("state",)),
        Field("landing_url", "Landing page", names=("landing page url", "destination", "destination url", "target url"),
              help="Page of this link instead of the offer's, on a host of the offer."),
        Field("subs", "Subs", fields.subs, fields.show_subs, ("default subs", "sub defaults"), empty={},
              help="All of them, for example sub1=newsletter&sub2=june; others of the link are removed."),
        *(Field(name, f"Sub {name[3:]}", names=(f"sub id {name[3:]}", f"sub_{name[3:]}", f"aff_sub{name[3:]}"),
                help="Value for hits that do not give this sub.", is_exported=False) for name in SUB_NAMES),
    )  # fmt: skip

    def visible(self, actor: Actor) -> QuerySet[Link]:
        return visible_links(actor)

    def writable(self, actor: Actor) -> QuerySet[Link]:
        return visible_links(actor, Action.WRITE)

    def value(self, row: Link, key: str) -> Any:
        if key in SUB_NAMES:
            return row.subs.get(key, "")
        return {"offer": row.offer_id, "partner": row.partner_id}.get(key) or getattr(row, key)

    def resolve(self, actor: Actor, items: Sequence[Item[Link]]) -> None:
        find_offers(actor, items)
        find_partners(actor, items, Area.LINKS, Action.WRITE)
        for item in items:
            if "subs" in item.values and not item.values.keys().isdisjoint(SUB_NAMES):
                item.say("subs", "cannot be used with columns of single subs; leave one of them out")

    def identity(self, values: Any, _match: str) -> Hashable | None:
        return values.get("code") or None

    def stored(self, actor: Actor, _match: str, wanted: Sequence[Hashable]) -> dict[Hashable, list[Link]]:
        return {row.code: [row] for row in self.writable(actor).filter(code__in=wanted)}

    def store(self, actor: Actor, items: Sequence[Item[Link]], reason: str) -> None:
        super().store(actor, [item for item in items if item.stored is not None], reason)
        pending = [item for item in items if item.stored is None]
        while pending:
            try:
                links = create_links(actor, [_with_subs(item.values, {}) for item in pending])
            except Invalid as error:
                for own in error.errors:
                    place = _PLACE.fullmatch(own.field)
                    field = place[2].removeprefix("subs.") if place else own.field
                    pending[int(place[1]) if place else 0].say(field, own.message)
                pending = [item for item in pending if item.is_good]
                continue
            for item, link in zip(pending, links, strict=True):
                item.made, item.object_id, item.name = True, str(link.pk), link.code
            return

    def store_one(self, actor: Actor, item: Item[Link], reason: str) -> None:
        assert item.stored is not None
        for key in ("offer", "partner"):
            if key in item.values:
                raise Conflict(f"link {item.stored.code} has another {key}, and a link never moves; choose a new code")
        try:
            link = change_link(actor, item.stored.code, _with_subs(item.values, item.stored.subs), reason)
        except Invalid as error:
            raise Invalid(*(FieldError(e.field.removeprefix("subs."), e.message) for e in error.errors)) from None
        item.object_id, item.name = str(link.pk), link.code

    publish_by = "object_name"

    def part_of_routes(self, key: str) -> int:
        return part_of_link(key)

    def publish(self, keys: Sequence[str]) -> None:
        publish_keys(links=keys)
