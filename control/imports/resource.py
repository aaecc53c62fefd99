"""One type of objects that can be imported and exported. Changes are made by the services of the type."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import FieldError, Invalid, Refused
from control.filters import FilterSet
from control.imports.fields import Field

M = TypeVar("M", bound=models.Model)
OWN_NAME_CHARS_MAX = 80
Finder = Callable[[Sequence[Hashable]], Mapping[Hashable, list[Any]]]
"""Gives objects by identity."""


@dataclass(slots=True)
class Item(Generic[M]):
    """One row of a file on its way to an object."""

    number: int
    values: dict[str, Any]
    """Values by field: those of the row at first, later only those that change something."""
    errors: list[FieldError] = field(default_factory=list)
    stored: M | None = None
    """The object, if there is one."""
    before: dict[str, Any] = field(default_factory=dict)
    made: bool = False
    """True if a new object was stored for the row."""
    object_id: str = ""
    name: str = ""

    @property
    def is_good(self) -> bool:
        return not self.errors

    def say(self, field_key: str, message: str) -> None:
        """Add a mistake."""
        self.errors.append(FieldError(field_key, message))


class _DryRun(Exception):
    """Ends the transaction of a dry run."""


class Resource(ABC, Generic[M]):
    """Type of objects."""

    key: ClassVar[str]
    noun: ClassVar[str]
    nouns: ClassVar[str]
    area: ClassVar[Area]
    action: ClassVar[Action] = Action.WRITE
    fields: ClassVar[tuple[Field, ...]]
    filters: ClassVar[FilterSet[Any]]
    """Filters of lists and exports."""
    own_names: ClassVar[Mapping[str, str]] = {}
    """Kinds of fields with a name of one's own, such as `custom:shoe size`, with their label."""
    matches: ClassVar[tuple[str, ...]] = ()
    """Fields by which rows may find objects; without any, the type has one fixed way."""
    match: ClassVar[str] = ""
    """The field of the fixed way, if it is one field. Case and accents in which a file writes it change nothing."""
    match_text: ClassVar[str] = ""
    """The fixed way in words."""
    batch_rows: ClassVar[int] = 50
    """Most rows of one transaction; at most 1,000."""
    columns: ClassVar[Mapping[str, str]] = {}
    """Field by the column that services name in their mistakes, where they differ."""

    def field(self, key: str) -> Field | None:
        """Return a field by its key."""
        prefix, colon, name = key.partition(":")
        if colon and prefix in self.own_names and 0 < len(name.strip()) <= OWN_NAME_CHARS_MAX:
            return Field(key, f"{self.own_names[prefix]}: {name}", internal=True, personal=True)
        return next((known for known in self.fields if known.key == key), None)

    def label(self, key: str) -> str:
        """Return the label of a field; of an unknown one its key."""
        found = self.field(key)
        return found.label if found is not None else key

    def is_match(self, key: str) -> bool:
        """Return whether rows may find objects by a field."""
        return key in self.matches or key.partition(":")[0] + ":" in self.matches

    @abstractmethod
    def visible(self, actor: Actor) -> QuerySet[M]:
        """Return the objects that the actor may read. Raises Forbidden."""

    def writable(self, actor: Actor) -> QuerySet[M]:
        """Return the objects that the actor may change. Raises Forbidden."""
        return self.visible(actor)

    def value(self, row: M, key: str) -> Any:
        """Return the value of a field of an object."""
        return getattr(row, key)

    def resolve(self, actor: Actor, items: Sequence[Item[M]]) -> None:
        """Replace what names other objects by their ids; a name that fits none is a mistake."""

    def identity(self, values: Mapping[str, Any], match: str) -> Hashable | None:
        """Return what a row finds its object by; None for a row that is a new object."""
        return values.get(match) or None

    @abstractmethod
    def stored(self, actor: Actor, match: str, wanted: Sequence[Hashable]) -> dict[Hashable, list[M]]:
        """Return the objects that the actor may change, by identity."""

    def finder(self, actor: Actor, match: str) -> Finder:
        """Return `stored` for many calls of one run."""
        return partial(self.stored, actor, match)

    def by_ids(self, actor: Actor, ids: Sequence[str]) -> dict[str, M]:
        """Return objects by their ids, as an import keeps them."""
        rows = self.writable(actor).filter(pk__in=ids)
        return {str(row.pk): row for row in rows}

    def store(self, actor: Actor, items: Sequence[Item[M]], reason: str) -> None:
        """Make or change the objects of rows, in the open transaction; a row that is refused gets the mistakes."""
        for item in items:
            try:
                with transaction.atomic():
                    self.store_one(actor, item, reason)
            except (Refused, IntegrityError) as error:
                item.errors += self.mistakes(error)

    def store_one(self, actor: Actor, item: Item[M], reason: str) -> None:
        """Make or change the object of one row, for types that do not replace `store`. Raises Refused."""
        raise NotImplementedError

    def check(self, actor: Actor, items: Sequence[Item[M]]) -> None:
        """Find the mistakes that storing would: by default it stores, and takes all back."""
        with suppress(_DryRun), transaction.atomic():
            self.store(actor, items, "dry run")
            raise _DryRun

    def remove(self, actor: Actor, items: Sequence[Item[M]]) -> None:
        """Remove objects that an import has made; one that others name stays, and says why."""
        for item in items:
            try:
                with transaction.atomic():
                    self.remove_one(actor, item)
            except ProtectedError as error:
                nouns = sorted({str(row._meta.verbose_name_plural) for row in error.protected_objects})
                item.say("", f"has {', '.join(nouns)} by now")
            except Refused as error:
                item.errors += self.mistakes(error)

    def remove_one(self, _actor: Actor, item: Item[M]) -> None:
        """Remove one object. Raises Refused, ProtectedError."""
        assert item.stored is not None
        item.stored.delete()

    publish_by: ClassVar[str] = ""
    """Column of an import's rows by whose values routes are published once, at the end: object_id or object_name."""

    def publish(self, keys: Sequence[str]) -> None:
        """Publish the routes of all objects that an import has changed."""

    def part_of_routes(self, _key: str) -> int:
        """Return the part of the routes that has an object."""
        return 0

    def publish_batch(self, items: Sequence[Item[M]]) -> None:
        """Publish the routes of objects in the transaction that has changed them."""

    def mistakes(self, error: Exception) -> list[FieldError]:
        """Return a refusal as mistakes of fields."""
        if isinstance(error, Invalid):
            return [FieldError(self.columns.get(own.field, own.field), own.message) for own in error.errors]
        if isinstance(error, IntegrityError):
            return [FieldError("", "is in conflict with another change; run the dry run again")]
        return [FieldError("", str(error))]


def numbers_of(rows: QuerySet[Any], wanted: Sequence[Any]) -> set[int]:
    """Return which numbers there are among the rows."""
    return set(rows.filter(pk__in=set(wanted)).order_by().values_list("pk", flat=True))
