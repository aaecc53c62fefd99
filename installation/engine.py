"""An installation, opened: its warehouse and its log to answer from, and the workers that this process runs.

On one machine a single process owns the warehouse, so it ingests, attributes and answers. On servers each of these
may be a separate process, any number of times; a command is then an engine without workers.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Iterator
from enum import Enum
from importlib.metadata import version

from attribution.live.attributor import Attributor
from attribution.live.lease import GROUP as ATTRIBUTION_GROUP
from attribution.live.lease import ClaimedPass, ConsumerLease
from attribution.store.programs import Programs, newest_program
from eventlog.address import KafkaLog, LogAddress
from eventlog.open import count_shards, open_consumer, open_observer, open_shards, open_shards_observer
from eventlog.port import Consumer, LogUnavailable
from ingest.enrich import Enricher
from ingest.geo import open_geo
from ingest.loop import GROUP, Ingest
from installation.address import InstallationAddress
from installation.progress import Progress
from program.program import Program, Secrets, from_canonical
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import Settings
from runtime.user_error import NO, TIMED_OUT, UNREACHABLE, UserError, first_line
from warehouse.chdb import WarehouseBusy
from warehouse.migrate import MigrationError, check_migrated
from warehouse.open import open_warehouse
from warehouse.port import Warehouse, WarehouseError

_log = Throttled(logger("engine"))
_TRIM_INTERVAL_S = 60.0
_RETRY_PAUSE_S = 1.0
READS_AT_ONCE_MAX = 2
CODE_VERSION = version("clew")


class NotPrepared(Exception):
    """The log lacks its topics."""


class Worker(Enum):
    """Work that an engine does besides answering requests."""

    INGEST = "ingest"
    ATTRIBUTION = "attribution"


ALL_WORKERS = frozenset(Worker)


@contextlib.contextmanager
def trouble_as_user_error(place: InstallationAddress) -> Iterator[None]:
    """Turn an error of opening an installation into a UserError with an exit code."""
    try:
        yield
    except (WarehouseBusy, MigrationError, NotPrepared, LogUnavailable, WarehouseError, OSError) as error:
        raise UserError(f"{place} cannot be opened: {first_line(error)}", UNREACHABLE) from error


class Engine:
    """One installation. Build it with `open_engine`."""

    def __init__(
        self,
        place: InstallationAddress,
        settings: Settings,
        program: Program | None,
        clock: Clock,
        warehouse: Warehouse,
        observer: Consumer,
        shards: int,
    ) -> None:
        self.place, self.settings, self.clock = place, settings, clock
        self.warehouse, self.observer = warehouse, observer
        self.progress = Progress(warehouse, observer, clock, shards)
        self.ingest: Ingest | None = None
        self.attributor: Attributor | None = None
        self._program = program
        self.program_given = True
        """True if the current program came from a file, not from the warehouse."""
        self._members: list[Consumer] = []
        self._stopping = asyncio.Event()
        self.trimming = asyncio.Lock()
        """Lock of every task that drops old records of the log, or needs all of them to stay."""
        self.reading = asyncio.Semaphore(READS_AT_ONCE_MAX)
        """Limits the reports and queries that run at once."""

    @property
    def program(self) -> Program:
        """Current program; conversions are priced with it when they are first credited. Raises UserError."""
        if self._program is None:
            raise UserError("no program was loaded yet; give --program FILE", NO)
        return self._program

    async def use_program(self, program: Program) -> None:
        """Store a program as the newest in the warehouse, then make it the current one."""
        await asyncio.to_thread(Programs(self.warehouse).load, program, self.clock.now_us())
        self._program = program

    async def check(self) -> str:
        """ "" when log and warehouse answer, otherwise one sentence why not."""
        if self.ingest is not None and self.ingest.trouble:
            return f"ingest cannot read the log: {self.ingest.trouble}"
        try:
            if not self.place.on_servers:  # the embedded warehouse is this process
                for partition in await self.observer.partitions():
                    await self.observer.end(partition)
            await asyncio.to_thread(self.warehouse.query, "SELECT 1 AS one")
            await self.observer.partitions()
        except WarehouseError as error:
            return f"the warehouse does not answer: {str(error).splitlines()[0][:300]}"
        except LogUnavailable as error:
            return str(error)
        return ""

    async def take_work(self, roles: Iterable[Worker]) -> None:
        """Start the given workers. Raises LogUnavailable."""
        settings, log = self.settings, self.place.log
        if Worker.INGEST in roles:
            member = self.observer
            if isinstance(log, KafkaLog):
                member = self._own(open_consumer(log, GROUP, settings, self.clock))
            self.ingest = self._new_ingest(member)
        if Worker.ATTRIBUTION in roles:
            lease = None
            if isinstance(log, KafkaLog):
                shards = self._own(open_shards(log, ATTRIBUTION_GROUP, settings, self.clock))
                lease = ConsumerLease(shards, self.progress.shards)
            self.attributor = Attributor(
                self.warehouse, self.observer, lambda: self.program, self.clock, settings.attribution, lease
            )

    def _own(self, consumer: Consumer) -> Consumer:
        self._members.append(consumer)
        return consumer

    def _new_ingest(self, member: Consumer) -> Ingest:
        settings = self.settings.ingest
        if isinstance(self.place.log, KafkaLog):
            settings = settings.model_copy(update={"batch_age_max_ms": self.settings.kafka.batch_age_max_ms})
        return Ingest(member, self.warehouse, self.new_enricher(), settings, self.clock, CODE_VERSION)

    def new_enricher(self) -> Enricher:
        settings = self.settings.ingest
        return Enricher(open_geo(settings.geo_database), settings.user_agent_cache_max)

    async def claimed_passes(self) -> dict[int, ClaimedPass | None]:
        """Return the last claimed pass of each shard; nothing on one machine. Raises LogUnavailable."""
        if not isinstance(self.place.log, KafkaLog):
            return {}
        shards = open_shards_observer(self.place.log, ATTRIBUTION_GROUP, self.settings, self.clock)
        try:
            lease = ConsumerLease(shards, self.progress.shards)
            return {shard: await lease.last_claim(shard) for shard in range(self.progress.shards)}
        finally:
            await shards.close()

    async def recover(self) -> None:
        """Finish work that a crash interrupted. Must be awaited before anything else."""
        if self.attributor is not None:
            if self.program_given:  # one read from the warehouse may have been replaced meanwhile
                await self.use_program(self.program)
            await self.attributor.recover()

    async def run(self) -> None:
        """Ingest, attribute and trim until `stop`; a failure of one ends all of them."""
        async with asyncio.TaskGroup() as tasks:
            if self.ingest is not None:
                tasks.create_task(self._ingest())
            if self.attributor is not None:
                tasks.create_task(self._attribute())
            tasks.create_task(self._trim())

    def stop(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()
        if self.ingest is not None:
            self.ingest.stop()

    async def _ingest(self) -> None:
        assert self.ingest is not None
        await self.ingest.run()

    async def _attribute(self) -> None:
        assert self.attributor is not None
        while not self._stopping.is_set():
            try:
                await self.attributor.follow(self._stopping)
            except LogUnavailable as error:
                _log.error("log_unavailable", error=str(error))
                await self._pause(_RETRY_PAUSE_S)

    async def _trim(self) -> None:
        while not self._stopping.is_set():
            await self._pause(_TRIM_INTERVAL_S)
            try:
                async with self.trimming:
                    await self.observer.trim()
            except LogUnavailable as error:
                _log.error("trim_failed", error=str(error))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def drain(self) -> None:
        """Store and attribute all records of an embedded log while no loop runs; on servers other workers do."""
        if not self.place.on_servers and self.ingest is not None and self.attributor is not None:
            await self.ingest.catch_up()
            await self.attributor.catch_up(self.settings.serve.engine_stop_timeout_s)

    async def settle(self, timeout_s: float) -> bool:
        """Wait until all records now in the log are stored and attributed by any worker; False at the timeout.

        Works while `run` is running; on one machine also without it, if `drain` was awaited before.
        """
        deadline_s = self.clock.monotonic_s() + timeout_s
        ends = await self.progress.ends()
        if not await self.progress.wait_ingested(ends, deadline_s):
            return False
        if self.attributor is not None and not self.place.on_servers:
            return await self.attributor.catch_up(max(0.1, deadline_s - self.clock.monotonic_s()))
        return await self.progress.wait_attributed(ends, deadline_s)

    async def catch_up(self, timeout_s: float = 600, *, running: bool = False, wait: bool = False) -> None:
        """Attribute every record now in the log. Raises UserError if the timeout passes first.

        `running`: this engine's own loops do the work. `wait`: only wait for the workers of the other processes.
        """
        if running:
            done = await self.settle(timeout_s)
        elif self.place.on_servers:
            done = await (self.settle(timeout_s) if wait else self.help_until_settled(timeout_s))
        else:
            await self.drain()
            done = await self.settle(timeout_s)
        if not done:
            raise UserError("not everything was attributed in time; see `clew problems`", TIMED_OUT)

    async def help_until_settled(self, timeout_s: float) -> bool:
        """Work, alone or alongside running workers, until all records now in the log are attributed."""
        working = asyncio.create_task(self.run())
        settled = asyncio.create_task(self.settle(timeout_s))
        try:
            await asyncio.wait((working, settled), return_when=asyncio.FIRST_COMPLETED)
            self.stop()
            await _one_error_of(working)  # raises the error of a failed worker
            return await settled
        finally:
            settled.cancel()

    async def close(self) -> None:
        """Close log and warehouse."""
        for consumer in (*self._members, self.observer):
            await consumer.close()
        await asyncio.to_thread(self.warehouse.close)


async def _one_error_of(working: Awaitable[None]) -> None:
    """Await a group of tasks; raise a failure of log or warehouse as itself if there was no other error."""
    try:
        await working
    except ExceptionGroup as group:
        known, others = group.split((LogUnavailable, WarehouseError))
        if known is None or others is not None:
            raise
        raise known.exceptions[0] from None


async def open_engine(
    place: InstallationAddress,
    settings: Settings,
    program: Program | None,
    clock: Clock,
    roles: Iterable[Worker] = ALL_WORKERS,
) -> Engine:
    """Open an installation; without a program, use the newest one in the warehouse.

    Raises WarehouseBusy when another process has the directory, MigrationError, NotPrepared, WarehouseError,
    LogUnavailable.
    """
    warehouse = open_warehouse(place.warehouse, settings)
    observer: Consumer | None = None
    try:
        if place.on_servers:
            await asyncio.to_thread(check_migrated, warehouse)
        in_force = program or await asyncio.to_thread(_newest, warehouse)
        shards = await _count_shards(place.log, settings, clock)
        observer = open_observer(place.log, GROUP, settings, clock)
        engine = Engine(place, settings, in_force, clock, warehouse, observer, shards)
        engine.program_given = program is not None
        await engine.take_work(roles)
    except BaseException:
        if observer is not None:
            await observer.close()
        warehouse.close()
        raise
    return engine


async def _count_shards(log: LogAddress, settings: Settings, clock: Clock) -> int:
    if not isinstance(log, KafkaLog):
        return 1
    shards = await count_shards(log, settings, clock)
    if not shards:
        raise NotPrepared(f"{log} has no topics yet; run clew migrate")
    return shards


def _newest(warehouse: Warehouse) -> Program | None:
    """Return the program that was loaded last, without its secrets."""
    newest = newest_program(warehouse)
    return Program.of(from_canonical(newest.canonical), Secrets()) if newest is not None else None
