"""Recorder of events: append to the log with a limit on time and on the number of waiting requests."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from eventlog.port import AppendResult, LogUnavailable
from runtime import metrics
from runtime.bounded_wait import BoundedWait, TooManyWaiting
from runtime.logs import Throttled, logger
from schemas.events import HITS, Conversion, Event, Kind, Rejected, Touch
from tracker.click import Outcome
from tracker.edge import EdgeDependencies
from tracker.masking import encode_masked, truncate_addresses

_log = Throttled(logger("tracker"))
_T = TypeVar("_T")
UNRECORDED = "unrecorded"
_OF_ONE_OFFER = (Touch, Conversion)


class Recorder:
    """Encoder and appender of events; waits until they are durable. All methods but `hit` raise LogUnavailable."""

    def __init__(self, edge: EdgeDependencies) -> None:
        self._producer, self._settings, self._program = edge.producer, edge.settings, edge.program
        shortest_ms = min(edge.settings.redirect_append_timeout_ms, edge.settings.append_timeout_ms)
        self._bounded_wait = BoundedWait(edge.settings.inflight_max, shortest_ms / 4_000)

    async def hit(self, outcome: Outcome) -> str:
        """Record a click or impression; return its verdict, or `unrecorded` if the log does not accept it."""
        value = self.encoded(outcome.kind, outcome.event)
        try:
            await self._bounded(
                lambda: self._producer.append(HITS, outcome.key, (value,)), self._settings.redirect_append_timeout_ms
            )
        except LogUnavailable as error:
            metrics.count("clew_clicks_unrecorded_total")
            _log.error("hits_unrecorded", error=str(error))
            return UNRECORDED
        return outcome.verdict

    def encoded(self, kind: Kind, event: Event) -> bytes:
        """Encode an event with secrets and addresses masked; a refused hit may hold any offer's secret."""
        if self._settings.ip_privacy == "truncated":
            event = truncate_addresses(event)
        program = self._program.compiled
        if isinstance(event, _OF_ONE_OFFER):
            return encode_masked(kind, event, program.secrets_of(event.offer_id))
        return encode_masked(kind, event, program.all_secrets)

    async def rejected(self, events: Sequence[Rejected], key: bytes) -> None:
        """Record refused hits, all of them or none."""
        values = [self.encoded(Kind.REJECTED, event) for event in events]
        await self._bounded(lambda: self._producer.append(HITS, key, values), self._settings.append_timeout_ms)

    async def decide(
        self, topic: str, values: Sequence[bytes], keys: Sequence[bytes], *, dry_run: bool = False
    ) -> Sequence[AppendResult]:
        """Decide on records in order and store what the decisions say; with `dry_run`, store nothing."""
        producer, timeout_ms = self._producer, self._settings.append_timeout_ms
        return await self._bounded(lambda: producer.decide(topic, values, keys=keys, dry_run=dry_run), timeout_ms)

    async def _bounded(self, work: Callable[[], Awaitable[_T]], timeout_ms: int) -> _T:
        try:
            return await self._bounded_wait.wait(work, timeout_ms / 1_000)
        except TimeoutError:
            raise LogUnavailable(f"the log did not answer within {timeout_ms} ms") from None
        except TooManyWaiting as error:
            raise LogUnavailable(str(error)) from None
