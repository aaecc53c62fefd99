"""Dimensions of the KPI report: what rows are grouped and filtered by, and which tables know it. Pure.

Clicks and impressions know the touch, conversions the goal and status. A conversion takes the values of a touch from
the touches that earn it; a click has no goal and no status, so it counts in the row where these are empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from reporting.report import ReportColumn
from runtime.user_error import ReportError

SUBS = tuple(f"sub{number}" for number in range(1, 31))
FILTER_VALUES_MAX = 100
FILTER_CHARS_MAX = 300


class Of(Enum):
    """Rows that know the value of a dimension."""

    ALL = auto()
    TOUCH = auto()
    """Clicks and impressions."""
    CONVERSION = auto()
    """Conversions and what they pay."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """Dimension of the report."""

    column: ReportColumn
    of: Of
    sql: str
    """Expression over the table that knows it; {ts} is the column of the time."""
    is_time: bool = False

    @property
    def name(self) -> str:
        return self.column.name


DAY = ReportColumn("day", "date", "day in the program's zone")


def _touch(name: str, text: str, sql: str = "") -> Dimension:
    return Dimension(ReportColumn(name, "text", f"{text}; empty if unknown"), Of.TOUCH, sql or f"toString({name})")


def _time(column: ReportColumn, sql: str) -> Dimension:
    return Dimension(column, Of.ALL, sql, is_time=True)


_ALL = (
    Dimension(ReportColumn("partner", "text", ""), Of.ALL, "toInt64(partner_id)"),
    Dimension(ReportColumn("offer", "text", ""), Of.ALL, "toInt64(offer_id)"),
    _time(DAY, "toString(toDate({ts}, {{zone:String}}))"),
    _time(
        ReportColumn("week", "date", "Monday of the week in the program's zone"),
        "toString(toMonday({ts}, {{zone:String}}))",
    ),
    _time(
        ReportColumn("month", "text", "month in the program's zone"), "formatDateTime({ts}, '%Y-%m', {{zone:String}})"
    ),
    _time(
        ReportColumn("hour", "text", "hour in the program's zone"), "formatDateTime({ts}, '%F %H:00', {{zone:String}})"
    ),
    Dimension(
        ReportColumn("goal", "text", "key of the conversion's goal; empty for clicks and impressions"),
        Of.CONVERSION, "toString(goal)",
    ),
    Dimension(
        ReportColumn("status", "text", "status of the conversion as of now; empty for clicks and impressions"),
        Of.CONVERSION, "toString(status)",
    ),
    _touch("link", "code of the touch's link"),
    _touch("country", "ISO 3166 code of the touch's country"),
    _touch("device", "desktop, mobile, tablet or other, of the touch"),
    _touch("os", "operating system of the touch"),
    _touch("browser", "browser of the touch"),
    _touch("utm_source", "the touch's parameter utm_source", "params['utm_source']"),
    *(_touch(name, f"the partner's value {name} of the touch", f"subs['{name}']") for name in SUBS),
)  # fmt: skip
DIMENSION: Mapping[str, Dimension] = {dimension.name: dimension for dimension in _ALL}
DIMENSIONS = (*DIMENSION, "total")
FILTERS = tuple(dimension.name for dimension in _ALL if not dimension.is_time)


def filters_of(texts: Sequence[str]) -> dict[str, list[str]]:
    """Read filters such as `country=DE,FR`; an empty value stands for "unknown". Raises ReportError."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            raise ReportError(f"{text[:64]!r} is not a filter; write DIMENSION=VALUE, such as country=DE")
        found.setdefault(name.strip(), []).extend(value.strip() for value in values.split(","))
    return found


def checked_filters(filters: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return the filters, each value once. Raises ReportError."""
    for name, values in filters.items():
        if name not in FILTERS:
            hint = "; use the start and end of the period" if name in DIMENSION else ""
            raise ReportError(f"cannot filter by {name[:64]!r}{hint}; filters are {_brief(FILTERS)}")
        if not 1 <= len(values) <= FILTER_VALUES_MAX or any(len(value) > FILTER_CHARS_MAX for value in values):
            raise ReportError(
                f"the filter {name} has 1 to {FILTER_VALUES_MAX} values of at most {FILTER_CHARS_MAX} characters"
            )
    return {name: tuple(dict.fromkeys(values)) for name, values in filters.items()}


def _brief(names: Sequence[str]) -> str:
    """Name dimensions, the many subs in short."""
    return ", ".join([*(name for name in names if name not in SUBS), "sub1 to sub30"])


def checked_dimensions(by: Sequence[str]) -> tuple[str, ...]:
    """Return the dimensions, each once. Raises ReportError with the allowed ones."""
    wanted = tuple(dict.fromkeys(by))
    unknown = [name[:64] for name in wanted if name not in DIMENSIONS]
    if unknown or not wanted:
        what = f"cannot group by {', '.join(unknown)}" if unknown else "--by is empty"
        raise ReportError(f"{what}; --by takes any of {_brief(DIMENSIONS)}")
    return wanted
