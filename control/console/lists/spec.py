"""Description of a list: columns, filters, bulk actions. A page declares one; the machinery does the rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from django import forms
from django.db.models import Model, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.filters import FilterSet
from control.ui.table import Cell

M = TypeVar("M", bound=Model)
Options = Sequence[tuple[str, str]]
_specs: dict[str, "ListSpec[Any]"] = {}


@dataclass(frozen=True)
class ListColumn(Generic[M]):
    """Column of a list."""

    key: str
    label: str
    cell: Callable[[M], Cell | str]
    sort: tuple[str, ...] = ()
    """Fields by which a click on the head sorts; without any it does not."""
    numeric: bool = False
    descending_first: bool = False
    shown: bool = True
    """True if the column is there until a person chooses others."""
    export: Callable[[M], str | int] | None = None
    """Value in an exported file; without it, the text of the cell."""

    def value(self, row: M) -> str | int:
        """Return the value in an exported file."""
        if self.export is not None:
            return self.export(row)
        cell = self.cell(row)
        return cell.text if isinstance(cell, Cell) else cell


@dataclass(frozen=True)
class Filter(Generic[M]):
    """Filter of a list, a value in the address."""

    name: str
    label: str
    apply: Callable[[QuerySet[M], str], QuerySet[M]] | None = None
    """Condition; without one it is that of the filter set, under the same name."""
    options: Callable[[Actor], Options] = lambda _actor: ()
    kind: Literal["choice", "date", "text", "number"] = "choice"
    example: str = ""
    """Value of a number, shown in the empty field."""
    is_for: Callable[[Actor], bool] = lambda _actor: True
    """False for those who may not see what the filter finds."""


@dataclass(frozen=True, slots=True)
class BulkAction:
    """Change of many marked rows."""

    key: str
    label: str
    done: str
    """Past participle, for "12 partners suspended"."""
    apply: Callable[[Actor, str, Mapping[str, Any]], Mapping[str, Any]]
    """Change one row by its id and the values of the form; return what undoing it needs. Raises Refused."""
    undo: Callable[[Actor, str, Mapping[str, Any], Mapping[str, Any]], None] | None = None
    """Take the change of one row back, by the values of the form and what `apply` returned. Raises Refused."""
    form: type[forms.Form] | None = None
    text: str = ""
    """Consequence of the change, shown before it is made."""
    danger: bool = False
    area: Area = Area.PARTNERS
    action: Action = Action.WRITE
    apply_batch: Callable[[Actor, Sequence[str]], Mapping[str, str]] | None = None
    """Change some rows together, instead of `apply`; return why rows were refused, by id. It cannot be undone."""


@dataclass(frozen=True, slots=True)
class Empty:
    """Text of a list without rows."""

    title: str
    text: str
    icon: str
    label: str = ""
    url_name: str = ""
    """Button for the first thing to do."""


@dataclass(frozen=True)
class ListSpec(Generic[M]):
    """A list of one kind of object. Jobs find it by its key, for exports and for bulk actions that run later."""

    key: str
    title: str
    noun: str
    nouns: str
    url_name: str
    rows: Callable[[Actor], QuerySet[M]]
    columns: Callable[[Actor], Sequence[ListColumn[M]]]
    empty: Empty
    order: str
    """Order without a choice: key of a column, "-" in front for the largest first."""
    text: str = ""
    search: Callable[[Actor, QuerySet[M], str], QuerySet[M]] | None = None
    search_label: str = ""
    filters: Sequence[Filter[M]] = ()
    filter_set: FilterSet[M] | None = None
    """Conditions of the filters, which are those of the list in the API."""
    bulk: Sequence[BulkAction] = ()
    row_id: Callable[[M], str] = lambda row: str(row.pk)
    by_cursor: bool = False
    """True for lists that are long and only grow: one goes from part to part, newest first, and nothing is counted."""
    page_rows: int = 50

    def __post_init__(self) -> None:
        if self.key in _specs:
            raise ValueError(f"two lists have the key {self.key}")
        known = self.filter_set.fields.model_fields if self.filter_set is not None else {}
        if unknown := [entry.name for entry in self.filters if entry.apply is None and entry.name not in known]:
            raise ValueError(f"filters of {self.key} without a condition: {', '.join(unknown)}")
        _specs[self.key] = self

    def filters_of(self, actor: Actor) -> list[Filter[M]]:
        """Return the filters that the actor may use."""
        return [entry for entry in self.filters if entry.is_for(actor)]

    def bulk_actions(self, actor: Actor) -> list[BulkAction]:
        """Return the bulk actions that the actor may take."""
        return [action for action in self.bulk if actor.may(action.area, action.action)]


def day_filters(name: str, label: str) -> tuple[Filter[Any], Filter[Any]]:
    """Return the filters of the filter set by a time: from a day to a day, both included."""
    return Filter(f"{name}_from", f"{label} from", kind="date"), Filter(f"{name}_to", f"{label} to", kind="date")


def find_spec(key: str) -> ListSpec[Any] | None:
    """Return a list by its key."""
    return _specs.get(key)
