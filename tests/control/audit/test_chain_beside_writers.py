"""Long chaining lets others write: on SQLite, transactions that follow each other keep the lock from everybody else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connections

from control import turns
from control.audit import chain
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, Origin, acting
from control.audit.record import Change, record, record_all

ANN = Origin(ActorKind.COMMAND, name="test")
BATCHES = 12


@pytest.mark.parametrize("committed_database", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("committed_database")
def test_others_write_while_events_are_chained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH_EVENTS_MAX", 10)
    monkeypatch.setattr(turns, "HOLD_MAX_S", 0)
    with acting(ANN):
        record_all(Change("noted", "thing", str(number), "", None, {"a": number}) for number in range(10 * BATCHES))

    def write() -> int:
        """Write as soon as chaining has begun; return how many events were left then."""
        try:
            while not AuditEvent.objects.exclude(position=None).exists():
                pass
            with acting(ANN):
                record(Change("noted", "thing", "mine", "", None, None))
            return AuditEvent.objects.filter(position=None).count()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        left = pool.submit(write)
        chain.chain_events(datetime.now(UTC))
        assert left.result() > 10
    assert chain.verify_chain().faults == []
