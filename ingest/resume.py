"""Where to go on when committed positions are gone: after what the warehouse holds of this very log, never before."""

from eventlog.port import Partition
from schemas.ddl import DATABASE
from schemas.tables import TABLES, Source
from warehouse.port import Warehouse, scalar_of

EVENT_TABLES = tuple(t.name for t in TABLES if Source in t.structs and t.name in {
    "clicks", "impressions", "conversions", "adjustments", "rejected", "dead_letters",
})  # fmt: skip
"""Tables whose rows stand for one log record each; together they hold every offset once."""


def resume_offset(warehouse: Warehouse, partition: Partition, log_id: str) -> int:
    """The offset after the newest stored one; 0 if nothing of this log is stored."""
    newest = " UNION ALL ".join(
        f"SELECT max(_offset) + 1 AS next, count() AS n FROM {DATABASE}.{table} "
        "WHERE _log = {log:String} AND _source = {topic:String} AND _partition = {partition:UInt32}"
        for table in EVENT_TABLES
    )
    parameters = {"log": log_id, "topic": partition.topic, "partition": partition.partition}
    return int(scalar_of(warehouse.query(f"SELECT max(if(n = 0, 0, next)) FROM ({newest})", parameters)))
