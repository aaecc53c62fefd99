"""The edge's way into the log: bounded in time and in how many requests wait for it at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from eventlog.port import LogUnavailable, Ruled
from runtime import metrics
from runtime.bounded_wait import Crowded, Patience
from runtime.clock import Clock
from runtime.logs import logger
from schemas.events import HITS, Kind, Rejected
from schemas.wire import encode
from tracker.click import Outcome
from tracker.edge import Edge

_log = logger("tracker")
_T = TypeVar("_T")
UNRECORDED = "unrecorded"
COMPLAIN_EVERY_S = 1.0


class Recorder:
    """Encodes events and waits until they are durable. Everything but `hit` raises LogUnavailable."""

    def __init__(self, edge: Edge) -> None:
        self._producer, self._settings = edge.producer, edge.settings
        shortest_ms = min(edge.settings.redirect_append_timeout_ms, edge.settings.append_timeout_ms)
        self._patience = Patience(edge.settings.inflight_max, shortest_ms / 4_000)
        self._complaint = _Complaint(edge.clock)

    async def hit(self, outcome: Outcome) -> str:
        """Record a click or impression; its verdict, or `unrecorded` where the log would not take it."""
        value = encode(outcome.kind, outcome.event)
        try:
            await self._bounded(
                lambda: self._producer.append(HITS, outcome.key, (value,)), self._settings.redirect_append_timeout_ms
            )
        except LogUnavailable as error:
            self._complaint.about(str(error))
            return UNRECORDED
        return outcome.verdict

    async def rejected(self, events: Sequence[Rejected], key: bytes) -> None:
        """Record refused hits, all or none."""
        values = [encode(Kind.REJECTED, event) for event in events]
        await self._bounded(lambda: self._producer.append(HITS, key, values), self._settings.append_timeout_ms)

    async def rule(
        self, topic: str, values: Sequence[bytes], keys: Sequence[bytes], *, dry_run: bool = False
    ) -> Sequence[Ruled]:
        """Rule over records in order, and store what the rulings say; with `dry_run` nothing is stored."""
        producer, timeout_ms = self._producer, self._settings.append_timeout_ms
        return await self._bounded(lambda: producer.decide(topic, values, keys=keys, dry_run=dry_run), timeout_ms)

    async def _bounded(self, work: Callable[[], Awaitable[_T]], timeout_ms: int) -> _T:
        try:
            return await self._patience.wait(work, timeout_ms / 1_000)
        except TimeoutError:
            raise LogUnavailable(f"the log did not answer within {timeout_ms} ms") from None
        except Crowded as crowded:
            raise LogUnavailable(str(crowded)) from None


class _Complaint:
    """Visitors that were sent on although nothing was recorded: counted each, said aloud once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next_s = float("-inf")
        self._unsaid = 0

    def about(self, error: str) -> None:
        metrics.count("clew_clicks_unrecorded_total")
        self._unsaid += 1
        now_s = self._clock.monotonic_s()
        if now_s >= self._next_s:
            _log.error("hits_unrecorded", count=self._unsaid, error=error)
            self._unsaid, self._next_s = 0, now_s + COMPLAIN_EVERY_S
