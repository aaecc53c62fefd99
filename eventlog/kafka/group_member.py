"""Membership of a consumer group: the partitions assigned now, and commits that only their owner can make.

The library's consumer is not used, only its coordinator: it joins, keeps the heart beating and rejoins. A commit
carries the generation under which its position was read, never the current one, so the broker itself refuses a
member that missed a rebalance; the library would send it with the new generation.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiokafka import ConsumerRebalanceListener
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import for_code
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import TopicPartition

from eventlog.address import KafkaLog
from eventlog.kafka.client import RETRY_BACKOFF_MS, TROUBLE, connect
from eventlog.port import Fenced, LogUnavailable, Partition
from runtime.clock import Clock
from runtime.settings import KafkaSettings

_FENCED = (22, 25, 27, 82)
"""ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS, FENCED_INSTANCE_ID."""

_COORDINATOR_MOVED = (15, 16)
_RETRIABLE = (7, 14, 15, 16)
_NEVER_MS = 2**31 - 1
_HEARTBEATS_PER_SESSION = 4


class Generation(NamedTuple):
    """One life of the group between two rebalances, as one member."""

    number: int
    member_id: str


class KafkaMember(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """One member of one group. `settle` is waited for before partitions are given up, for half a session at most."""

    def __init__(
        self, address: KafkaLog, group: str, settings: KafkaSettings, clock: Clock, topics: Sequence[str],
        settle: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._address, self._settings, self._clock, self._settled = address, settings, clock, settle
        self._group = address.topic_prefix + group
        self._topics = {address.topic_prefix + topic: topic for topic in topics}
        self._client: AIOKafkaClient | None = None
        self._coordinator: GroupCoordinator | None = None
        self._subscription: SubscriptionState | None = None
        self._joining = asyncio.Lock()
        self.revoking = False
        """A rebalance has begun: what is in hand may be finished, nothing new may be begun."""

    @property
    def joined(self) -> bool:
        """True once it has asked to join; its partitions may not be assigned yet."""
        return self._coordinator is not None

    async def owned(self) -> list[Partition]:
        """Partitions that are ours, sorted; waits for a rebalance to end. Raises LogUnavailable."""
        try:
            await self._join()
            assert self._subscription is not None and self._coordinator is not None
            self._coordinator.check_errors()
            timeout_s = (self._settings.request_timeout_ms + self._settings.session_timeout_ms) / 1000
            if self._subscription.reassignment_in_progress:
                await asyncio.wait_for(self._subscription.wait_for_assignment(), timeout_s)
            self._coordinator.check_errors()
        except TROUBLE as error:
            await self.leave()
            raise LogUnavailable(f"Kafka does not let us into group {self._group}: {_said(error)}") from error
        return sorted(self._assigned())

    def generation(self, partition: Partition) -> Generation | None:
        """Return the current generation if the partition is assigned in it."""
        coordinator = self._coordinator
        if coordinator is None or coordinator.generation < 0 or partition not in self._assigned():
            return None
        return Generation(coordinator.generation, coordinator.member_id)

    async def commit(self, generation: Generation, partition: Partition, offset: int, metadata: str) -> None:
        """Commit. Raises Fenced if there is another generation, LogUnavailable if the outcome is unknown."""
        name = self._address.topic_prefix + partition.topic
        request = OffsetCommitRequest(
            self._group, generation.number, generation.member_id, OffsetCommitRequest.DEFAULT_RETENTION_TIME,
            [(name, [(partition.partition, offset, metadata)])],
        )  # fmt: skip
        deadline_s = self._clock.monotonic_s() + self._settings.request_timeout_ms / 1000
        while True:
            said = await self._try_commit(request)
            if not said:
                return
            if self.generation(partition) != generation:
                raise Fenced(f"{partition.topic}-{partition.partition} was taken away in a rebalance")
            if self._clock.monotonic_s() > deadline_s:
                raise LogUnavailable(f"Kafka did not confirm the position: {said}")
            await asyncio.sleep(RETRY_BACKOFF_MS / 1000)

    async def _try_commit(self, request: OffsetCommitRequest) -> str:
        """ "" when it is committed, else what speaks for another try. Raises Fenced, LogUnavailable."""
        coordinator = self._coordinator
        if coordinator is None:
            raise Fenced("this consumer has left its group")
        try:
            answer = await coordinator._send_req(request)  # a lost connection makes it look for the coordinator
        except TROUBLE as error:
            return _said(error)
        ((_, ((_, code),)),) = answer.topics
        said: str = for_code(code).__name__
        if code == 0:
            return ""
        if code in _FENCED:
            coordinator.request_rejoin() if code == 27 else coordinator.reset_generation()
            raise Fenced(f"Kafka refuses the position: {said}")
        if code not in _RETRIABLE:
            raise LogUnavailable(f"Kafka did not take the position: {said}")
        if code in _COORDINATOR_MOVED:
            coordinator.coordinator_dead()
        return said

    async def leave(self) -> None:
        """Leave the group, so that others take over at once; bounded in time, and silent if Kafka is unavailable."""
        async with self._joining:
            coordinator, self._coordinator = self._coordinator, None
            client, self._client = self._client, None
            self._subscription = None
        timeout_s = self._settings.request_timeout_ms / 1000
        if coordinator is not None:
            with contextlib.suppress(*TROUBLE):
                await asyncio.wait_for(coordinator.close(), timeout_s)
        if client is not None:
            with contextlib.suppress(*TROUBLE):
                await asyncio.wait_for(client.close(), timeout_s)

    # ------------------------------------------------------------------------------------------- the library

    async def _join(self) -> None:
        async with self._joining:
            if self._coordinator is not None:
                return
            settings = self._settings
            self._client = await connect(self._address, settings, "clew-member")
            self._client.set_topics(self._topics)
            self._subscription = SubscriptionState()
            self._subscription.subscribe(topics=set(self._topics), listener=self)
            self.revoking = False
            self._coordinator = GroupCoordinator(
                self._client, self._subscription, group_id=self._group, enable_auto_commit=False,
                session_timeout_ms=settings.session_timeout_ms,
                heartbeat_interval_ms=settings.session_timeout_ms // _HEARTBEATS_PER_SESSION,
                rebalance_timeout_ms=settings.session_timeout_ms, retry_backoff_ms=RETRY_BACKOFF_MS,
                # The library counts fetches of the consumer it comes with, which we do not use.
                max_poll_interval_ms=_NEVER_MS, assignors=(RoundRobinPartitionAssignor,),
            )  # fmt: skip

    def _assigned(self) -> set[Partition]:
        subscription = self._subscription and self._subscription.subscription
        if not subscription or subscription.assignment is None:
            return set()
        return {Partition(self._topics[tp.topic], tp.partition) for tp in subscription.assignment.tps}

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called before the group is rejoined, while commits of the old generation still count."""
        self.revoking = True
        deadline_s = self._clock.monotonic_s() + self._settings.session_timeout_ms / 2000
        while not self._settled() and self._clock.monotonic_s() < deadline_s:
            await asyncio.sleep(0.01)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.revoking = False


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
