"""Count rejected hits by reason, kind, offer, partner, link or day."""

from collections.abc import Sequence

from program.program import Rules
from reporting.kpi import DAY
from reporting.report import Report, ReportColumn, Row, checked, in_range, sort_key
from schemas.ddl import DATABASE
from warehouse.port import Warehouse

REJECTED_DIMENSIONS = ("reason", "kind", "offer", "partner", "link", "day")


def rejected_report(
    warehouse: Warehouse, rules: Rules, by: Sequence[str], from_us: int | None = None, to_us: int | None = None
) -> Report:
    """Hits that were not accepted, by any of REJECTED_DIMENSIONS, over [from, to) µs. Raises as `kpi_report`."""
    dimensions = checked(by, REJECTED_DIMENSIONS)
    within, parameters = in_range("ts", from_us, to_us)
    of = {
        "offer": "toInt64(offer_id)",
        "partner": "toInt64(partner_id)",
        "day": "toString(toDate(ts, {zone:String}))",
    }
    keys = [f"{of.get(name, f'toString({name})')} AS by_{name}" for name in dimensions]
    found = warehouse.query(
        f"SELECT {', '.join(keys)}, toInt64(count()) AS hits FROM {DATABASE}.rejected WHERE {within} "
        f"GROUP BY {', '.join(f'by_{name}' for name in dimensions)}",
        {**parameters, "zone": rules.timezone},
    )
    columns = [_REJECTED_COLUMNS[name] for name in dimensions]
    rows: list[Row] = [
        dict(zip([*(c.name for c in columns), "hits"], row, strict=True))
        for row in zip(*(column.to_pylist() for column in found.columns), strict=True)
    ]
    rows.sort(key=lambda row: sort_key(row, [c.name for c in columns]))
    hits = ReportColumn("hits", "count", "hits that were not accepted, by the time of receipt")
    return Report("rejected", (*columns, hits), tuple(rows))


_REJECTED_COLUMNS = {
    "reason": ReportColumn("reason", "text", "why, out of the closed list"),
    "kind": ReportColumn("kind", "text", "click, impression, conversion, adjustment or event"),
    "offer": ReportColumn("offer_id", "number", "offer, 0 when it is not known"),
    "partner": ReportColumn("partner_id", "number", "partner, 0 when it is not known"),
    "link": ReportColumn("link", "text", "code of the link as asked for"),
    "day": DAY,
}
