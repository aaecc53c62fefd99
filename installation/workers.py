"""Workers of an opened installation: ingest, attribution, and the removal of old log records."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from enum import Enum
from importlib.metadata import version

from attribution.live.attributor import Attributor
from attribution.live.lease import GROUP as ATTRIBUTION_GROUP
from attribution.live.lease import ConsumerLease
from attribution.live.pass_planner import TermsInForce
from eventlog.address import KafkaLog
from eventlog.open import open_consumer, open_shards
from eventlog.port import Consumer, LogUnavailable
from ingest.enrich import Enricher
from ingest.geo import open_geo
from ingest.loop import GROUP, Ingest
from installation.address import InstallationAddress
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from runtime.settings import Settings
from warehouse.port import Warehouse

_log = Throttled(logger("engine"))
_TRIM_INTERVAL_S = 60.0
_RETRY_PAUSE_S = 1.0
CODE_VERSION = version("clew")


class Worker(Enum):
    """Work that an engine does besides answering requests."""

    INGEST = "ingest"
    ATTRIBUTION = "attribution"


ALL_WORKERS = frozenset(Worker)


class Workers:
    """Workers of one process, none at first; `start` adds them and `run` runs them."""

    def __init__(
        self,
        place: InstallationAddress,
        settings: Settings,
        clock: Clock,
        warehouse: Warehouse,
        observer: Consumer,
        shards: int,
        in_force: Callable[[], TermsInForce],
    ) -> None:
        """`in_force` returns the terms of conversions that are credited for the first time."""
        self._place, self._settings, self._clock = place, settings, clock
        self._warehouse, self._observer = warehouse, observer
        self._shards, self._in_force = shards, in_force
        self.ingest: Ingest | None = None
        self.attributor: Attributor | None = None
        self._members: list[Consumer] = []
        self._stopping = asyncio.Event()
        self.trimming = asyncio.Lock()
        """Lock of every task that drops old records of the log, or needs all of them to stay."""

    async def start(self, roles: Iterable[Worker]) -> None:
        """Join the groups of the given workers. Raises LogUnavailable."""
        settings, log = self._settings, self._place.log
        if Worker.INGEST in roles:
            member = self._observer
            if isinstance(log, KafkaLog):
                member = self._own(open_consumer(log, GROUP, settings, self._clock))
            self.ingest = self.new_ingest(member)
        if Worker.ATTRIBUTION in roles:
            lease = None
            if isinstance(log, KafkaLog):
                shards = self._own(open_shards(log, ATTRIBUTION_GROUP, settings, self._clock))
                lease = ConsumerLease(shards, self._shards)
            self.attributor = Attributor(
                self._warehouse, self._observer, self._in_force, self._clock, settings.attribution, lease
            )

    def _own(self, consumer: Consumer) -> Consumer:
        self._members.append(consumer)
        return consumer

    def new_ingest(self, member: Consumer) -> Ingest:
        """Create an ingest that reads as a member of its group."""
        settings = self._settings.ingest
        if isinstance(self._place.log, KafkaLog):
            settings = settings.model_copy(update={"batch_age_max_ms": self._settings.kafka.batch_age_max_ms})
        return Ingest(member, self._warehouse, self.new_enricher(), settings, self._clock, CODE_VERSION)

    def new_enricher(self) -> Enricher:
        """Create an enricher with the configured databases."""
        settings = self._settings.ingest
        return Enricher(open_geo(settings.geo_database), settings.user_agent_cache_max)

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
                    await self._observer.trim()
            except LogUnavailable as error:
                _log.error("trim_failed", error=str(error))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def drain(self) -> None:
        """Store and attribute all records of an embedded log while no loop runs; on servers other workers do.

        The next start finishes what cannot be stored in half the time that the engine has for its stop.
        """
        if self._place.on_servers or self.ingest is None or self.attributor is None:
            return
        half_s = self._settings.serve.engine_stop_timeout_s / 2
        limit = asyncio.get_running_loop().call_later(half_s, self.ingest.stop)
        try:
            if await self.ingest.catch_up():
                await self.attributor.catch_up(half_s)
            else:
                _log.warning("not_drained", after_s=half_s)
        except LogUnavailable as error:
            _log.warning("not_drained", error=str(error))
        finally:
            limit.cancel()

    async def close(self) -> None:
        """Leave the groups."""
        for consumer in self._members:
            await consumer.close()
