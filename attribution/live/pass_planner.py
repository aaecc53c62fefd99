"""Compute one pass: from a cursor and ingest's positions to the rows to write and the next cursor."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from attribution.core.credits import ConversionCase, Outcome, Pricing, attribute, failed
from attribution.core.journeys import TooManyTouches
from attribution.core.revisions import CurrentRevision, Rows, keep_current, rows_of
from attribution.core.timeline import Timeline
from attribution.live.pass_writer import PassTooLarge
from attribution.store.conversion_reader import ConversionReader
from attribution.store.cursor import Cursor, LateScan, Positions, advance, clipped, span
from attribution.store.join_reader import JoinReader
from attribution.store.limits import BLOCK_ROWS_MAX
from attribution.store.programs import Programs
from attribution.store.revision_reader import RevisionReader
from attribution.store.shards import ALL, Shards
from attribution.store.touch_reader import TouchReader
from attribution.store.touch_table import TouchTable
from program.program import Program
from runtime.logs import logger
from schemas.events import Conversion
from schemas.fields import NO_DIGEST
from schemas.reasons import Problem
from warehouse.port import Warehouse

_HITS_SPAN_MAX = 500_000
"""Touch records per partition that one pass scans for late touches."""

TermsInForce = Program | Timeline
"""Terms of conversions that are credited for the first time: of a program file, or of all published versions."""
_PricingAt = Callable[[int], Pricing]

_log = logger("attribution")


@dataclass(frozen=True, slots=True)
class PassBudget:
    """Maximum number of conversions in a pass, new and restated together."""

    conversions_max: int

    @property
    def new_max(self) -> int:
        """A quarter is kept for restatements, so that a flood of conversions cannot put them off forever."""
        return max(1, self.conversions_max - self.conversions_max // 4)


@dataclass(frozen=True, slots=True)
class PlannedPass:
    """A computed pass: the rows to write, and the cursor that applies once they are written."""

    rows: Rows
    cursor: Cursor


class PassPlanner:
    """Computes passes. Only reads from the warehouse; live/pass_writer.py writes."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._programs = Programs(warehouse)
        self._conversions, self._joins = ConversionReader(warehouse), JoinReader(warehouse)
        self._revisions, self._touches = RevisionReader(warehouse), TouchReader(TouchTable(warehouse))

    def plan(
        self, cursor: Cursor, conversions: Positions, hits: Positions, in_force: TermsInForce, budget: PassBudget,
        now_us: int, shards: Shards = ALL,
    ) -> PlannedPass:  # fmt: skip
        """Compute the next pass of these shards after `cursor`, over conversions and hits before these offsets.

        A pass with too many journeys or rows is retried with half the conversions.
        """
        pricing_at = self._pricing_at(in_force, now_us)
        while True:
            try:
                return self._plan_within(cursor, conversions, hits, pricing_at, budget, now_us, shards)
            except (TooManyTouches, PassTooLarge) as error:
                if budget.conversions_max <= 1:
                    raise
                budget = PassBudget(budget.conversions_max // 2)
                _log.warning("pass_halved", conversions_max=budget.conversions_max, why=str(error))

    def _plan_within(
        self, cursor: Cursor, conversions: Positions, hits: Positions, pricing_at: _PricingAt, budget: PassBudget,
        now_us: int, shards: Shards,
    ) -> PlannedPass:  # fmt: skip
        # Records of all shards are counted; these shards get about their fraction.
        records_max = budget.new_max * shards.total // len(shards.own)
        new_to = clipped(cursor.conversions, conversions, max(1, records_max // max(1, len(conversions))))
        new_span = span(cursor.conversions, new_to)
        events = {event.conversion_id: event for event in self._conversions.conversions_in(new_span, shards)}
        restated = self._conversions.adjusted_in(new_span, shards)
        late_ids, hits_to, late = self._late(cursor, hits, max(1, budget.conversions_max - len(events)), shards)
        restated = (restated | set(late_ids)) - events.keys()
        revisions = self._revisions.current_revisions(events.keys() | restated)
        # A conversion without a revision is credited when the cursor reaches its record, with all data of that time.
        credited = self._conversions.conversions_of(restated & revisions.keys())
        events |= {event.conversion_id: event for event in credited}
        rows = self._rows(events, revisions, pricing_at, now_us)
        if any(len(table) > BLOCK_ROWS_MAX for table in rows.tables().values()):
            raise PassTooLarge(f"{len(events)} conversions make more than {BLOCK_ROWS_MAX} rows")
        return PlannedPass(rows, Cursor(advance(cursor.conversions, new_to), hits_to, late, shards.total))

    def _pricing_at(self, in_force: TermsInForce, now_us: int) -> _PricingAt:
        """Return the pricing of a conversion by its time. A program file counts for all times."""
        if isinstance(in_force, Timeline):
            return lambda ts_us: self._programs.of(in_force, ts_us)
        pricing = self._programs.keep(in_force, now_us)
        return lambda _: pricing

    def recompute(self, ids: Collection[bytes], in_force: TermsInForce, now_us: int) -> Rows:
        """Compute rows for these conversions, credited before or not. Raises PassTooLarge, TooManyTouches."""
        pricing_at = self._pricing_at(in_force, now_us)
        events = {event.conversion_id: event for event in self._conversions.conversions_of(ids)}
        return self._rows(events, self._revisions.current_revisions(events.keys()), pricing_at, now_us)

    def _late(
        self, cursor: Cursor, hits: Positions, rows_max: int, shards: Shards
    ) -> tuple[list[bytes], Positions, LateScan | None]:
        """Return conversions that new touches may change, the next positions of hits, and the rest of a large span."""
        if cursor.late is None and not self._joins.has_joins():
            return [], advance(cursor.hits, hits), None
        to = cursor.late.to if cursor.late is not None else clipped(cursor.hits, hits, _HITS_SPAN_MAX)
        after = bytes.fromhex(cursor.late.after) if cursor.late is not None else NO_DIGEST
        ids = self._joins.late_in(span(cursor.hits, to), after, rows_max, shards)
        if len(ids) < rows_max:
            return ids, advance(cursor.hits, to), None
        return ids, cursor.hits, LateScan(to, ids[-1].hex())

    def _rows(
        self,
        events: Mapping[bytes, Conversion],
        revisions: Mapping[bytes, CurrentRevision],
        pricing_at: _PricingAt,
        now_us: int,
    ) -> Rows:
        adjustments = self._conversions.adjustments_of(events)
        cases, stuck = [], []
        for key, event in sorted(events.items()):
            current = revisions.get(key)
            # A conversion keeps the program that it was first priced under (docs/contract.md, section 3).
            pinned = self._programs.get(current.program_hash) if current is not None else None
            case = ConversionCase(event, adjustments.get(key, ()), pinned or pricing_at(event.event_ts))
            if pinned is None and current is not None:
                stuck.append(_without_program(case, current))
            else:
                cases.append(case)
        rows, oversized = self._touches.candidates(cases)
        outcomes = attribute(cases, rows, oversized) + stuck
        return rows_of(outcomes, revisions, self._joined(outcomes, revisions), now_us)

    def _joined(
        self, outcomes: Iterable[Outcome], revisions: Mapping[bytes, CurrentRevision]
    ) -> set[tuple[int, bytes]]:
        """Return the joins of these outcomes that are stored; a conversion without a revision has none."""
        credited = [outcome for outcome in outcomes if outcome.event.conversion_id in revisions]
        identities = {join.identity for outcome in credited for join in outcome.joins}
        if not identities:
            return set()
        return self._joins.joins_of(identities, {outcome.event.conversion_id for outcome in credited})


def _without_program(case: ConversionCase, current: CurrentRevision) -> Outcome:
    detail = f"program {current.program_hash} is missing from clew.programs; load that program file again"
    return keep_current(failed(case, Problem.PROGRAM_MISSING, detail), current, {Problem.PROGRAM_MISSING.value: detail})
