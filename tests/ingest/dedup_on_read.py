"""A log that its producers do not deduplicate, and a plain record-by-record model of the expected rows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from eventlog.memory import MemoryLog
from eventlog.port import AppendId, Partition
from schemas.ddl import DATABASE
from schemas.dedup import rules
from schemas.events import HITS, Adjustment, Given, Kind, Touch
from schemas.wire import decode
from tests.ingest.ingest_fixture import BAD, EVENT_TABLES, HITS_0, SALES_0
from tests.schemas.samples import conversion, refund, rejected, status, touch, wire
from warehouse.port import Warehouse

Appends = dict[Partition, list[tuple[bytes, AppendId]]]
TABLE_OF = {
    Kind.CLICK: "clicks", Kind.IMPRESSION: "impressions", Kind.CONVERSION: "conversions",
    Kind.ADJUSTMENT: "adjustments", Kind.REJECTED: "rejected",
}  # fmt: skip


@dataclass
class Origin:
    """A process that appends; `again` sends what it sent before once more, as after a lost answer."""

    name: bytes
    random: Random
    sent: dict[Partition, list[tuple[bytes, AppendId]]] = field(default_factory=lambda: defaultdict(list))

    def append(self, partition: Partition, value: bytes, *, spilled: bool = False) -> tuple[bytes, AppendId]:
        append_id = AppendId(self.name, len(self.sent[partition]), spilled)
        self.sent[partition].append((value, append_id))
        return value, append_id

    def again(self, partition: Partition) -> tuple[bytes, AppendId]:
        return self.random.choice(self.sent[partition])


def hits_of(random: Random) -> bytes:
    """Clicks, lines whose ids come again, with the same content or with other, and what is no event."""
    n = random.randrange(10**9)
    return random.choice(
        [
            wire(touch(n, visitor_id=f"v{n % 5}")),
            wire(touch(n)),
            wire(touch(n, ref=f"a{n % 4}", partner_id=7 + n % 2, ts=0)),
            wire(touch(n, ref=f"a{n % 4}", ts=0), Kind.IMPRESSION),
            wire(rejected(link=f"l{n}")),
            BAD,
        ]
    )


def sales_of(random: Random) -> bytes:
    """Few keys, so that nearly everything meets something: amounts, statuses, refunds, lines."""
    txn, n = f"t{random.randrange(5)}", random.randrange(3)
    key = conversion(txn).conversion_id
    line = f"c{random.randrange(6)}"
    return random.choice(
        [
            wire(conversion(txn)),
            wire(conversion(txn, amount_minor=750 + n % 2)),
            wire(conversion(txn, ref=line)),
            wire(conversion(txn, status="declined", given=Given.STATUS)),
            wire(status(key, ("pending", "hold", "declined")[n])),
            wire(refund(key, f"r{n}", 10_000 * n or -1)),
            wire(refund(key, "", 20_000, ref=line, currency="USD", adjustment_id=rules.line_key("adjustment", line))),
            wire(conversion(txn, currency="XXQ", given=0)),
            BAD,
        ]
    )


def appends(seed: int, count: int, partitions: Iterable[Partition] = (HITS_0, SALES_0)) -> Appends:
    """Make the appends of three processes, interleaved; every fifth record is a repeat."""
    random = Random(seed)
    made: Appends = {}
    for partition in partitions:
        origins = [Origin(random.randbytes(16), random) for _ in range(3)]
        records = made.setdefault(partition, [])
        while len(records) < count:
            origin = random.choice(origins)
            if origin.sent[partition] and random.random() < 0.2:
                records.append(origin.again(partition))
            else:
                value = hits_of(random) if partition.topic == HITS else sales_of(random)
                late = origin.append(partition, value, spilled=random.random() < 0.3)
                # What one process sends may come late by a place or two, when another sender drains its spill.
                records.insert(max(0, len(records) - random.choice((0, 0, 0, 1, 2))), late)
    return made


def log_with(made: Appends) -> MemoryLog:
    """A log that holds them."""
    log = MemoryLog(
        deduplicated=False, hits_partitions=1 + max((p.partition for p in made if p.topic == HITS), default=0)
    )
    for partition, records in made.items():
        for value, append_id in records:
            log.put(partition, value, append_id)
    return log


@dataclass
class Expected:
    """The expected table of each offset, verdicts of skipped records, and final states of keys."""

    table: dict[int, str] = field(default_factory=dict)
    verdict: dict[int, str] = field(default_factory=dict)
    values: dict[int, bytes] = field(default_factory=dict)
    claims: list[tuple[int, bytes, bytes]] = field(default_factory=list)


def expected(records: list[tuple[bytes, AppendId]], states: dict[bytes, bytes] | None = None) -> Expected:
    """The contract, one record after the other."""
    states = {} if states is None else states
    told, seen = Expected(), set[tuple[bytes, int]]()
    for offset, (value, append_id) in enumerate(records):
        if (append_id.origin, append_id.sequence) in seen:
            told.table[offset], told.verdict[offset] = "skipped", "repeat"
            continue
        seen.add((append_id.origin, append_id.sequence))
        try:
            kind, event = decode(value)
            claims_a_key = kind is not Kind.REJECTED and bool(not isinstance(event, Touch) or event.ref)
            decision = rules.decide(states.get, value) if claims_a_key else rules.Decision("accepted", value)
        except ValueError:
            told.table[offset] = "dead_letters"
            continue
        states.update(decision.puts)
        told.claims += [(offset, key, state) for key, state in decision.puts.items()]
        if decision.record is not None:
            told.table[offset], told.values[offset] = TABLE_OF[decode(decision.record)[0]], decision.record
        elif decision.verdict != "duplicate" and (append_id.spilled or isinstance(event, Touch)):
            told.table[offset] = "rejected"
        else:
            told.table[offset], told.verdict[offset] = "skipped", decision.verdict
    return told


def column(warehouse: Warehouse, what: str, table: str, partition: Partition, log_id: str) -> list[Any]:
    """A column, or a tuple of several, of the rows from a partition, by offset."""
    sql = (
        f"SELECT {what} FROM {DATABASE}.{table} WHERE _log = {{log:String}} AND _source = {{topic:String}} "
        "AND _partition = {number:UInt32} ORDER BY _offset"
    )
    parameters = {"log": log_id, "topic": partition.topic, "number": partition.partition}
    found = warehouse.query(sql, parameters).column(0).to_pylist()
    return [tuple(value.values()) if isinstance(value, dict) else value for value in found]


def stored(warehouse: Warehouse, partition: Partition, log_id: str) -> dict[int, list[str]]:
    """Tables of each offset."""
    found: dict[int, list[str]] = defaultdict(list)
    for table in EVENT_TABLES:
        for offset in column(warehouse, "_offset", table, partition, log_id):
            found[offset].append(table)
    return dict(found)


def check(warehouse: Warehouse, log: MemoryLog, made: Appends, before: dict[bytes, bytes] | None = None) -> None:
    """Every record stands where it must, once; claims, verdicts, amounts and ranges of appends are as told.

    `before` are the states that logs before this one left.
    """
    for partition, records in made.items():
        told, place = expected(records, dict(before or {})), (partition, log.log_ids[partition])
        assert stored(warehouse, *place) == {offset: [table] for offset, table in told.table.items()}
        assert dict(column(warehouse, "(_offset, verdict)", "skipped", *place)) == told.verdict
        claimed = column(warehouse, "(_offset, hex(key), hex(state))", "claims", *place)
        assert sorted(claimed) == sorted((at, key.hex().upper(), state.hex().upper()) for at, key, state in told.claims)
        taken = {at: decode(value)[1] for at, value in told.values.items() if told.table[at] == "adjustments"}
        amounts = {at: event.amount_e4 for at, event in taken.items() if isinstance(event, Adjustment)}
        assert dict(column(warehouse, "(_offset, amount_e4)", "adjustments", *place)) == amounts
        _check_ranges(column(warehouse, "(hex(origin), first, last, _offset)", "origins", *place), records)


def _check_ranges(rows: list[Any], records: list[tuple[bytes, AppendId]]) -> None:
    """All sequences are in one range each, and each range stands at a record of its own."""
    covered = []
    for origin, first, last, offset in rows:
        covered += [(origin, number) for number in range(first, last + 1)]
        append_id = records[offset][1]
        assert append_id.origin.hex().upper() == origin and first <= append_id.sequence <= last
    assert sorted(covered) == sorted({(append_id.origin.hex().upper(), append_id.sequence) for _, append_id in records})
