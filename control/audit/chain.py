"""Hash chain of the audit events: each digest covers the event and the digest before it.

Events are chained a moment after their commit and not in their transaction, because writers would then wait for each
other. Each day is sealed with its last digest, which goes to the log too.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from control.audit.models import AuditDay, AuditEvent
from control.turns import Turns
from runtime.logs import logger

_log = logger("audit")
GENESIS = "0" * 64
BATCH_EVENTS_MAX = 1_000
_LOCK_NUMBER = 0x61756469
FAULTS_SHOWN_MAX = 50


def chain_events(now: datetime) -> int:
    """Chain the events that are not chained yet, and seal the days before; return the number of events chained."""
    chained, turns = 0, Turns()
    while count := _chain_batch(now):
        chained += count
        turns.give_way()
    return chained


def _chain_batch(now: datetime) -> int:
    with transaction.atomic():
        _one_at_a_time()
        last = AuditEvent.objects.exclude(position=None).order_by("-position").first()
        _seal_day(now, last)
        position, digest = (last.position or 0, last.digest) if last else (0, GENESIS)
        events = list(AuditEvent.objects.filter(position=None).order_by("id")[:BATCH_EVENTS_MAX])
        links = []
        for event in events:
            position += 1
            digest = digest_of(event, position, digest)
            links.append((position, digest, event.pk))
        _store(links)
    return len(events)


def _store(links: Sequence[tuple[int, str, int]]) -> None:
    """Store positions and digests by one statement that is prepared once: `bulk_update` takes ten times as long."""
    table = connection.ops.quote_name(AuditEvent._meta.db_table)
    with connection.cursor() as cursor:
        cursor.executemany(f"UPDATE {table} SET position = %s, digest = %s WHERE id = %s", links)


def _one_at_a_time() -> None:
    """Wait for another process that chains. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_NUMBER])


def _seal_day(now: datetime, last: AuditEvent | None) -> None:
    """Seal what was chained before today, if it is not sealed."""
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    sealed = AuditDay.objects.order_by("-day").first()
    if last is None or last.position is None or (sealed is not None and sealed.day >= yesterday):
        return
    if last.at.astimezone(UTC).date() > yesterday or (sealed is not None and sealed.last_position == last.position):
        return
    AuditDay.objects.create(day=yesterday, last_position=last.position, digest=last.digest, sealed=now)
    _log.info("audit_day_sealed", day=str(yesterday), last_position=last.position, digest=last.digest)


def digest_of(event: AuditEvent, position: int, previous: str) -> str:
    """Return the digest of an event at a position of the chain."""
    content = [
        previous, position, event.id, event.at.astimezone(UTC).isoformat(timespec="microseconds"), event.actor_kind,
        event.actor_id, event.actor_name, event.action, event.object_type, event.object_id, event.object_name,
        event.partner, event.before, event.after, event.reason, event.request_id, event.address,
    ]  # fmt: skip
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class ChainReport:
    """Result of a check of the chain."""

    chained: int = 0
    unchained: int = 0
    days: int = 0
    faults: list[str] = field(default_factory=list)
    """Sentences, at most FAULTS_SHOWN_MAX."""
    last_digest: str = GENESIS


def verify_chain() -> ChainReport:
    """Recompute the whole chain and compare it with the events and the seals of the days."""
    report = ChainReport(unchained=AuditEvent.objects.filter(position=None).count())
    sealed = {day.last_position: day for day in AuditDay.objects.order_by("last_position")}
    for fault in _faults(report, sealed):
        if len(report.faults) < FAULTS_SHOWN_MAX:
            report.faults.append(fault)
    return report


def _faults(report: ChainReport, sealed: dict[int, AuditDay]) -> Iterator[str]:
    position = 0
    for event in AuditEvent.objects.exclude(position=None).order_by("position").iterator(chunk_size=BATCH_EVENTS_MAX):
        position, report.chained = position + 1, report.chained + 1
        if event.position != position:
            yield f"audit events are missing before position {event.position} (expected {position})"
            position = event.position or position
        if event.digest != digest_of(event, position, report.last_digest):
            yield f"audit event {event.id} at position {position} does not match its digest"
        report.last_digest = event.digest
        day = sealed.pop(position, None)
        if day is not None:
            report.days += 1
            if day.digest != event.digest:
                yield f"the seal of {day.day} does not match the event at position {position}"
    for day in sealed.values():
        yield f"the events up to the seal of {day.day} are missing (position {day.last_position})"
