"""An installation, opened: its warehouse and its log to answer from, and the workers that this process runs.

On one machine a single process owns the warehouse, so it ingests, attributes and answers. On servers each of these
may be a separate process, any number of times; a command is then an engine without workers.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator

from attribution.core.timeline import Timeline
from attribution.live.lease import GROUP as ATTRIBUTION_GROUP
from attribution.live.lease import ClaimedPass, ConsumerLease
from attribution.live.pass_planner import TermsInForce
from attribution.store.labels import stored_labels
from attribution.store.programs import Programs, newest_program, stored_timeline
from eventlog.address import KafkaLog, LogAddress
from eventlog.open import count_shards, open_observer, open_shards_observer
from eventlog.port import Consumer, LogUnavailable
from ingest.loop import GROUP
from installation.address import InstallationAddress
from installation.progress import Progress
from installation.workers import ALL_WORKERS, Worker, Workers
from program.labels import Labels, labels_of_whole
from program.program import Program, Secrets
from program.routes import NO_ROUTES
from program.terms import Terms, from_canonical
from runtime.clock import Clock
from runtime.settings import Settings
from runtime.user_error import NO, UNREACHABLE, UserError, first_line
from warehouse.chdb import WarehouseBusy
from warehouse.migrate import MigrationError, check_migrated
from warehouse.open import open_warehouse
from warehouse.port import Warehouse, WarehouseError

READS_AT_ONCE_MAX = 2
NOTHING_PUBLISHED = Program(Terms(currency="USD", timezone="UTC"), NO_ROUTES, Labels(), Secrets())
"""Program before anything is published: without offers it prices nothing."""


class NotPrepared(Exception):
    """The log lacks its topics."""


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
        self.workers = Workers(place, settings, clock, warehouse, observer, shards, lambda: self.in_force)
        self._program = program.without_routes() if program is not None else None
        self.timeline: Timeline | None = None
        """Terms of all published versions; None if a program file rules."""
        self.program_given = True
        """True if the current program came from a file, not from the warehouse."""
        self.reading = asyncio.Semaphore(READS_AT_ONCE_MAX)
        """Limits the reports and queries that run at once."""

    @property
    def program(self) -> Program:
        """Current program; conversions are priced with it when they are first credited. Raises UserError."""
        if self._program is None:
            raise UserError("no program was loaded yet; give --program FILE", NO)
        return self._program

    @property
    def in_force(self) -> TermsInForce:
        """Terms of conversions that are credited for the first time. Raises UserError."""
        return self.program if self.timeline is None else self.timeline

    def follow(self, program: Program, timeline: Timeline) -> None:
        """Make a published program the current one; its terms are in the warehouse already."""
        self.timeline, self._program = timeline, program

    @property
    def labels(self) -> Labels:
        """Names of the current program; none if no program was loaded yet."""
        return self._program.labels if self._program is not None else Labels()

    async def use_program(self, program: Program) -> None:
        """Store a program as the newest in the warehouse, then make it the current one."""
        await asyncio.to_thread(Programs(self.warehouse).load, program, self.clock.now_us())
        self._program = program.without_routes()

    async def unhealthy_reason(self) -> str | None:
        """Return None if log and warehouse answer, otherwise one sentence that says why not."""
        if self.workers.ingest is not None and self.workers.ingest.trouble:
            return f"ingest cannot read the log: {self.workers.ingest.trouble}"
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
        return None

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
        if self.workers.attributor is not None:
            if self.program_given:  # one read from the warehouse may have been replaced meanwhile
                await self.use_program(self.program)
            await self.workers.attributor.recover()

    async def close(self) -> None:
        """Close log and warehouse."""
        await self.workers.close()
        await self.observer.close()
        await asyncio.to_thread(self.warehouse.close)


async def open_engine(
    place: InstallationAddress,
    settings: Settings,
    program: Program | None,
    clock: Clock,
    roles: Iterable[Worker] = ALL_WORKERS,
    *,
    follows: bool = False,
) -> Engine:
    """Open an installation; without a program, use the newest one in the warehouse.

    With `follows`, conversions are priced by all published terms there, by their time.

    Raises WarehouseBusy when another process has the directory, MigrationError, NotPrepared, WarehouseError,
    LogUnavailable.
    """
    warehouse = open_warehouse(place.warehouse, settings)
    observer: Consumer | None = None
    try:
        if place.on_servers:
            await asyncio.to_thread(check_migrated, warehouse)
        in_force = program or await asyncio.to_thread(newest_of, warehouse)
        shards = await _count_shards(place.log, settings, clock)
        observer = open_observer(place.log, GROUP, settings, clock)
        engine = Engine(place, settings, in_force, clock, warehouse, observer, shards)
        engine.program_given = program is not None
        if follows:
            timeline = await asyncio.to_thread(stored_timeline, warehouse)
            engine.follow(in_force or NOTHING_PUBLISHED, timeline)
        await engine.workers.start(roles)
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


def newest_of(warehouse: Warehouse) -> Program | None:
    """Return the program that was loaded last, without its routes and secrets."""
    newest = newest_program(warehouse)
    if newest is None:
        return None
    labels = stored_labels(warehouse)
    if labels == Labels():  # an earlier version loaded it
        labels = labels_of_whole(newest.canonical)
    return Program(from_canonical(newest.canonical), NO_ROUTES, labels, Secrets())
