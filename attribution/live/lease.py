"""Leases of attribution shards: a lease assigns shards to workers and stores the claimed pass of each shard.

A pass writes its intent under a random attempt id, then claims (pass, attempt). The claim selects the intent and acts
as the fence: a worker that was paused and lost the shard is refused, and its intent is garbage.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from eventlog.port import Consumer, Fenced, Partition, Position

SHARDS = "shards"
"""Topic without records; its partitions are the shards."""

GROUP = "attribution"
"""Consumer group of all attribution workers."""


class ClaimedPass(NamedTuple):
    """The last claimed pass of a shard, and the attempt whose intent was chosen."""

    pass_id: int
    attempt: str


class Lease(Protocol):
    """Shard assignment as one worker sees it. Each worker has a separate lease."""

    shards: int
    """Number of shards over all workers."""

    is_shared: bool
    """True if other workers may exist: intents then need an attempt id, and the claim selects one of them."""

    async def owned_shards(self) -> Sequence[int]:
        """Return the shards assigned to this worker now, sorted."""
        ...

    async def last_claim(self, shard: int) -> ClaimedPass | None:
        """Return the pass claimed last; None if there is none or the lease has lost it."""
        ...

    async def claim(self, shard: int, claimed: ClaimedPass, after: ClaimedPass | None) -> None:
        """Replace the claim `after`, the last one known to this worker, with `claimed`; durable on return.

        Raises Fenced if another worker owns the shard, or owned it in between (the last claim is no longer `after`).
        Raises LogUnavailable if the outcome is unknown.
        """
        ...


class SingleWorkerLease:
    """Lease of the only process of an embedded installation: shard 0 of 1. Every stored intent counts as chosen."""

    shards = 1
    is_shared = False

    async def owned_shards(self) -> Sequence[int]:
        return (0,)

    async def last_claim(self, shard: int) -> ClaimedPass | None:
        return None

    async def claim(self, shard: int, claimed: ClaimedPass, after: ClaimedPass | None) -> None:
        """Do nothing: no other worker exists."""


class ConsumerLease:
    """Lease over the partitions of topic `shards` that the group `attribution` assigns to this member.

    The claim is the committed position: the pass is the offset, the attempt is the intent. The broker refuses commits
    from a member of an older group generation. `shards` is the topic's number of partitions.
    """

    is_shared = True

    def __init__(self, consumer: Consumer, shards: int) -> None:
        self._consumer, self.shards = consumer, shards

    async def owned_shards(self) -> Sequence[int]:
        return sorted(p.partition for p in await self._consumer.partitions() if p.topic == SHARDS)

    async def last_claim(self, shard: int) -> ClaimedPass | None:
        position = await self._consumer.committed(Partition(SHARDS, shard))
        return ClaimedPass(position.offset, position.intent) if position is not None else None

    async def claim(self, shard: int, claimed: ClaimedPass, after: ClaimedPass | None) -> None:
        # A worker that lost the shard and regained it unnoticed is in the newest generation; only the claim shows it.
        if await self.last_claim(shard) != after:
            raise Fenced(f"another worker owned shard {shard} in the meantime")
        await self._consumer.commit(Partition(SHARDS, shard), Position(claimed.pass_id, claimed.attempt))
