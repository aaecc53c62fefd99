"""A worker of attribution in a process of its own, which stops itself (SIGSTOP) at one step of its first pass.

Arguments as JSON: log, warehouse (fields of the address), ends by topic (places and offsets), stop_at ("" for never).
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from attribution.live.attributor import Attributor
from attribution.live.lease import GROUP, ClaimedPass, ConsumerLease
from attribution.store.cursor import split_partition_key
from eventlog.address import KafkaLog, parse_log_address
from eventlog.open import count_shards, open_shards
from eventlog.port import Partition, Position, Record
from runtime.clock import SystemClock
from runtime.settings import AttributionSettings, ClickHouseSettings, KafkaSettings, Settings
from tests.attribution.test_live import SALE
from warehouse.address import ClickHouseServer
from warehouse.open import open_warehouse

SETTINGS = Settings(
    kafka=KafkaSettings(session_timeout_ms=1_500, request_timeout_ms=5_000),
    clickhouse=ClickHouseSettings(fsync=False),
    attribution=AttributionSettings(pass_interval_ms=50, ingest_wait_timeout_ms=1_000),
)


class Stored:
    """Observer of a log that ingest has stored to its ends."""

    deduplicated = True

    def __init__(self, ends: dict[str, dict[str, int]]) -> None:
        self._ends = {
            Partition(topic, split_partition_key(place)[1]): (split_partition_key(place)[0], end)
            for topic, places in ends.items()
            for place, end in places.items()
        }

    async def partitions(self) -> Sequence[Partition]:
        return sorted(self._ends)

    async def log_id(self, partition: Partition) -> str:
        return self._ends[partition][0]

    async def begin(self, partition: Partition) -> int:
        return 0

    async def end(self, partition: Partition) -> int:
        return self._ends[partition][1]

    async def committed(self, partition: Partition) -> Position | None:
        return Position(self._ends[partition][1])

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> Sequence[Record]:
        raise NotImplementedError

    async def commit(self, partition: Partition, position: Position) -> None:
        raise NotImplementedError

    async def trim(self) -> int:
        return 0

    async def close(self) -> None:
        """Nothing to let go of."""


class Stops:
    """SIGSTOP of this very process at one step, once."""

    def __init__(self, step: str) -> None:
        self._step = step

    def at(self, step: str) -> None:
        if step == self._step:
            self._step = ""
            os.kill(os.getpid(), signal.SIGSTOP)


class StoppingLease(ConsumerLease):
    stops: Stops

    async def claim(self, shard: int, claimed: ClaimedPass, after: ClaimedPass | None) -> None:
        self.stops.at("before the claim")
        await super().claim(shard, claimed, after)
        self.stops.at("after the claim")


async def main(asked: dict[str, Any]) -> None:
    log, stops, clock = parse_log_address(asked["log"]), Stops(asked["stop_at"]), SystemClock()
    assert isinstance(log, KafkaLog)
    warehouse = open_warehouse(ClickHouseServer(**asked["warehouse"]), SETTINGS)
    insert = warehouse.insert

    def inserting(table: str, rows: pa.Table, token: str) -> None:
        stops.at(f"before {table}")
        insert(table, rows, token)
        stops.at(f"after {table}")

    warehouse.insert = inserting  # type: ignore[method-assign]
    member = open_shards(log, GROUP, SETTINGS, clock)
    lease = StoppingLease(member, await count_shards(log, SETTINGS, clock))
    lease.stops = stops
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    attributor = Attributor(warehouse, Stored(asked["ends"]), lambda: SALE, clock, SETTINGS.attribution, lease)
    await attributor.follow(stop)
    await member.close()
    warehouse.close()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
