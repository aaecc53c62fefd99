"""State of a report, as its address says it: dimensions, filters, figure, columns, order. It is what a view keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.http import HttpRequest

from control.console.figures.sums import REPORT_MEASURES
from control.console.lists.state import Known, ListState, read_state
from control.engine.dimensions import FILTERS, LABELS, TIMES
from control.engine.values import join_values, split_values

COLUMNS = {
    "impressions": "Impressions",
    "clicks": "Clicks",
    "unique_clicks": "Unique clicks",
    "bot_clicks": "Bot clicks",
    "conversions": "Conversions",
    "approved": "Approved",
    "pending": "Pending",
    "hold": "On hold",
    "declined": "Declined",
    "revenue": "Revenue",
    "payout": "Commission",
    "profit": "Margin",
    "cr": "CR",
    "epc": "EPC",
    "approval_rate": "Approval rate",
}
SHOWN = ("clicks", "conversions", "approved", "declined", "revenue", "payout", "profit", "cr", "epc")
BY = ("by", "then", "also")
"""Parameters of the dimensions, in their order."""
_MEASURE = "revenue"
_PLACE = ("period", "from", "to", "partner", "offer", "measure", "compare")


@dataclass(frozen=True, slots=True)
class ReportState:
    """Choices of a person about a report."""

    by: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]]
    """Values to keep by dimension."""
    measure: str
    """Figure of the chart and of the comparison."""
    compare: bool
    """True if rows are compared with the period before."""
    list: ListState
    known: Known

    @property
    def order(self) -> str:
        return self.list.order

    @property
    def columns(self) -> tuple[str, ...]:
        return self.list.columns

    @property
    def has_times(self) -> bool:
        """Return whether rows are of times, which the period before does not have."""
        return any(name in TIMES for name in self.by)

    def query(self) -> str:
        """Write the state as the query of an address."""
        return self.list.query(self.known)

    def only(self, name: str, value: str) -> str:
        """Return the query of the same report of one value: without its dimension, by day if none is left."""
        by = [one for one in self.by if one != name] or ["day"]
        kept = {key: text for key, text in self.list.filters.items() if key not in BY}
        text = value if name in ("partner", "offer") else join_values([value])
        filters = {**kept, **dict(zip(BY, by, strict=False)), name: text}
        known = _known(tuple(by), self.columns)
        order = self.order if self.order.removeprefix("-") in known.sortable and self.by[0] != name else known.order
        return replace(self.list, filters=filters, order=order).query(known)


def read_report_state(request: HttpRequest) -> ReportState:
    """Read the state from an address. What is not valid is left out."""
    given = request.GET.dict()
    by = tuple(dict.fromkeys(name for key in BY if (name := given.get(key, "")) in LABELS)) or ("day",)
    wanted = given.get("columns", "").split(",")
    known = _known(by, tuple(name for name in COLUMNS if name in wanted) or SHOWN)
    state = read_state(given, known)
    values = {name: split_values(state.filters.get(name, "")) for name in FILTERS}
    values = {name: found for name, found in values.items() if found}
    measure = state.filters.get("measure", "")
    measure = measure if measure in REPORT_MEASURES else _MEASURE
    filters = {
        **{name: text for name, text in state.filters.items() if name not in (*BY, *FILTERS, "measure")},
        **(dict(zip(BY, by, strict=False)) if by != ("day",) else {}),
        **{name: join_values(found) for name, found in values.items()},
        **({"measure": measure} if measure != _MEASURE else {}),
    }
    return ReportState(
        by, values, measure, bool(given.get("compare")),
        replace(state, filters=filters), known,
    )  # fmt: skip


def _known(by: tuple[str, ...], columns: tuple[str, ...]) -> Known:
    """Return the names of an address; rows are in the order of their time, or of a figure that is shown."""
    order = by[0] if by[0] in TIMES else f"-{_MEASURE if _MEASURE in columns else columns[0]}"
    return Known(
        columns=tuple(COLUMNS), shown=SHOWN, sortable=(*COLUMNS, *by), filters=(*BY, *_PLACE, *FILTERS), order=order
    )
