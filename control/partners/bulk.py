"""Storing of many partners at once, in the open transaction. They are checked before, by the functions of `services`.

Routes are not published here; the caller does so once for all of them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from django.db.models import Model

from control.accounts.actor import Actor
from control.numbers.sequence import take
from control.partners.models import Partner, PartnerTransition
from control.partners.search_text import SOURCES, text_of
from control.partners.services import KIND, note_states

_UPDATE_ROWS = 200


@dataclass(frozen=True, slots=True)
class Changed:
    """A partner whose fields were set."""

    partner: Partner
    names: frozenset[str]
    """Fields to store."""
    was: str
    """State before."""


def store_new(actor: Actor, partners: Sequence[Partner], reason: str) -> None:
    """Store new partners under the next numbers."""
    if not partners:
        return
    for partner, number in zip(partners, take(KIND, len(partners)), strict=True):
        partner.number = number
    Partner.objects.bulk_create(partners)
    note_states(actor, [(partner, "") for partner in partners], reason)


def store_changed(actor: Actor, changes: Sequence[Changed], reason: str) -> None:
    """Store fields of partners; those that change the same ones together."""
    alike: defaultdict[frozenset[str], list[Partner]] = defaultdict(list)
    for change in changes:
        names = change.names
        if names & {*SOURCES}:  # bulk_update computes no column
            change.partner.search = text_of(change.partner)
            names |= {"search"}
        alike[names].append(change.partner)
    for names, partners in alike.items():
        Partner.objects.bulk_update(partners, sorted(names), batch_size=_UPDATE_ROWS)
    moved = [(change.partner, change.was) for change in changes if change.partner.status != change.was]
    if moved:
        note_states(actor, moved, reason)


def remove_partners(partners: Sequence[Partner]) -> dict[str, str]:
    """Delete partners that nothing names; return why the others stay, by number. Their numbers are not given again."""
    numbers = [partner.number for partner in partners]
    kept = {str(number): f"has {noun} by now" for noun, number in _uses(numbers)}
    gone = [number for number in numbers if str(number) not in kept]
    PartnerTransition.objects.filter(partner__in=gone).delete()
    Partner.objects.filter(number__in=gone).delete_unnamed()
    return kept


def _uses(numbers: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield what names partners: noun and number."""
    for relation in Partner._meta.related_objects:
        if relation.related_model is PartnerTransition:
            continue
        model, name = cast(type[Model], relation.related_model), relation.field.name
        rows = model._default_manager.filter(**{f"{name}__in": numbers}).order_by()
        for number in rows.values_list(name, flat=True).distinct():
            yield str(model._meta.verbose_name_plural), number
