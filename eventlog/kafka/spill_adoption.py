"""Adoption of the local logs that dead processes left behind."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

from eventlog.kafka import file_slots
from eventlog.kafka.connection import KafkaConnection
from eventlog.kafka.spill import Spill
from eventlog.kafka.spill_drain import Drain
from runtime.logs import Throttled, logger

_log = Throttled(logger("eventlog"))
_INTERVAL_S = 10.0


class SpillAdoption:
    """Looks for abandoned local logs in a folder and sends their records to Kafka."""

    def __init__(
        self, folder: Path, connection: KafkaConnection, drain: Drain,
        open_spill: Callable[[file_slots.Slot], Spill], open_drain: Callable[[Spill], Drain], pause_s: float,
    ) -> None:  # fmt: skip
        """`drain` is that of the process's own spill; `pause_s` is the interval until Kafka is reached."""
        self._folder, self._connection, self._drain = folder, connection, drain
        self._open_spill, self._open_drain, self._pause_s = open_spill, open_drain, pause_s

    async def run(self) -> None:
        """Adopt files until cancelled."""
        while True:
            if self._connection.connected and not self._drain.away:
                for slot in file_slots.take_left(self._folder, "spill"):
                    try:
                        await self._send(slot)
                    except (sqlite3.Error, OSError) as error:
                        _log.error("spill_unreadable", file=slot.path.name, error=str(error))
                    finally:
                        slot.let_go()
            await asyncio.sleep(_INTERVAL_S if self._connection.connected else self._pause_s)

    async def _send(self, slot: file_slots.Slot) -> None:
        spill = self._open_spill(slot)
        drain = self._open_drain(spill)
        try:
            if spill.records:
                _log.warning("spill_adopted", file=slot.path.name, records=spill.records)
            for partition in spill.partitions():
                drain.wake(partition)
                await drain.emptied(partition)
        finally:
            await drain.close()
            await spill.close()
