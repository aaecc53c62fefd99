"""Tables of exports that the console shows: its lists with their columns, reports, and conversions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from django.urls import resolve, reverse
from ninja import Schema

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.figures.conversion_table import EXPORT_HEAD
from control.console.figures.conversion_table import export_rows as conversion_rows
from control.console.figures.report_table import export_head, export_rows
from control.console.lists.export import open_list
from control.console.lists.read import Choices, checked_filters, known_of
from control.console.lists.spec import ListSpec, find_spec
from control.console.lists.state import ListState, read_state
from control.engine import answers as engine
from control.engine.api import ConversionQuery, ReportQuery, dimensions_of, filters_of
from control.engine.names import names_of_conversions, names_of_report
from control.errors import FieldError, Forbidden, Invalid
from control.exports.registry import Opened, register
from control.filters import read_parameters
from control.tables.write import Value

_QUERY_CHARS_MAX = 4_000
_REPORT_ROWS_MAX = 100_000
_BATCH_ROWS = 1_000
_S = TypeVar("_S", bound=Schema)


def _read(schema: type[_S], filters: Mapping[str, Any]) -> _S:
    """Read filters as the parameters of a list of the API, without its pages. Raises Invalid."""
    known = sorted({field.alias or name for name, field in schema.model_fields.items()} - {"limit", "cursor"})
    if unknown := sorted(filters.keys() - set(known)):
        raise Invalid(*(FieldError(f"filters.{name}", f"is not a filter; {', '.join(known)} are") for name in unknown))
    return read_parameters(schema, filters, "filters.")


class ListTable:
    """A list of the console, with its search, filters, order and columns."""

    key = "list"

    def check(self, actor: Actor, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Check that the actor may open the list. Raises Forbidden, Invalid."""
        query = filters.get("query", "")
        if filters.keys() - {"list", "query"} or not isinstance(query, str) or len(query) > _QUERY_CHARS_MAX:
            raise Invalid(FieldError("filters", "has `list` and `query`: a list of the console and its address"))
        spec = _spec(filters)
        right = getattr(resolve(reverse(spec.url_name)).func, "right", None)
        if not actor.is_operator or right is None:
            raise Forbidden("lists of the console are for operators")
        if right.area is not None:
            actor.require(right.area, right.action)
        _state(actor, spec, query)
        return {"list": spec.key, "query": query}

    def title(self, filters: Mapping[str, Any]) -> str:
        """Return the title of the list."""
        return _spec(filters).title

    def open(self, actor: Actor, filters: Mapping[str, Any]) -> Opened:
        """Begin to read the rows that the actor may see."""
        spec = _spec(filters)
        return open_list(actor, spec, _state(actor, spec, filters["query"]))


def _state(actor: Actor, spec: ListSpec[Any], query: str) -> ListState:
    """Read search, filters, order and columns of an address. Raises Invalid for a filter that cannot be read."""
    state = read_state(dict(parse_qsl(query)), known_of(spec, actor))
    state, mistakes = checked_filters(spec, Choices(actor), state)
    if mistakes:
        raise Invalid(*(FieldError(f"filters.query.{own.field}", own.message) for own in mistakes))
    return state


def _spec(filters: Mapping[str, Any]) -> ListSpec[Any]:
    """Return the list that the filters name. Raises Invalid."""
    resolve(reverse("console_home"))  # the pages declare the lists
    spec = find_spec(str(filters.get("list", "")))
    if spec is None:
        raise Invalid(FieldError("filters.list", "is not a list of the console"))
    return spec


class ReportTable:
    """Rows of the KPI report, with the parameters of the API's report."""

    key = "report"

    def check(self, actor: Actor, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Check the right and the parameters. Raises Forbidden, Invalid."""
        actor.require(Area.REPORTS, Action.READ)
        query = _read(ReportQuery, filters)
        dimensions_of("kpi", query)
        filters_of("kpi", query)
        return dict(filters)

    def title(self, _filters: Mapping[str, Any]) -> str:
        """Return the name of the report."""
        return "Report"

    def open(self, actor: Actor, filters: Mapping[str, Any]) -> Opened:
        """Ask for all rows. Raises Refused."""
        query = _read(ReportQuery, filters)
        by = dimensions_of("kpi", query) or ["partner", "offer"]
        found = engine.report(
            actor, "kpi", by, filters_of("kpi", query), engine.Part(query.order, _REPORT_ROWS_MAX)
        )  # fmt: skip
        if found.total_rows > len(found.rows):
            raise Invalid(
                FieldError("", f"the report has {found.total_rows:,} rows, more than {_REPORT_ROWS_MAX:,}; filter them")
            )
        there = frozenset(column.name for column in found.columns)
        return Opened(
            export_head(by, there), export_rows(by, found.rows, names_of_report(found), there), len(found.rows)
        )


class ConversionTable:
    """Conversions, with the parameters of the API's list."""

    key = "conversions"

    def check(self, actor: Actor, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Check the right and the parameters. Raises Forbidden, Invalid."""
        actor.require(Area.REPORTS, Action.READ)
        _read(ConversionQuery, filters)
        return dict(filters)

    def title(self, _filters: Mapping[str, Any]) -> str:
        """Return the name of the list."""
        return "Conversions"

    def open(self, actor: Actor, filters: Mapping[str, Any]) -> Opened:
        """Begin to read, batch by batch. Raises Refused."""
        query = _read(ConversionQuery, filters)
        asked = engine.ConversionQuery(
            query.filters(), query.status, query.q.strip(), goal=query.goal, limit=_BATCH_ROWS
        )
        return Opened(EXPORT_HEAD, _conversions(actor, asked))


def _conversions(actor: Actor, asked: engine.ConversionQuery) -> Iterator[list[Value]]:
    while True:
        batch = engine.conversions(actor, asked)
        yield from conversion_rows(batch, names_of_conversions(batch))
        if len(batch) < asked.limit:
            return
        asked = replace(asked, after=(batch[-1]["at_us"], batch[-1]["conversion_id"]))


register(ListTable())
register(ReportTable())
register(ConversionTable())
