"""The time that a read is as of: data received later is left out. Pure."""

from dataclasses import dataclass
from typing import Any

from schemas.ddl import DATABASE

Parameters = dict[str, Any]

TS_MAX = 10_413_791_999_999_999
"""Latest timestamp of the engine, µs."""

_INSTANT = "fromUnixTimestamp64Micro({as_of:Int64}, 'UTC')"
_LATE_IDS = (
    f"SELECT click_id FROM {DATABASE}.clicks WHERE received_ts > {_INSTANT} "
    f"UNION ALL SELECT impression_id FROM {DATABASE}.impressions WHERE received_ts > {_INSTANT}"
)


@dataclass(frozen=True, slots=True)
class AsOf:
    """A time in µs since 1970, or None for everything that is stored now. Conditions are SQL to be joined by AND."""

    us: int | None = None

    @property
    def parameters(self) -> Parameters:
        """Parameters of the conditions."""
        return {} if self.us is None else {"as_of": min(self.us, TS_MAX)}

    @property
    def received(self) -> str:
        """Condition that a conversion, an adjustment or a pass was stored by then."""
        return self._not_after("ts")

    @property
    def touch_received(self) -> str:
        """Condition that a touch was received by then."""
        return "1" if self.us is None else f"touch_id NOT IN ({_LATE_IDS})"

    @property
    def touch_happened(self) -> str:
        """Condition that a touch happened by then, and was received by then."""
        return f"{self._not_after('ts')} AND {self.touch_received}"

    def _not_after(self, column: str) -> str:
        return "1" if self.us is None else f"{column} <= {_INSTANT}"


NOW = AsOf()
"""Everything that is stored now."""
