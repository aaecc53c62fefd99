"""The embedded log's producer: one file per worker for records without dedup keys, one per topic for the others.

Partition 0 of each topic is the shared file; partition w + 1 of `hits` belongs to worker w.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from eventlog.port import Appended, AppendResult, DedupRule, Partition
from eventlog.sqlite.writer import SqliteWriter
from runtime.clock import Clock
from runtime.settings import LogSettings
from schemas.events import CONVERSIONS, HITS, TOPICS


class SqliteProducer:
    """Producer of one edge process."""

    def __init__(self, folder: Path, worker: int, settings: LogSettings, clock: Clock, rule: DedupRule) -> None:
        self._shared = {t: SqliteWriter(folder, Partition(t, 0), settings, clock, rule) for t in TOPICS}
        own = SqliteWriter(folder, Partition(HITS, worker + 1), settings, clock, rule)
        self._own = {HITS: own, CONVERSIONS: self._shared[CONVERSIONS]}

    async def append(self, topic: str, key: bytes, values: Sequence[bytes]) -> Sequence[Appended]:
        return await self._own[topic].append(values)

    async def decide(
        self, topic: str, values: Sequence[bytes], *, keys: Sequence[bytes], dry_run: bool = False
    ) -> Sequence[AppendResult]:
        return await self._shared[topic].decide(values, dry_run)

    async def unhealthy_reason(self) -> str | None:
        """Probe each failing writer with an empty append, which shows whether it works again."""
        for writer in self._writers():
            if writer.damaged:
                return writer.trouble
            if writer.trouble:
                try:
                    await writer.append(())
                except Exception as error:  # noqa: BLE001 - any failure is the reason
                    return str(error)
        return None

    def degraded_reason(self) -> str | None:
        return None

    async def close(self) -> None:
        await asyncio.gather(*(writer.close() for writer in self._writers()))

    def _writers(self) -> list[SqliteWriter]:
        return list({id(w): w for w in (*self._shared.values(), *self._own.values())}.values())
