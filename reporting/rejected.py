"""Count rejected hits by reason, kind, offer, partner, link or day."""

from collections.abc import Sequence

from program.program import Program
from reporting.dimensions import DAY
from reporting.only import EVERYTHING, Only
from reporting.report import Report, ReportColumn, Row, checked, in_range, sort_key
from schemas.ddl import DATABASE
from warehouse.port import Warehouse

REJECTED_DIMENSIONS = ("reason", "kind", "offer", "partner", "link", "day")


def rejected_report(
    warehouse: Warehouse,
    program: Program,
    by: Sequence[str],
    from_us: int | None = None,
    to_us: int | None = None,
    only: Only = EVERYTHING,
) -> Report:
    """Count rejected hits by any of REJECTED_DIMENSIONS, over [from, to) µs. Raises ReportError, WarehouseError."""
    dimensions = checked(by, REJECTED_DIMENSIONS)
    within, parameters = in_range("ts", from_us, to_us)
    of = {
        "offer": "toInt64(offer_id)",
        "partner": "toInt64(partner_id)",
        "day": "toString(toDate(ts, {zone:String}))",
    }
    keys = [f"{of.get(name, f'toString({name})')} AS by_{name}" for name in dimensions]
    table = warehouse.query(
        f"SELECT {', '.join(keys)}, toInt64(count()) AS hits FROM {DATABASE}.rejected "
        f"WHERE ({within}) AND ({only.where}) "
        f"GROUP BY {', '.join(f'by_{name}' for name in dimensions)}",
        {**parameters, **only.parameters, "zone": program.terms.timezone},
    )
    columns = [_REJECTED_COLUMNS[name] for name in dimensions]
    rows: list[Row] = [
        dict(zip([*(c.name for c in columns), "hits"], row, strict=True))
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True)
    ]
    rows.sort(key=lambda row: sort_key(row, [c.name for c in columns]))
    hits = ReportColumn("hits", "count", "rejected hits, by the time of receipt")
    return Report("rejected", (*columns, hits), tuple(rows))


_REJECTED_COLUMNS = {
    "reason": ReportColumn("reason", "text", "reason of the rejection, see docs/reference/reasons.md"),
    "kind": ReportColumn("kind", "text", "click, impression, conversion, adjustment or event"),
    "offer": ReportColumn("offer_id", "number", "offer; 0 if unknown"),
    "partner": ReportColumn("partner_id", "number", "partner; 0 if unknown"),
    "link": ReportColumn("link", "text", "code of the requested link"),
    "day": DAY,
}
