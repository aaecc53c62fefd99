"""The chain finds changed, missing and inserted events."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from control.audit.chain import chain_events, verify_chain
from control.audit.models import AuditDay, AuditEvent
from control.audit.origin import ActorKind, Origin, acting
from control.audit.record import Change, record

pytestmark = pytest.mark.usefixtures("database")


def _events(count: int) -> None:
    with acting(Origin(ActorKind.COMMAND, name="test")):
        for number in range(count):
            record(Change("noted", "thing", str(number), "Ünïcode", {"a": number}, {"a": [1.5, None, {"b": "ß"}]}))


def _without_triggers(statement: str) -> None:
    """Write as somebody does who may change the database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
        else:
            for name in ("audit_event_content", "audit_event_chained", "audit_event_deleted", "audit_day_deleted"):
                cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(statement)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def test_a_whole_chain_has_no_fault(now: datetime) -> None:
    _events(3)
    assert (verify_chain().chained, verify_chain().unchained) == (0, 3)
    assert chain_events(now) == 3 and chain_events(now) == 0
    _events(2)
    chain_events(now)
    report = verify_chain()
    assert (report.chained, report.unchained, report.faults) == (5, 0, [])
    assert list(AuditEvent.objects.order_by("id").values_list("position", flat=True)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("attack", "fault"),
    [
        ("UPDATE audit_auditevent SET actor_name = 'Eve' WHERE position = 2", "position 2 does not match"),
        ("UPDATE audit_auditevent SET reason = 'x' WHERE position = 4", "position 4 does not match"),
        ("DELETE FROM audit_auditevent WHERE position = 2", "missing before position 3"),
        ("DELETE FROM audit_auditevent WHERE position >= 3", "up to the seal"),
        ("UPDATE audit_auditday SET digest = 'x'", "the seal of"),
    ],
)
def test_a_changed_chain_is_found(attack: str, fault: str, now: datetime) -> None:
    _events(4)
    chain_events(now)
    chain_events(now + timedelta(days=1))
    if "auditday" in attack:
        attack = attack if connection.vendor == "postgresql" else "UPDATE audit_auditday SET digest = 'x'"
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("DROP TRIGGER audit_day_changed")
    _without_triggers(attack)
    assert any(fault in sentence for sentence in verify_chain().faults), verify_chain().faults


def test_each_day_is_sealed_once(now: datetime) -> None:
    _events(2)
    chain_events(now)
    assert not AuditDay.objects.exists()
    tomorrow = now + timedelta(days=1)
    chain_events(tomorrow)
    chain_events(tomorrow + timedelta(minutes=1))
    sealed = AuditDay.objects.get()
    assert (sealed.day, sealed.last_position) == (now.date(), 2)
    _events(1)
    chain_events(tomorrow)
    chain_events(now + timedelta(days=5))
    assert list(AuditDay.objects.order_by("day").values_list("last_position", flat=True)) == [2, 3]
    assert verify_chain().days == 2 and verify_chain().faults == []
