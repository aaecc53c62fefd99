"""Wait for ingest: conversions may be credited once every touch appended before them is stored."""

import asyncio
from dataclasses import dataclass

from attribution.live.progress import committed_of, ends_of
from attribution.store.cursor import Positions, span
from eventlog.port import Consumer
from runtime.clock import Clock
from schemas.events import CONVERSIONS, HITS

_POLL_S = 0.03


@dataclass(frozen=True, slots=True)
class ReadyRange:
    """Range that may be credited: conversions before these offsets, with the hits that ingest has stored by then."""

    conversions: Positions
    hits: Positions


class IngestGate:
    """Observes the ends of the hits, then waits until ingest has passed them."""

    def __init__(self, consumer: Consumer, clock: Clock) -> None:
        self._consumer, self._clock = consumer, clock
        self._target: ReadyRange | None = None

    async def wait(self, wait_s: float) -> ReadyRange | None:
        """Return the range that may be credited, or None at the deadline. Raises LogUnavailable.

        The observed ends stay the target over several calls, so that a busy log cannot postpone them forever.
        """
        if self._target is None:
            # Order matters: touches appended before a conversion are then before these ends.
            conversions = await committed_of(self._consumer, CONVERSIONS)
            self._target = ReadyRange(conversions, await ends_of(self._consumer, HITS))
        deadline_s = self._clock.monotonic_s() + wait_s
        while True:
            hits = await committed_of(self._consumer, HITS)
            if not span(hits, self._target.hits):
                ready, self._target = ReadyRange(self._target.conversions, hits), None
                return ready
            if self._clock.monotonic_s() >= deadline_s:
                return None
            await asyncio.sleep(_POLL_S)
