"""Deduplicate the records of a batch on a log whose consumers decide: repeats, verdicts, dedup keys. Pure.

Every reader folds the same records in the same order from the same states. So all readers decide alike, and a batch
that is processed again gets the same decisions.
"""

from collections.abc import Callable, Collection, Sequence
from operator import itemgetter

import msgspec

from eventlog.port import AppendId, Record
from ingest.batch import Decoded, DedupResult, RowsAt
from schemas.dedup.rules import Decision, decide_event, keys_of
from schemas.dedup.sequences import Repeats
from schemas.events import Adjustment, Conversion, Event, Kind, Rejected, Touch
from schemas.fields import NO_DIGEST
from schemas.tables import Claim, DeadLetter, Origin, Skip
from schemas.values.currencies import DECIMALS
from schemas.values.money import format_minor, minor_of_e4
from schemas.wire import UndecodableRecord, decode

StatesBefore = Callable[[Collection[bytes]], dict[bytes, bytes]]
"""Returns the states of keys as of the first offset of the batch; unused keys are left out."""

REPEAT = "repeat"
NO_ORIGIN = NO_DIGEST
"""Origin of records without an append id, which no edge of Clew wrote; their sequence is the offset."""

_Claimant = tuple[int, Kind, Touch | Conversion | Adjustment]


def deduplicate(decoded: Decoded, records: Sequence[Record], seen: Repeats, states_before: StatesBefore) -> DedupResult:
    """Remove repeats, decide over the records that use a dedup key, and leave in `decoded` what becomes a row.

    `seen` holds the appends before the batch; the appends of the batch are added to it.
    """
    result = DedupResult()
    read = records if decoded.newer_version is None else [r for r in records if r.offset <= decoded.hi]
    repeated = _repeats(read, seen, result.origins)
    if repeated:
        for offset in sorted(repeated):
            result.skipped.add(Skip(REPEAT, "", NO_DIGEST, ""), offset)
        for found in (*decoded.by_kind.values(), decoded.dead):
            _leave_out(found, repeated)
    claimants = _claimants(decoded)
    if claimants:
        values = {record.offset: record for record in read}
        keys = {key for _, kind, event in claimants for key in keys_of(kind, event)}
        _fold(decoded, result, claimants, values, states_before(keys))
    return result


# ----------------------------------------------------------------------------------------------- repeats


def _repeats(records: Sequence[Record], seen: Repeats, origins: RowsAt) -> set[int]:
    """Return the offsets of repeated records; add the others to `seen`, and as ranges to `origins`."""
    repeated: set[int] = set()
    runs: list[tuple[bytes, int, int, int]] = []  # origin, first, last, offset of the first
    at, count = 0, len(records)
    while at < count:
        offset = records[at].offset
        origin, first, _ = append_id_of(records[at])
        until = _end_of_run(records, at, origin, first)
        last = first + until - at - 1
        known = seen.of(origin)
        if known.add_run(first, last):
            runs.append((origin, first, last, offset))
        else:
            for place in range(at, until):
                sequence = first + place - at
                if known.add(sequence):
                    runs.append((origin, sequence, sequence, records[place].offset))
                else:
                    repeated.add(records[place].offset)
        at = until
    _add_origins(runs, origins)
    return repeated


def append_id_of(record: Record) -> AppendId:
    """Return the append id of a record, or the one that stands for its offset."""
    return record.append_id or AppendId(NO_ORIGIN, record.offset)


def _end_of_run(records: Sequence[Record], at: int, origin: bytes, first: int) -> int:
    """Find the end of a run of records of one origin with consecutive sequences."""
    expected = first
    for place in range(at, len(records)):
        offset, _, append_id = records[place]
        if append_id is None:
            if origin != NO_ORIGIN or offset != expected:
                return place
        elif append_id[1] != expected or append_id[0] != origin:
            return place
        expected += 1
    return len(records)


def _add_origins(runs: list[tuple[bytes, int, int, int]], origins: RowsAt) -> None:
    """Merge runs into the longest ranges, each at the offset of its earliest record."""
    ranges: list[tuple[bytes, int, int, int]] = []
    for origin, first, last, offset in sorted(runs):
        if ranges and ranges[-1][0] == origin and ranges[-1][2] == first - 1:
            ranges[-1] = (origin, ranges[-1][1], last, min(offset, ranges[-1][3]))
        else:
            ranges.append((origin, first, last, offset))
    for origin, first, last, offset in sorted(ranges, key=itemgetter(3)):
        origins.add(Origin(origin, first, last), offset)


def _leave_out(found: RowsAt, offsets: Collection[int]) -> None:
    kept = [place for place, offset in enumerate(found.offsets) if offset not in offsets]
    if len(kept) < len(found.offsets):
        found.events = [found.events[place] for place in kept]
        found.offsets = [found.offsets[place] for place in kept]


