"""Who may write a shard of attribution: a lease, which hands out shards and remembers one mark of each.

A pass writes its intent under a random attempt, then claims (pass, attempt): that chooses the intent, and it is the
fence. A worker that was stopped meanwhile is refused, and what it had intended is garbage.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from eventlog.port import Consumer, Fenced, Partition, Position

SHARDS = "shards"
"""The topic without records whose partitions are the shards."""

GROUP = "attribution"
"""The consumer group of all workers of attribution."""


class Mark(NamedTuple):
    """The pass of a shard that was claimed last, and which of its intents was chosen."""

    pass_id: int
    attempt: str


class Lease(Protocol):
    """What a worker asks; each worker has one of its own."""

    shards: int
    """How many there are, over all workers."""

    is_shared: bool
    """There may be other workers: intents need an attempt, and it is the claim that chooses one."""

    async def mine(self) -> Sequence[int]:
        """Shards that are this worker's now, sorted."""
        ...

    async def mark(self, shard: int) -> Mark | None:
        """What was claimed last; None if nothing was, or the lease has forgotten it."""
        ...

    async def claim(self, shard: int, mark: Mark, after: Mark | None) -> None:
        """Set the mark, which is `after` as far as this worker knows; durable once this returns.

        Raises Fenced when the shard is another's, or was so meanwhile: then the mark is not `after` any more.
        Raises LogUnavailable when it is open whether the mark is set.
        """
        ...


class Alone:
    """The one process of an embedded installation: shard 0 of 1. An intent is chosen by being there."""

    shards = 1
    is_shared = False

    async def mine(self) -> Sequence[int]:
        return (0,)

    async def mark(self, shard: int) -> Mark | None:
        return None

    async def claim(self, shard: int, mark: Mark, after: Mark | None) -> None:
        """Nobody else could have it."""


class ConsumerLease:
    """Shards are the partitions of topic `shards` that a member of group `attribution` is assigned.

    The mark is the committed position: the pass as offset, the attempt as intent. The broker refuses the commit of
    a member that is no longer of the group's generation. `shards` is the topic's number of partitions.
    """

    is_shared = True

    def __init__(self, consumer: Consumer, shards: int) -> None:
        self._consumer, self.shards = consumer, shards

    async def mine(self) -> Sequence[int]:
        return sorted(p.partition for p in await self._consumer.partitions() if p.topic == SHARDS)

    async def mark(self, shard: int) -> Mark | None:
        position = await self._consumer.committed(Partition(SHARDS, shard))
        return Mark(position.offset, position.intent) if position is not None else None

    async def claim(self, shard: int, mark: Mark, after: Mark | None) -> None:
        # A worker that lost the shard and got it back without noticing is of the newest generation: the mark tells.
        if await self.mark(shard) != after:
            raise Fenced(f"shard {shard} was another worker's meanwhile")
        await self._consumer.commit(Partition(SHARDS, shard), Position(mark.pass_id, mark.attempt))
