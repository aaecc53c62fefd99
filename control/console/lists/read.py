"""Reading of a list: the rows that a state asks for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Generic

from django.db import connections
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from control.accounts.actor import Actor
from control.console.lists.counts import counts
from control.console.lists.spec import Filter, ListColumn, ListSpec, M, Options
from control.console.lists.state import Known, ListState
from control.errors import FieldError, Invalid
from control.filters import check_ranges
from control.ui.table import Page

_FOUND_KEYS_MAX = 900
"""Most rows of a search that are read by their keys. SQLite takes 999 values in one query."""


def known_of(spec: ListSpec[Any], actor: Actor) -> Known:
    """Return the names that the address of a list may have."""
    columns = spec.columns(actor)
    return Known(
        columns=[column.key for column in columns],
        shown=[column.key for column in columns if column.shown],
        sortable=[column.key for column in columns if column.sort],
        filters=[entry.name for entry in spec.filters_of(actor)],
        order=spec.order,
    )


class Choices:
    """Options of the filters for one person, each read from the database once at most."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._read: dict[str, Options] = {}

    def of(self, entry: Filter[Any]) -> Options:
        """Return the options of a filter."""
        if entry.name not in self._read:
            self._read[entry.name] = entry.options(self._actor)
        return self._read[entry.name]


def checked_filters(spec: ListSpec[Any], choices: Choices, state: ListState) -> tuple[ListState, list[FieldError]]:
    """Leave out filters that cannot be read: no option of theirs, not a date, not an amount. Return these mistakes."""
    kept, mistakes = dict(state.filters), []
    for entry in spec.filters:
        if not (value := kept.get(entry.name)):
            continue
        try:
            if entry.kind == "choice" and value not in {str(option) for option, _ in choices.of(entry)}:
                raise Invalid(FieldError(entry.name, "is not one of the choices"))
            _read(spec, entry, value)
        except Invalid as error:
            del kept[entry.name]
            mistakes += [FieldError(entry.name, own.message) for own in error.errors]
    state = replace(state, filters={name: value for name, value in kept.items() if value})
    if spec.filter_set is not None and not mistakes:
        mistakes = _range_mistakes(spec, state)
    return state, mistakes


def _range_mistakes(spec: ListSpec[Any], state: ListState) -> list[FieldError]:
    """Return which ends lie before their starts."""
    entries = [entry for entry in spec.filters if entry.apply is None and state.filters.get(entry.name)]
    try:
        check_ranges({entry.name: _read(spec, entry, state.filters[entry.name]) for entry in entries})
    except Invalid as error:
        return list(error.errors)
    return []


def _read(spec: ListSpec[Any], entry: Filter[Any], text: str) -> Any:
    """Return the value of a filter as its condition takes it. Raises Invalid."""
    if entry.kind == "date":
        text = _day(entry, text)
    if entry.apply is not None:
        return text
    assert spec.filter_set is not None  # the specification has checked it
    return spec.filter_set.one(entry.name, text)


def _day(entry: Filter[Any], text: str) -> str:
    """Return the day of a filter; the one after it for an end, so that the last day counts. Raises Invalid."""
    try:
        day = date.fromisoformat(text)
        return (day + timedelta(days=1) if entry.name.split("_")[-1] == "to" else day).isoformat()
    except (ValueError, OverflowError):
        raise Invalid(FieldError(entry.name, "must be a date such as 2026-01-31")) from None


def matching(spec: ListSpec[M], actor: Actor, state: ListState) -> QuerySet[M]:
    """Return the rows that search and filters leave, without an order."""
    rows = spec.rows(actor)
    if state.q and spec.search is not None:
        rows = spec.search(actor, rows, state.q)
    for entry in spec.filters_of(actor):
        if value := state.filters.get(entry.name):
            read = _read(spec, entry, value)
            rows = entry.apply(rows, read) if entry.apply is not None else _narrowed(spec, rows, entry.name, read)
    return rows


def _narrowed(spec: ListSpec[M], rows: QuerySet[M], name: str, value: Any) -> QuerySet[M]:
    assert spec.filter_set is not None  # the specification has checked it
    return spec.filter_set.narrow(rows, name, value)


def ordered(spec: ListSpec[M], actor: Actor, state: ListState, rows: QuerySet[M]) -> QuerySet[M]:
    """Sort rows by the chosen column; its fields are those that the list allows."""
    descending, key = state.order.startswith("-"), state.order.removeprefix("-")
    fields = next((column.sort for column in spec.columns(actor) if column.key == key), ())
    return rows.order_by(*(_turned(name, descending) for name in (*fields, "pk")))


def _turned(name: str, descending: bool) -> str:
    if not descending:
        return name
    return name[1:] if name.startswith("-") else f"-{name}"


def shown_columns(spec: ListSpec[M], actor: Actor, state: ListState) -> Sequence[ListColumn[M]]:
    """Return the columns that the state names."""
    return [column for column in spec.columns(actor) if column.key in state.columns]


@dataclass(frozen=True)
class Part(Generic[M]):
    """Rows of one page of a list."""

    rows: list[M]
    page: Page | None = None
    next: str = ""


def read_part(spec: ListSpec[M], actor: Actor, state: ListState) -> Part[M]:
    """Read the rows of one page."""
    rows = matching(spec, actor, state)
    if spec.by_cursor:
        if state.cursor.isascii() and state.cursor.isdecimal():
            rows = rows.filter(pk__lt=int(state.cursor))
        found = list(rows.order_by("-pk")[: spec.page_rows + 1])
        more = len(found) > spec.page_rows
        return Part(found[: spec.page_rows], next=str(found[spec.page_rows - 1].pk) if more else "")
    rows, total = _found(spec, actor, rows) if state.q else (rows, counts.count(rows))
    page = Page(state.page, spec.page_rows, total)
    if page.number > page.last:
        page = replace(page, number=page.last)
    start = (page.number - 1) * page.size
    wanted = ordered(spec, actor, state, rows)
    if start:
        # The rows of the pages before are passed over in an index, where the database can, and not read.
        keys = list(wanted.values_list("pk", flat=True)[start : start + page.size])
        wanted, start = ordered(spec, actor, state, spec.rows(actor).filter(pk__in=keys)), 0
    return Part(list(wanted[start : start + page.size]), page)


def _found(spec: ListSpec[M], actor: Actor, rows: QuerySet[M]) -> tuple[QuerySet[M], int]:
    """Return the rows of a search, and their number.

    A search may read the whole table. A few rows are then read by their keys, so that it is done once, and not again
    for the rows of the page.
    """
    keys = list(rows.order_by().values_list("pk", flat=True)[: _FOUND_KEYS_MAX + 1])
    if len(keys) > _FOUND_KEYS_MAX:
        return rows, counts.count(rows)
    return spec.rows(actor).filter(pk__in=_as_query(rows.db, keys)), len(keys)


def _as_query(using: str, keys: list[Any]) -> Any:
    """Return keys as a query with one parameter, where they are numbers: Django takes longer for each parameter."""
    if connections[using].vendor == "sqlite" and all(type(key) is int for key in keys):
        return RawSQL("SELECT value FROM json_each(%s)", [json.dumps(keys)])
    return keys