# ----------------------------------------------------------------------------------------------- verdicts


def _claimants(decoded: Decoded) -> list[_Claimant]:
    """List the events that use a dedup key, by offset: touches with an id, conversions, adjustments."""
    found = [
        (offset, kind, event)
        for kind in (Kind.CLICK, Kind.IMPRESSION)
        for offset, event in zip(decoded.by_kind[kind].offsets, decoded.by_kind[kind].events, strict=True)
        if event.ref
    ]
    for kind in (Kind.CONVERSION, Kind.ADJUSTMENT):
        events = decoded.by_kind[kind]
        found += [(offset, kind, event) for offset, event in zip(events.offsets, events.events, strict=True)]
    return sorted(found, key=itemgetter(0))


def _fold(
    decoded: Decoded,
    result: DedupResult,
    claimants: list[_Claimant],
    records: dict[int, Record],
    states: dict[bytes, bytes],
) -> None:
    """Decide over the events in order. Those that are not accepted are removed; the stored event may differ."""
    kinds = {kind for _, kind, _ in claimants}
    rows = {kind: RowsAt() for kind in (*kinds, Kind.ADJUSTMENT, Kind.REJECTED)}
    for offset, kind, event in claimants:
        record = records[offset]
        try:
            decision = decide_event(states.get, record.value, kind, event)
        except UndecodableRecord as error:
            decoded.dead.add(DeadLetter(str(error), record.value), offset)
            continue
        states.update(decision.puts)
        for key, state in decision.puts.items():
            result.claims.add(Claim(key, state, received_us(event)), offset)
        if decision.record is not None:
            stored = (kind, event) if decision.record is record.value else decode(decision.record)
            rows[stored[0]].add(stored[1], offset)
        elif decision.reason is not None and _is_news(record, event):
            rows[Kind.REJECTED].add(rejected_of(kind, event, decision), offset)
        else:
            skip = Skip(decision.verdict, decision.reason or "", keys_of(kind, event)[0], decision.detail)
            result.skipped.add(skip, offset)
    decided = {offset for offset, _, _ in claimants}
    for kind, new in rows.items():
        old = decoded.by_kind[kind]
        _leave_out(old, decided)
        pairs = sorted(zip(old.offsets + new.offsets, old.events + new.events, strict=True), key=itemgetter(0))
        old.offsets, old.events = [offset for offset, _ in pairs], [event for _, event in pairs]


def received_us(event: Touch | Conversion | Adjustment) -> int:
    """Return the time at which Clew received the event, in µs."""
    return event.received_ts if isinstance(event, Touch) else event.ts


def _is_news(record: Record, event: Event) -> bool:
    """Tell whether the sender was told `accepted` before this decision, so that ingest has to record the refusal.

    If a postback waited for its verdict, the edge appends the refusal itself, with the whole request.
    """
    return isinstance(event, Touch) or (record.append_id is not None and record.append_id.spilled)


def rejected_of(kind: Kind, event: Touch | Conversion | Adjustment, decision: Decision) -> Rejected:
    """Build the row of a record that was refused after its sender was told otherwise, from what the record holds."""
    refused = Rejected(
        ts=received_us(event), kind=kind.name.lower(), reason=decision.reason or "", field=decision.field,
        detail=decision.detail, ref=event.ref,
    )  # fmt: skip
    if isinstance(event, Touch):
        return msgspec.structs.replace(
            refused, offer_id=event.offer_id, partner_id=event.partner_id, link=event.link, fields=event.subs,
            visitor_id=event.visitor_id, ip=event.ip, user_agent=event.user_agent, referrer=event.referrer,
        )  # fmt: skip
    if isinstance(event, Conversion):
        fields = {
            "goal": event.goal, "txn_id": event.txn_id, "amount": _amount(event.amount_minor, event.currency),
            "currency": event.currency, "status": event.status,
        }  # fmt: skip
        return msgspec.structs.replace(
            refused, offer_id=event.offer_id, conversion_id=event.conversion_id, visitor_id=event.visitor_id,
            ip=event.sender_ip, fields={name: value for name, value in fields.items() if value},
        )  # fmt: skip
    minor = minor_of_e4(max(0, event.amount_e4), event.currency) if event.currency in DECIMALS else None
    fields = {
        "kind": event.kind, "status": event.status, "refund_id": event.refund_id,
        "amount": _amount(minor or 0, event.currency), "currency": event.currency,
    }  # fmt: skip
    return msgspec.structs.replace(
        refused, conversion_id=event.conversion_id, fields={name: value for name, value in fields.items() if value}
    )


def _amount(minor: int, currency: str) -> str:
    return format_minor(minor, currency) if minor and currency in DECIMALS else ""
