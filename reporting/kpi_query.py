"""Queries of the KPI report: sums of one table by dimensions, over a range, with filters.

A conversion takes link, country and the like from the touches that its credits name. A commission names no touch: it is
divided among the touches of its partner in proportion to their weights under the plan's model, in whole minor units, so
that the parts add up to the commission.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from reporting.dimensions import DIMENSION, Of
from reporting.only import Only
from reporting.report import Value, in_range
from runtime.user_error import ReportError
from schemas.ddl import DATABASE
from warehouse.port import Warehouse

Group = tuple[Value, ...]
GROUPS_MAX = 500_000
"""Most rows of a report; more would fill the memory of the engine."""
TOO_MANY_ROWS = (
    f"the report would have more than {GROUPS_MAX:,} rows; take a shorter period, fewer dimensions, or a filter"
)
_LIVE = "run_id = 'live'"


@dataclass(frozen=True, slots=True)
class KpiQuery:
    """Query for sums of one table by the dimensions, over the range."""

    warehouse: Warehouse
    timezone: str
    dimensions: tuple[str, ...]
    from_us: int | None
    to_us: int | None
    only: Only
    filters: Mapping[str, Sequence[str]]

    def touches(self, table: str, selected: Sequence[str]) -> list[tuple[Group, tuple[Any, ...]]]:
        """Sum clicks or impressions."""
        return self._rows(f"SELECT * FROM {DATABASE}.{table} WHERE {self._where('ts')}", "ts", Of.TOUCH, selected)

    def credits(self, selected: Sequence[str], also_by: Sequence[str]) -> list[tuple[Group, tuple[Any, ...]]]:
        """Sum the credits of the model that pays."""
        within = f"{self._where('event_ts')} AND {_LIVE} AND paying = 1"
        columns, joins = ["c.*"], ""
        if self._uses("goal"):
            columns.append("g.goal AS goal")
            goals = f"SELECT conversion_id, goal FROM {DATABASE}.conversions WHERE {self._range('event_ts')}"
            joins += f" LEFT ANY JOIN ({goals}) AS g ON g.conversion_id = c.conversion_id"
        if self._touch_names():
            columns += [f"t.{name} AS {name}" for name in self._touch_names()]
            joins += f" LEFT ANY JOIN ({self._touched(within)}) AS t ON t.touch_id = c.touch_id"
        source = f"SELECT {', '.join(columns)} FROM (SELECT * FROM {DATABASE}.credits WHERE {within}) AS c{joins}"
        return self._rows(source, "event_ts", Of.CONVERSION, selected, also_by)

    def commissions(self) -> list[tuple[Group, tuple[Any, ...]]]:
        """Sum net commissions by currency."""
        where = self._where("event_ts")
        keys = "conversion_id, partner_id, model, offer_id, goal, conversion_status, currency, event_ts"
        source = (
            f"SELECT {keys}, conversion_status AS status, sum(toInt128(amount_minor)) AS amount "
            f"FROM {DATABASE}.commissions WHERE {where} GROUP BY {keys} HAVING amount != 0"
        )
        if names := self._touch_names():
            of = "conversion_id, partner_id, model"
            within = f"{where} AND {_LIVE}"
            weights = (
                f"SELECT {of}, touch_id, weight, toInt128(sum(weight) OVER (PARTITION BY {of})) AS whole, "
                f"toInt128(sum(weight) OVER (PARTITION BY {of} ORDER BY touch_id ROWS UNBOUNDED PRECEDING)) AS upto "
                f"FROM (SELECT {of}, touch_id, sum(sign * weight_e12) AS weight FROM {DATABASE}.credits WHERE {within} "
                f"GROUP BY {of}, touch_id HAVING weight > 0)"
            )
            part = (
                "if(w.whole = 0, k.amount, intDiv(k.amount * w.upto, if(w.whole = 0, toInt128(1), w.whole)) - "
                "intDiv(k.amount * (w.upto - w.weight), if(w.whole = 0, toInt128(1), w.whole)))"
            )
            plain = ", ".join(
                f"k.{name} AS {name}" for name in ("partner_id", "offer_id", "goal", "status", "event_ts")
            )
            source = (
                f"SELECT {plain}, k.currency AS currency, {part} AS amount, "
                f"{', '.join(f't.{name} AS {name}' for name in names)} FROM ({source}) AS k "
                f"LEFT JOIN ({weights}) AS w ON w.conversion_id = k.conversion_id AND w.partner_id = k.partner_id "
                f"AND w.model = k.model LEFT ANY JOIN ({self._touched(within)}) AS t ON t.touch_id = w.touch_id"
            )
        return self._rows(source, "event_ts", Of.CONVERSION, ["toString(sum(amount))"], ["currency"])

    def _rows(
        self, source: str, ts: str, of: Of, selected: Sequence[str], also_by: Sequence[str] = ()
    ) -> list[tuple[Group, tuple[Any, ...]]]:
        """Group the rows of a source by the dimensions, and by further columns, which come before the sums."""
        keys = [f"{self._sql(name, ts, of)} AS by_{name}" for name in self.dimensions]
        parameters = {**self._parameters(), "zone": self.timezone}
        conditions = ["1"]
        for name, values in self.filters.items():
            conditions.append(f"toString({self._sql(name, ts, of)}) IN {{where_{name}:Array(String)}}")
            parameters[f"where_{name}"] = list(values)
        sums: pa.Table = self.warehouse.query(
            f"SELECT {', '.join([*keys, *also_by, *selected])} FROM ({source}) WHERE {' AND '.join(conditions)} "
            f"GROUP BY {', '.join([*(f'by_{name}' for name in self.dimensions), *also_by])} LIMIT {GROUPS_MAX + 1}",
            parameters,
        )
        if sums.num_rows > GROUPS_MAX:
            raise ReportError(TOO_MANY_ROWS)
        count = len(self.dimensions)
        columns = [column.to_pylist() for column in sums.columns]
        return [(row[:count], row[count:]) for row in zip(*columns, strict=True)]

    def _sql(self, name: str, ts: str, of: Of) -> str:
        """Return the expression of a dimension over rows of a kind."""
        if name == "total":
            return "1"
        dimension = DIMENSION[name]
        if dimension.of is Of.ALL:
            return dimension.sql.format(ts=ts)
        if dimension.of is of:
            return dimension.sql
        return f"toString({name})" if dimension.of is Of.TOUCH else "''"

    def _touched(self, within: str) -> str:
        """Return the touches that credits name, with the values that the report uses."""
        values = ", ".join(f"{DIMENSION[name].sql} AS {name}" for name in self._touch_names())
        named = f"SELECT touch_id FROM {DATABASE}.credits WHERE {within}"
        return " UNION ALL ".join(
            f"SELECT {key} AS touch_id, {values} FROM {DATABASE}.{table} WHERE {key} IN ({named})"
            for table, key in (("clicks", "click_id"), ("impressions", "impression_id"))
        )

    def _touch_names(self) -> list[str]:
        return [name for name, one in DIMENSION.items() if one.of is Of.TOUCH and self._uses(name)]

    def _uses(self, name: str) -> bool:
        return name in self.dimensions or name in self.filters

    def _range(self, ts: str) -> str:
        return f"({in_range(ts, self.from_us, self.to_us)[0]})"

    def _where(self, ts: str) -> str:
        return f"{self._range(ts)} AND ({self.only.where})"

    def _parameters(self) -> dict[str, Any]:
        return {**in_range("ts", self.from_us, self.to_us)[1], **self.only.parameters}
