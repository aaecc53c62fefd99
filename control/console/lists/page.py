"""Page of a list: draws it, exports it, and takes what people do with it."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_date

from control.accounts.actor import Actor
from control.console.lists import bulk_page
from control.console.lists.export import export_items, exported, wanted_export
from control.console.lists.read import (
    Choices,
    Part,
    checked_filters,
    known_of,
    read_part,
    shown_columns,
)
from control.console.lists.spec import Filter, ListSpec
from control.console.lists.state import ListState, read_state
from control.console.lists.views_page import ListHead, change_views, views_context
from control.errors import FieldError
from control.imports.selectors import importable
from control.ui.formats import count_text
from control.ui.moments import day_text
from control.ui.table import Column, Row, Table


def list_page(request: HttpRequest, actor: Actor, spec: ListSpec[Any], **more: object) -> HttpResponse:
    """Answer a request for a list. `more` goes to the template: `actions` are buttons in the head."""
    choices = Choices(actor)
    state, mistakes = checked_filters(spec, choices, read_state(request.GET.dict(), known_of(spec, actor)))
    if request.method == "POST":
        return _posted(request, actor, spec, state)
    if not mistakes and (wanted := wanted_export(request)):
        return exported(actor, spec, state, wanted)
    if spec.key in importable(actor):
        address = f"{reverse('console_import_new')}?type={spec.key}"
        given: Any = more.get("actions", ())
        more["actions"] = [*given, ("Import", address, "file-spreadsheet")]
    more["mistakes"] = _sentences(spec, mistakes)
    context = {**_list_context(actor, spec, state, choices), **more, "notice": bulk_page.notice(request, actor)}
    return render(request, "console/list.html", context)


def _list_context(actor: Actor, spec: ListSpec[Any], state: ListState, choices: Choices) -> dict[str, object]:
    part, known = read_part(spec, actor, state), known_of(spec, actor)
    query, bulk = state.query(known), spec.bulk_actions(actor)
    columns = [(column.key, column.label) for column in spec.columns(actor)]
    filters = spec.filters_of(actor)
    return {
        "spec": spec,
        "part": part,
        "table": _table(actor, spec, state, part, selectable=bool(bulk)),
        "count": _count_text(spec, part),
        "selects": [_select(entry, choices, state) for entry in filters if entry.kind == "choice"],
        "texts": [(entry.name, state.filters.get(entry.name, "")) for entry in filters if entry.kind == "text"],
        "ranges": [(entry, state.filters.get(entry.name, "")) for entry in filters if entry.kind in ("date", "number")],
        "has_range": any(state.filters.get(entry.name) for entry in filters if entry.kind in ("date", "number")),
        "chips": _chips(actor, spec, state, choices),
        "is_filtered": bool(state.q or state.filters),
        "bulk": bulk,
        **views_context(actor, _head(spec), state, known, columns),
        "address": reverse(spec.url_name),
        "exports": export_items(query),
    }


def _sentences(spec: ListSpec[Any], mistakes: Sequence[FieldError]) -> list[str]:
    """Return mistakes as people read them: with the labels of filters instead of their names."""
    labels = {entry.name: entry.label for entry in spec.filters}
    sentences = []
    for own in mistakes:
        words = [labels.get(word, word) if "_" in word else word for word in own.message.split(" ")]
        sentences.append(f"{labels[own.field]} {' '.join(words)}.")
    return sentences


def _table(actor: Actor, spec: ListSpec[Any], state: ListState, part: Part[Any], *, selectable: bool) -> Table:
    columns = shown_columns(spec, actor, state)
    return Table(
        spec.title,
        [
            Column(
                column.label, column.key if column.sort and not spec.by_cursor else "", column.numeric,
                column.descending_first,
            )
            for column in columns
        ],
        [Row([column.cell(row) for column in columns], id=spec.row_id(row)) for row in part.rows],
        order=state.order,
        selectable=selectable,
    )  # fmt: skip


def _count_text(spec: ListSpec[Any], part: Part[Any]) -> str:
    if part.page is None:
        return ""
    return f"{count_text(part.page.total)} {spec.noun if part.page.total == 1 else spec.nouns}"


def _select(entry: Filter[Any], choices: Choices, state: ListState) -> dict[str, object]:
    return {
        "name": entry.name, "label": entry.label, "options": choices.of(entry),
        "value": state.filters.get(entry.name, ""),
    }  # fmt: skip


def _chips(actor: Actor, spec: ListSpec[Any], state: ListState, choices: Choices) -> list[tuple[str, str]]:
    """Return the filters in force, each with the address without it."""
    known = known_of(spec, actor)
    whole = ListState(state.q, state.filters, state.order, state.columns)
    chips = []
    if state.q:
        without = ListState("", state.filters, state.order, state.columns)
        chips.append((f"“{state.q}”", f"?{without.query(known)}"))
    for entry in spec.filters_of(actor):
        if value := state.filters.get(entry.name):
            rest = {name: kept for name, kept in whole.filters.items() if name != entry.name}
            without = ListState(state.q, rest, state.order, state.columns)
            chips.append((f"{entry.label}: {_value_text(entry, choices, value)}", f"?{without.query(known)}"))
    return chips


def _value_text(entry: Filter[Any], choices: Choices, value: str) -> str:
    if entry.kind == "date" and (day := parse_date(value)) is not None:
        return day_text(day)
    return next((str(label) for option, label in choices.of(entry) if str(option) == value), value)


def _posted(request: HttpRequest, actor: Actor, spec: ListSpec[Any], state: ListState) -> HttpResponse:
    """Do what a button of the list asks for: choose columns, keep or delete a view, change marked rows."""
    answer = change_views(request, actor, _head(spec), state, known_of(spec, actor))
    if answer is not None:
        return answer
    return bulk_page.ask(request, actor, spec, state)


def _head(spec: ListSpec[Any]) -> ListHead:
    return ListHead(spec.key, spec.url_name, f"All {spec.nouns}")
