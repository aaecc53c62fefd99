"""Find the position of ingest when committed positions are lost: after what the warehouse holds of this log."""

from typing import NamedTuple

from eventlog.port import Partition
from schemas.ddl import DATABASE
from schemas.tables import TABLES, Source
from warehouse.port import Warehouse, rows_of

EVENT_TABLES = tuple(t.name for t in TABLES if Source in t.structs and t.name in {
    "clicks", "impressions", "conversions", "adjustments", "rejected", "dead_letters", "skipped",
})  # fmt: skip
"""Tables with one row for each log record; together they hold every offset once."""


class Newest(NamedTuple):
    """The newest stored batch, perhaps stored in part: its first offset and its last stored offset, both inclusive."""

    lo: int
    hi: int


def newest_batch(warehouse: Warehouse, partition: Partition, log_id: str) -> Newest | None:
    """Return the newest stored batch of a log; None if nothing of it is stored.

    Tables of events are written first (ingest/writer.py), so one of them has rows if any table has.
    """
    stored = " UNION ALL ".join(
        f"SELECT _batch, _offset FROM {DATABASE}.{table} "
        "WHERE _log = {log:String} AND _source = {topic:String} AND _partition = {partition:UInt32}"
        for table in EVENT_TABLES
    )
    parameters = {"log": log_id, "topic": partition.topic, "partition": partition.partition}
    [row] = rows_of(
        warehouse.query(f"SELECT max(_batch) AS lo, max(_offset) AS hi, count() AS n FROM ({stored})", parameters)
    )
    return Newest(row["lo"], row["hi"]) if row["n"] else None
