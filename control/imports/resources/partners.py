"""Partners. They are many, so they are checked and stored in bulk."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Lower

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Action, Area
from control.errors import Refused
from control.imports import fields
from control.imports.fields import Field
from control.imports.resource import Finder, Item, Resource
from control.partners.access import visible_partners
from control.partners.bulk import Changed, remove_partners, store_changed, store_new
from control.partners.filters import PARTNER_FILTERS
from control.partners.models import Partner, PartnerKind, PartnerType
from control.partners.selectors import possible_managers
from control.partners.services import new_partner, set_status, set_values
from control.partners.states import PartnerStatus
from control.program.routing import publish_keys
from program.route_part import part_of_partner

_LISTS = ("traffic_sources", "tags")
_BY_NAME = {"manager": "manager_id", "parent": "parent_id", "id": "number"}


class Partners(Resource[Partner]):
    """Partners, by number, e-mail address, name, or their id in another system."""

    key, noun, nouns = "partners", "partner", "partners"
    filters = PARTNER_FILTERS
    area = Area.PARTNERS
    batch_rows = 500
    matches = ("id", "email", "name", "external_ids:")
    own_names = {"custom": "Custom field", "external_ids": "Id in another system"}
    columns = {"number": "id"}
    fields = (
        Field("id", "Number", fields.number, names=("partner id", "partner", "affiliate id", "publisher id"),
              help="Number in Clew. New partners get the next one."),
        Field("name", "Name", names=("partner name", "affiliate", "publisher", "title"), required=True),
        Field("status", "Status", fields.one_of(dict(PartnerStatus.choices)), names=("state",)),
        Field("email", "E-mail", names=("e mail", "mail", "email address", "contact email"), personal=True),
        Field("company", "Company", names=("company name", "organisation", "organization"), personal=True),
        Field("website", "Website", names=("url", "site", "web site", "homepage"), personal=True),
        Field("type", "Type", fields.one_of(dict(PartnerType.choices)), names=("partner type",)),
        Field("country", "Country", fields.capitals, names=("country code",), help="Two letters, for example DE."),
        Field("language", "Language", names=("locale", "lang"), help="For example en or pt-BR."),
        Field("tier", "Tier", names=("level",)),
        Field("group", "Group", names=("segment",), internal=True),
        Field("tags", "Tags", fields.words, fields.show_words, ("labels",), empty=[], internal=True),
        Field("traffic_sources", "Traffic sources", fields.words, fields.show_words, ("channels",), empty=[]),
        Field("manager", "Manager", names=("account manager", "owner"), empty=None, personal=True, internal=True,
              help="E-mail address of an operator."),
        Field("parent", "Parent partner", fields.number, names=("parent id",), empty=None,
              help="Number of a partner that is there already."),
        Field("kind", "Kind for attribution", fields.one_of(dict(PartnerKind.choices))),
    )  # fmt: skip

    def visible(self, actor: Actor) -> QuerySet[Partner]:
        return visible_partners(actor).select_related("manager", "parent")

    def writable(self, actor: Actor) -> QuerySet[Partner]:
        return visible_partners(actor, Area.PARTNERS, Action.WRITE).select_related("manager", "parent")

    def value(self, row: Partner, key: str) -> Any:
        prefix, colon, name = key.partition(":")
        if colon:
            return str(getattr(row, prefix).get(name, ""))
        if key == "manager":
            return row.manager.email if row.manager is not None else None
        value = getattr(row, _BY_NAME.get(key, key))
        return list(value) if key in _LISTS else value

    def resolve(self, actor: Actor, items: Sequence[Item[Partner]]) -> None:
        managers = {str(item.values.get("manager") or "").lower() for item in items}
        known = possible_managers().filter(email__in=managers).values_list("email", flat=True) if managers else ()
        emails = set(known)
        parents = {item.values["parent"] for item in items if item.values.get("parent")}
        there = set(visible_partners(actor).filter(number__in=parents).values_list("number", flat=True))
        for item in items:
            manager, parent = str(item.values.get("manager") or "").lower(), item.values.get("parent")
            if manager and manager not in emails:
                item.say("manager", f"there is no operator {manager} who may manage partners")
            elif manager:
                item.values["manager"] = manager
            if parent and parent not in there:
                item.say("parent", f"there is no partner {parent}")

    def identity(self, values: Mapping[str, Any], match: str) -> Hashable | None:
        value = values.get(match) or None
        return value.lower() if match == "email" and isinstance(value, str) else value

    def stored(self, actor: Actor, match: str, wanted: Sequence[Hashable]) -> dict[Hashable, list[Partner]]:
        rows = self.writable(actor)
        if match == "email":
            rows = rows.alias(lower=Lower("email")).filter(lower__in=wanted)
        else:
            rows = rows.filter(**{f"{_BY_NAME.get(match, match)}__in": wanted})
        found: dict[Hashable, list[Partner]] = {}
        for row in rows:
            key = self.identity({match: self.value(row, match)}, match)
            if key is not None:
                found.setdefault(key, []).append(row)
        return found

    def finder(self, actor: Actor, match: str) -> Finder:
        prefix, colon, name = match.partition(":")
        if not colon:
            return super().finder(actor, match)
        # No index has the ids in other systems: they are read once.
        rows = self.writable(actor).exclude(**{prefix: {}}).select_related(None).order_by()
        known: dict[Hashable, list[int]] = {}
        for number, texts in rows.values_list("number", prefix).iterator(chunk_size=2_000):
            if texts.get(name):
                known.setdefault(str(texts[name]), []).append(number)

        def find(wanted: Sequence[Hashable]) -> dict[Hashable, list[Partner]]:
            numbers = {key: known[key] for key in wanted if key in known}
            there = self.writable(actor).in_bulk([number for own in numbers.values() for number in own])
            return {key: [there[number] for number in own if number in there] for key, own in numbers.items()}

        return find

    def store(self, actor: Actor, items: Sequence[Item[Partner]], reason: str) -> None:
        made, changed = self._prepare(actor, items, reason)
        store_new(actor, [partner for _, partner in made], reason)
        store_changed(actor, [change for _, change in changed], reason)
        for item, partner in (*made, *((item, change.partner) for item, change in changed)):
            item.object_id, item.name = str(partner.number), partner.name

    def check(self, actor: Actor, items: Sequence[Item[Partner]]) -> None:
        self._prepare(actor, items, "dry run")

    def _prepare(
        self, actor: Actor, items: Sequence[Item[Partner]], reason: str
    ) -> tuple[list[tuple[Item[Partner], Partner]], list[tuple[Item[Partner], Changed]]]:
        """Make partners and changes, checked and not stored; rows with mistakes are left out."""
        rows = self._related(items)
        made, changed = [], []
        for item in items:
            if item.stored is None:
                try:
                    values, status = self._values(item, rows)
                    made.append((item, new_partner(actor, 0, values, status or PartnerStatus.APPLIED, in_bulk=True)))
                except Refused as error:
                    item.errors += self.mistakes(error)
                item.made = True
                continue
            was = str(item.stored.status)
            for part in (self._set_values, self._set_status):
                try:
                    part(actor, item, rows, reason)
                except Refused as error:
                    item.errors += self.mistakes(error)
            if item.is_good:
                changed.append((item, Changed(item.stored, self._column_names(item), was)))
        return made, changed

    def _set_values(self, actor: Actor, item: Item[Partner], rows: "_Related", _reason: str) -> None:
        assert item.stored is not None
        values, _ = self._values(item, rows)
        if values:
            set_values(actor, item.stored, values, in_bulk=True)

    def _set_status(self, actor: Actor, item: Item[Partner], _rows: "_Related", reason: str) -> None:
        assert item.stored is not None
        if "status" in item.values:
            actor.require(Area.PARTNERS, Action.APPROVE)
            set_status(item.stored, item.values["status"], reason)

    def _related(self, items: Sequence[Item[Partner]]) -> "_Related":
        emails = {item.values.get("manager") for item in items if item.values.get("manager")}
        numbers = {item.values.get("parent") for item in items if item.values.get("parent")}
        return _Related(
            {user.email: user for user in User.objects.filter(email__in=emails)} if emails else {},
            Partner.objects.in_bulk(numbers) if numbers else {},
        )

    def _values(self, item: Item[Partner], rows: "_Related") -> tuple[dict[str, Any], str]:
        """Return what the services take, and the status."""
        values: dict[str, Any] = {}
        for key, value in item.values.items():
            prefix, colon, name = key.partition(":")
            if colon:
                whole = values.setdefault(prefix, dict(getattr(item.stored, prefix)) if item.stored else {})
                if value in ("", None):
                    whole.pop(name, None)
                else:
                    whole[name] = value
            elif key == "manager":
                values[key] = rows.managers.get(value)
            elif key == "parent":
                values[key] = rows.parents.get(value)
            elif key not in ("id", "status"):
                values[key] = value
        return values, str(item.values.get("status") or "")

    def _column_names(self, item: Item[Partner]) -> frozenset[str]:
        return frozenset(key.partition(":")[0] for key in item.values if key != "id")

    def remove(self, actor: Actor, items: Sequence[Item[Partner]]) -> None:
        rows = [item.stored for item in items if item.stored is not None]
        kept = remove_partners(rows)
        for item in items:
            if item.object_id in kept:
                item.say("", kept[item.object_id])

    publish_by = "object_id"

    def part_of_routes(self, key: str) -> int:
        return part_of_partner(int(key))

    def publish(self, keys: Sequence[str]) -> None:
        publish_keys(partners=[int(key) for key in keys])


class _Related:
    """Objects that rows name."""

    def __init__(self, managers: Mapping[str, User], parents: Mapping[int, Partner]) -> None:
        self.managers, self.parents = managers, parents
