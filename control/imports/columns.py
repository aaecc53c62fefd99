"""Columns of a file and the fields that they become: guessed from headings, remembered, checked."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from django.utils import timezone

from control.errors import FieldError, Invalid
from control.imports.fields import Field
from control.imports.models import KnownHeading
from control.imports.resource import Item, Resource

KNOWN_HEADINGS_MAX = 1_000
"""Most headings of one type that are remembered; the ones that were not used for the longest time are forgotten."""


def folded(heading: str) -> str:
    """Return a heading without case, accents and signs, for comparison."""
    letters = unicodedata.normalize("NFKD", heading.casefold())
    return " ".join(re.findall(r"[^\W_]+", "".join(char for char in letters if not unicodedata.combining(char))))


def guess(resource: Resource[Any], headings: Sequence[str]) -> dict[str, str]:
    """Return heading by field: what people chose for a heading before, else a field of that name."""
    names: dict[str, str] = {}
    for own in resource.fields:
        for name in (own.key, own.label, *own.names):
            names.setdefault(folded(name), own.key)
    known = dict(
        KnownHeading.objects.filter(type=resource.key, heading__in=[folded(heading) for heading in headings])
        .order_by()
        .values_list("heading", "field")
    )
    found: dict[str, str] = {}
    for heading in headings:
        name = folded(heading)
        key = known.get(name, names.get(name, ""))
        prefix, colon, own_name = heading.partition(":")
        if not key and colon and prefix.strip() in resource.own_names and own_name.strip():
            key = f"{prefix.strip()}:{own_name.strip()}"
        if key and key not in found and resource.field(key) is not None:
            found[key] = heading
    return found


def remember(resource: Resource[Any], mapping: Mapping[str, str]) -> None:
    """Keep the fields that a person has chosen for headings; an empty name has none."""
    for key, heading in mapping.items():
        if name := folded(heading)[:120]:
            KnownHeading.objects.update_or_create(
                type=resource.key, heading=name, defaults={"field": key, "used": timezone.now()}
            )
    known = KnownHeading.objects.filter(type=resource.key).order_by("-used", "-pk")
    old = list(known.values_list("pk", flat=True)[KNOWN_HEADINGS_MAX:])
    if old:
        KnownHeading.objects.filter(pk__in=old).delete()


def checked_mapping(resource: Resource[Any], headings: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return heading by field. Raises Invalid with every mistake."""
    errors = []
    for key, heading in mapping.items():
        if resource.field(key) is None:
            errors.append(FieldError(f"mapping.{key}", f"is not a field of {resource.nouns}"))
        elif heading not in headings:
            errors.append(FieldError(f"mapping.{key}", f"the file has no column {heading}"))
    if not mapping:
        errors.append(FieldError("mapping", "is empty; choose a field for at least one column"))
    if errors:
        raise Invalid(*errors)
    return dict(mapping)


def checked_match(resource: Resource[Any], mapping: Mapping[str, str], match: str) -> str:
    """Return the field by which rows find objects: the given one, or the best that has a column. Raises Invalid."""
    if not resource.matches:
        if match:
            raise Invalid(FieldError("match", f"is fixed for {resource.nouns}: {resource.match_text}"))
        return ""
    if match and (not resource.is_match(match) or match not in mapping):
        raise Invalid(FieldError("match", f"must be a field with a column, of {', '.join(resource.matches)}"))
    return match or next((key for key in possible_matches(resource, mapping)), "")


def possible_matches(resource: Resource[Any], mapping: Mapping[str, str]) -> list[str]:
    """Return the fields with a column by which rows can find objects, the best one first."""
    order = {key: at for at, key in enumerate(resource.matches)}
    keys = [key for key in mapping if resource.is_match(key)]
    return sorted(keys, key=lambda key: order.get(key, 1 if ":" in key else len(order)))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads rows of cells as values of fields."""

    columns: Sequence[tuple[Field, int]]
    match: str
    clear_empty: bool

    def item(self, number: int, cells: Sequence[str]) -> Item[Any]:
        """Read one row; a cell that cannot be read is a mistake."""
        item: Item[Any] = Item(number, {})
        for own, at in self.columns:
            text = cells[at].strip()
            if not text:
                if self.clear_empty and own.key != "id" and own.key != self.match and not own.required:
                    item.values[own.key] = own.empty
                continue
            try:
                item.values[own.key] = own.parse(text)
            except ValueError as error:
                item.say(own.key, str(error))
        if self.match != "id":
            item.values.pop("id", None)
        return item


def reader_of(
    resource: Resource[Any], headings: Sequence[str], mapping: Mapping[str, str], match: str, *, clear_empty: bool
) -> Reader:
    """Return the reader of a file whose mapping was checked."""
    place = {heading: at for at, heading in enumerate(headings)}
    found = [(resource.field(key), place[heading]) for key, heading in mapping.items()]
    columns = sorted(((at, own) for own, at in found if own is not None), key=itemgetter(0))
    return Reader([(own, at) for at, own in columns], match, clear_empty)
