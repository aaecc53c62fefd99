"""Lag of attribution behind the log, for reports, metrics and the log."""

from collections.abc import Mapping

from attribution.live.pass_report import PassReport
from attribution.live.progress import behind, ends_of, left
from attribution.store.cursor import Cursor
from eventlog.port import Consumer
from runtime import metrics
from runtime.clock import Clock
from runtime.logs import Throttled, logger
from schemas.events import CONVERSIONS, HITS

_log = Throttled(logger("attribution"))


class Lag:
    """Measures how far this worker's shards are behind, and warns when ingest keeps them waiting."""

    def __init__(self, consumer: Consumer, clock: Clock, warn_after_s: float) -> None:
        self._consumer, self._clock, self._warn_after_s = consumer, clock, warn_after_s
        self._waiting_since_s: float | None = None

    async def records(self, cursors: Mapping[int, Cursor]) -> int:
        """Count the log records that these shards have yet to pass. Raises LogUnavailable."""
        conversions, hits = await ends_of(self._consumer, CONVERSIONS), await ends_of(self._consumer, HITS)
        return behind(cursors, conversions, hits, list(cursors))

    async def measure_conversions(self, cursors: Mapping[int, Cursor]) -> None:
        """Set the gauge of conversions that wait for credit. Raises LogUnavailable."""
        ends = await ends_of(self._consumer, CONVERSIONS)
        pending = left([cursor.conversions for cursor in cursors.values()], ends)
        metrics.gauge("clew_attribution_pending_conversions", pending)

    def note_wait(self, report: PassReport) -> None:
        """Log when ingest takes too long. Waiting continues, because crediting early would miss touches."""
        now_s = self._clock.monotonic_s()
        if not report.waiting:
            self._waiting_since_s = None
        elif self._waiting_since_s is None:
            self._waiting_since_s = now_s
        elif now_s - self._waiting_since_s > self._warn_after_s:
            self._waiting_since_s = now_s
            _log.warning("ingest_is_behind", records=report.behind)
