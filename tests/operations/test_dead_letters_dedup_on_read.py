"""A dead letter of a log whose readers rule comes back once, however often it is sent again."""

import asyncio

import msgspec

from eventlog.port import Partition
from operations.dead_letters import DeadRecord, with_replayed
from tests.ingest.dedup_on_read import appends, log_with, stored
from tests.ingest.ingest_fixture import BAD, SALES_0, ingest_of
from tests.schemas.samples import conversion, wire
from warehouse.port import Warehouse


def test_a_replay_comes_back_once(warehouse: Warehouse) -> None:
    made = {SALES_0: [(BAD, appends(1, 2)[SALES_0][0][1])]}
    log = log_with(made)
    asyncio.run(ingest_of(log, warehouse).catch_up())
    log_id = log.log_ids[SALES_0]
    letter = DeadRecord(log_id, "conversions", 0, 0, "was unknown", wire(conversion("t")))
    assert with_replayed(warehouse, [letter]) == [letter]
    for _ in range(3):
        log.put(Partition(letter.source, letter.partition), letter.value, letter.append_id())
    asyncio.run(ingest_of(log, warehouse).catch_up())
    assert stored(warehouse, SALES_0, log_id) == {
        0: ["dead_letters"],
        1: ["conversions"],
        2: ["skipped"],
        3: ["skipped"],
    }
    other = msgspec.structs.replace(letter, offset=1)
    assert [one.replayed for one in with_replayed(warehouse, [letter, other])] == [True, False]
    assert with_replayed(warehouse, []) == []
