"""The log on Kafka as one member of a group sees it: it reads what it owns, and its commits fence it.

A position is committed with the log's identity and the intent as metadata. It may be committed only by who has read
it (`committed`) in the present generation of the group: after every rebalance, also one that gives the same partition
back, what was in hand is void, because another member may have gone on in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eventlog.address import KafkaLog
from eventlog.kafka.group_member import Generation, KafkaMember
from eventlog.kafka.reader import KafkaReader, encode_position
from eventlog.port import Fenced, LogUnavailable, Partition, Position, Record
from runtime.clock import Clock
from runtime.settings import KafkaSettings
from schemas.events import TOPICS


@dataclass(slots=True)
class _Claim:
    """A position that was read or committed in a generation."""

    generation: Generation
    log_id: str
    position: Position | None
    certain: bool = True
    """False if the response to a commit was lost: the position must be read again."""


class KafkaConsumer:
    """A member of a group; joins when it is first asked for partitions or positions. One event loop only.

    `finish_batches`: before a rebalance, wait (half a session at most) until no position with an intent is open, so
    that the next owner need not finish the batch. Not for leases, whose intent is never empty.
    """

    deduplicated = False

    def __init__(
        self, address: KafkaLog, group: str, settings: KafkaSettings, clock: Clock, topics: Sequence[str] = TOPICS,
        *, finish_batches: bool = True,
    ) -> None:  # fmt: skip
        self._group, self._finish_batches = group, finish_batches
        self._reader = KafkaReader(address, settings, clock, topics)
        self._member = KafkaMember(address, group, settings, clock, topics, self._settled)
        self._claims: dict[Partition, _Claim] = {}

    async def partitions(self) -> Sequence[Partition]:
        """Return the partitions assigned now, sorted; wait for a rebalance to end."""
        owned = await self._member.owned()
        existing = set(await self._reader.partitions())
        self._reader.keep_buffers(owned)
        return [partition for partition in owned if partition in existing]

    async def log_id(self, partition: Partition) -> str:
        return await self._reader.log_id(partition)

    async def begin(self, partition: Partition) -> int:
        return await self._reader.begin(partition)

    async def end(self, partition: Partition) -> int:
        return await self._reader.end(partition)

    async def read(self, partition: Partition, offset: int, rows_max: int, bytes_max: int) -> Sequence[Record]:
        return await self._reader.read(partition, offset, rows_max, bytes_max)

    def growth_mark(self) -> object | None:
        """Return None: only the broker knows."""
        return None

    async def committed(self, partition: Partition) -> Position | None:
        """As the port says; from memory when it was read or committed in this generation."""
        if not self._member.joined:
            await self._member.owned()
        generation, log_id = self._member.generation(partition), await self._reader.log_id(partition)
        claim = self._claims.get(partition)
        if claim and claim.certain and (claim.generation, claim.log_id) == (generation, log_id):
            return claim.position
        position = await self._reader.position(self._group, partition)
        if generation is not None:
            # Of the generation as it was before the question: if it has changed since, the commit will say so.
            self._claims[partition] = _Claim(generation, log_id, position)
        return position

    async def commit(self, partition: Partition, position: Position) -> None:
        """Raises Fenced when the partition is not ours or a rebalance was since `committed`; LogUnavailable."""
        if partition not in self._claims:
            await self.committed(partition)
        claim = self._claims.get(partition)
        if claim is None or claim.generation != self._member.generation(partition):
            raise Fenced(f"{partition.topic}-{partition.partition} is not this consumer's; read its position again")
        if self._member.revoking and position.intent and self._finish_batches:
            raise Fenced("a rebalance has begun; nothing new may be begun")
        try:
            metadata = encode_position(claim.log_id, position)
            await self._member.commit(claim.generation, partition, position.offset, metadata)
        except LogUnavailable:
            claim.certain = False
            raise
        claim.position = position

    def _settled(self) -> bool:
        """Return whether no batch is open in the current generation."""
        return not self._finish_batches or not any(
            claim.position is not None and claim.position.intent
            for partition, claim in self._claims.items()
            if claim.generation == self._member.generation(partition)
        )

    async def trim(self) -> int:
        """Kafka drops old records itself."""
        return 0

    async def close(self) -> None:
        await self._member.leave()
        await self._reader.close()
