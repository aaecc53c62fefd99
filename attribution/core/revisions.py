"""Compare outcomes with the stored rows and build the rows to write. Pure.

An outcome that equals the current revision writes nothing. Any other reverses all rows of the current revision, each
by a row with the opposite sign, and writes its rows under the next revision.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from attribution.core.commissions import CommissionLine
from attribution.core.credits import CreditLine, Outcome
from attribution.core.ledger import check_balanced, commission_id, journal_of, reversal_id
from attribution.core.net_value import Problems
from schemas.tables import Commission, Credit, Entry, Join, Revision, Source

LIVE = "live"
TABLES = ("credits", "commissions", "ledger", "joins", "revisions")
"""Tables of a pass in the order in which they are written. The revision is last, because it makes the rest current."""

_TS_MAX = 10_413_791_999_999_999
"""Latest timestamp of the warehouse, µs; a longer hold ends there."""


@dataclass(frozen=True, slots=True)
class CurrentRevision:
    """Stored rows of a conversion's current revision. `credits` is sorted."""

    revision: int
    program_hash: str
    paying_model: str
    status: str
    value_minor: int
    problems: Problems
    credits: tuple[CreditLine, ...]
    commissions: tuple[Commission, ...]


@dataclass(slots=True)
class Rows:
    """Rows of one pass by table."""

    credits: list[Credit] = field(default_factory=list)
    commissions: list[Commission] = field(default_factory=list)
    ledger: list[Entry] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    credited: int = 0
    restated: int = 0
    unchanged: int = 0

    def tables(self) -> dict[str, list[msgspec.Struct]]:
        """Return the non-empty tables in the order in which they are written."""
        tables: dict[str, list[msgspec.Struct]] = {name: getattr(self, name) for name in TABLES}
        return {name: rows for name, rows in tables.items() if rows}


def rows_of(
    outcomes: Iterable[Outcome],
    revisions: Mapping[bytes, CurrentRevision],
    joined: Collection[tuple[int, bytes]],
    posted_ts: int,
) -> Rows:
    """Build the rows that change the tables from the current revisions to the outcomes. Raises Unbalanced.

    `joined` holds the stored joins as (identity, conversion id); `posted_ts` (µs) dates ledger entries.
    """
    rows = Rows()
    for outcome in outcomes:
        event = outcome.event
        for join in outcome.joins:
            if (join.identity, event.conversion_id) not in joined:
                rows.joins.append(Join(join.identity, event.conversion_id, event.offer_id, event.event_ts, join.named))
        current = revisions.get(event.conversion_id)
        if current is None:
            rows.credited += 1
        elif is_unchanged(current, outcome):
            rows.unchanged += 1
            continue
        else:
            rows.restated += 1
        _write(rows, outcome, current)
    rows.ledger = [entry for line in rows.commissions for entry in journal_of(line, posted_ts)]
    check_balanced(rows.ledger)
    return rows


def is_unchanged(current: CurrentRevision, outcome: Outcome) -> bool:
    """Return True if the current revision equals the outcome."""
    status, value_minor = outcome.net_value
    stored = sorted((_line_of(row), row.hold_until, row.conversion_status) for row in current.commissions)
    wanted = [(line._replace(hold_us=0), _hold_until(outcome, line), status) for line in outcome.commissions]
    return (
        (current.paying_model, current.status, current.value_minor) == (outcome.paying_model, status, value_minor)
        and current.problems == outcome.problems
        and current.credits == outcome.credits
        and stored == sorted(wanted)
    )


def keep_current(outcome: Outcome, current: CurrentRevision, problems: Problems) -> Outcome:
    """Return an outcome that keeps the current revision and adds problems, for a conversion that cannot be computed."""
    lines = tuple(sorted(_line_of(row)._replace(hold_us=row.hold_until - row.event_ts) for row in current.commissions))
    return Outcome(
        outcome.event, current.program_hash, current.paying_model,
        outcome.net_value._replace(status=current.status, value_minor=current.value_minor),
        {**current.problems, **problems}, current.credits, lines, (),
    )  # fmt: skip


def _line_of(row: Commission) -> CommissionLine:
    return CommissionLine(row.partner_id, row.plan, row.rule, row.currency, row.model, row.amount_minor, 0)


def _hold_until(outcome: Outcome, line: CommissionLine) -> int:
    return min(_TS_MAX, outcome.event.event_ts + line.hold_us)


def _write(rows: Rows, outcome: Outcome, current: CurrentRevision | None) -> None:
    revision = 1
    if current is not None:
        revision = current.revision + 1
        rows.credits += [
            _credit(outcome, line, revision, -1, current.status, current.paying_model) for line in current.credits
        ]
        rows.commissions += [_reversal(row, revision) for row in current.commissions]
    status, paying = outcome.net_value.status, outcome.paying_model
    rows.credits += [_credit(outcome, line, revision, 1, status, paying) for line in outcome.credits]
    rows.commissions += [_commission(outcome, line, revision) for line in outcome.commissions]
    event = outcome.event
    rows.revisions.append(
        Revision(
            conversion_id=event.conversion_id, revision=revision, event_ts=event.event_ts, offer_id=event.offer_id,
            program_hash=outcome.program_hash, paying_model=paying, status=status,
            value_minor=outcome.net_value.value_minor, currency=event.currency, problems=outcome.problems,
        )
    )  # fmt: skip


def _credit(outcome: Outcome, line: CreditLine, revision: int, sign: int, status: str, paying: str) -> Credit:
    event = outcome.event
    return Credit(
        run_id=LIVE, model=line.model, conversion_id=event.conversion_id, event_ts=event.event_ts,
        offer_id=event.offer_id, revision=revision, sign=sign, touch_id=line.touch_id, partner_id=line.partner_id,
        weight_e12=line.weight_e12, value_minor=line.value_minor, currency=event.currency, reason=line.reason,
        status=status, paying=int(line.model == paying),
    )  # fmt: skip


def _commission(outcome: Outcome, line: CommissionLine, revision: int) -> Commission:
    event = outcome.event
    return Commission(
        commission_id=commission_id(
            event.conversion_id, line.partner_id, line.plan, line.rule, line.currency, revision
        ),
        conversion_id=event.conversion_id, event_ts=event.event_ts, offer_id=event.offer_id, goal=event.goal,
        partner_id=line.partner_id, plan=line.plan, rule=line.rule, model=line.model, amount_minor=line.amount_minor,
        currency=line.currency, conversion_status=outcome.net_value.status, hold_until=_hold_until(outcome, line),
        program_hash=outcome.program_hash, revision=revision,
    )  # fmt: skip


def _reversal(row: Commission, revision: int) -> Commission:
    return msgspec.structs.replace(
        row, commission_id=reversal_id(row.commission_id, revision), amount_minor=-row.amount_minor,
        revision=revision, reverses=row.commission_id,
    )  # fmt: skip


def sourced(rows: Iterable[msgspec.Struct], pass_id: int, shard: int) -> list[tuple[msgspec.Struct, Source]]:
    """Pair the rows of one table with their source: the pass, and their position in it."""
    return [(row, Source("", "attribution", shard, number, pass_id)) for number, row in enumerate(rows)]
