"""The one owner of the warehouse: ingest and attribution over it, and the answers that need it.

`clew serve` runs it in a process of its own; commands open it in theirs when nothing else has the directory.
"""

import asyncio
import contextlib
from collections.abc import Callable
from importlib.metadata import version

from attribution.live import Attributor
from attribution.programs import Programs
from clew.datadir import DataDir
from eventlog.open import open_consumer
from eventlog.port import Consumer, LogUnavailable, Partition
from ingest.enrich import Enricher
from ingest.geo import open_geo
from ingest.loop import GROUP, Ingest
from runtime.clock import Clock
from runtime.logs import logger
from runtime.settings import Settings
from schemas.program import Program
from warehouse.open import open_warehouse
from warehouse.port import Warehouse

_log = logger("engine")
_TRIM_INTERVAL_S = 60.0
READS_AT_ONCE_MAX = 2
CODE_VERSION = version("clew")


class Engine:
    """Ingest and attribution of one data directory. Build it with `open_engine`."""

    def __init__(
        self, directory: DataDir, settings: Settings, program: Program, clock: Clock, warehouse: Warehouse
    ) -> None:
        self.directory, self.settings, self.clock, self.warehouse = directory, settings, clock, warehouse
        self.consumer: Consumer = open_consumer(directory.log, GROUP, settings.eventlog, clock)
        enricher = Enricher(open_geo(settings.ingest.geo_database), settings.ingest.user_agent_cache_max)
        self._program = program
        self.ingest = Ingest(self.consumer, warehouse, enricher, settings.ingest, clock, CODE_VERSION)
        self.attributor = Attributor(warehouse, self.consumer, lambda: self._program, clock, settings.attribution)
        self._stopping = asyncio.Event()
        self.reading = asyncio.Semaphore(READS_AT_ONCE_MAX)
        """Held by whoever reads for a person."""

    @property
    def program(self) -> Program:
        """The program in force; conversions that are priced for the first time get it."""
        return self._program

    async def use_program(self, program: Program) -> None:
        """Keep a program in the warehouse, then put it in force."""
        await asyncio.to_thread(Programs(self.warehouse).keep, program, self.clock.now_us())
        self._program = program

    async def recover(self) -> None:
        """Finish what a crash left half done. Must be awaited before anything else."""
        await self.use_program(self._program)
        await self.attributor.recover()

    async def run(self) -> None:
        """Ingest, attribute and trim until `stop`; whichever fails ends all of them."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.ingest.run())
            tasks.create_task(self._attribute())
            tasks.create_task(self._trim())

    def stop(self) -> None:
        """Ask `run` to return."""
        self.ingest.stop()
        self._stopping.set()

    async def _attribute(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.attributor.follow(self._stopping)
            except LogUnavailable as error:
                _log.error("log_unavailable", error=str(error))
                await self._pause(1.0)

    async def _trim(self) -> None:
        while not self._stopping.is_set():
            await self._pause(_TRIM_INTERVAL_S)
            try:
                await self.consumer.trim()
            except LogUnavailable as error:
                _log.error("trim_failed", error=str(error))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def ends(self) -> dict[Partition, tuple[str, int]]:
        """Identity and end of every partition, now."""
        found = {}
        for partition in await self.consumer.partitions():
            found[partition] = (await self.consumer.log_id(partition), await self.consumer.end(partition))
        return found

    async def drain(self) -> None:
        """Store and attribute all that the log holds; for when no loop runs."""
        await self.ingest.catch_up()
        await self.attributor.catch_up(self.settings.serve.engine_stop_timeout_s)

    async def settle(self, timeout_s: float, progress: Callable[[str], None] = lambda _: None) -> bool:
        """Wait until all that is in the log now is stored and attributed; False when time ran out.

        Works beside a running `run`, and without one if `drain` was awaited before.
        """
        deadline_s = self.clock.monotonic_s() + timeout_s
        ends = await self.ends()
        while missing := await self._not_ingested(ends):
            progress(f"{missing} records to ingest")
            if self.clock.monotonic_s() >= deadline_s:
                return False
            await asyncio.sleep(0.05)
        return await self.attributor.catch_up(max(0.1, deadline_s - self.clock.monotonic_s()))

    async def _not_ingested(self, ends: dict[Partition, tuple[str, int]]) -> int:
        missing = 0
        for partition, (log_id, end) in ends.items():
            if not end or await self.consumer.log_id(partition) != log_id:
                continue
            position = await self.consumer.committed(partition)
            missing += max(0, end - (position.offset if position is not None else 0))
        return missing

    async def close(self) -> None:
        """Let go of the directory."""
        await self.consumer.close()
        await asyncio.to_thread(self.warehouse.close)


def open_engine(directory: DataDir, settings: Settings, program: Program, clock: Clock) -> Engine:
    """Open the directory. Raises WarehouseBusy when another process has it, MigrationError, LogUnavailable."""
    warehouse = open_warehouse(directory.warehouse, settings.chdb)
    try:
        return Engine(directory, settings, program, clock, warehouse)
    except BaseException:
        warehouse.close()
        raise
