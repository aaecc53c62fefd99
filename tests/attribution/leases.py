"""Lease in memory whose shards a test can reassign at any moment."""

import threading
from collections.abc import Callable, Sequence

from attribution.live.lease import ClaimedPass
from eventlog.port import Fenced


class Leases:
    """State that the workers of a test share: owners of shards, and the last claim."""

    def __init__(self, shards: int) -> None:
        self.shards = shards
        self.owners: dict[int, str] = {}
        self.claims: dict[int, ClaimedPass] = {}
        self.lock = threading.Lock()

    def give(self, worker: str, shards: Sequence[int] | None = None) -> None:
        """Assign these shards to the worker; all shards if none are given."""
        with self.lock:
            self.owners |= dict.fromkeys(range(self.shards) if shards is None else shards, worker)


class MemoryLease:
    """Lease of one worker; `before_claim` and `after_claim` are called around each claim."""

    is_shared = True

    def __init__(self, leases: Leases, worker: str) -> None:
        self.leases, self.worker, self.shards = leases, worker, leases.shards
        self.before_claim: Callable[[], None] = lambda: None
        self.after_claim: Callable[[], None] = lambda: None

    async def owned_shards(self) -> Sequence[int]:
        return sorted(shard for shard, owner in self.leases.owners.items() if owner == self.worker)

    async def last_claim(self, shard: int) -> ClaimedPass | None:
        return self.leases.claims.get(shard)

    async def claim(self, shard: int, claimed: ClaimedPass, after: ClaimedPass | None) -> None:
        self.before_claim()
        with self.leases.lock:
            if self.leases.owners.get(shard) != self.worker or self.leases.claims.get(shard) != after:
                raise Fenced(f"shard {shard}")
            self.leases.claims[shard] = claimed
        self.after_claim()
