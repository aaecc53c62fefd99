"""The trail is searched by actor, object, action, words and time."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, Origin, acting
from control.audit.record import Change, record
from control.audit.selectors import AuditFilter, audit_events, history_of
from tests.control.databases import TestDatabase


@pytest.fixture(autouse=True)
def trail(database: TestDatabase) -> None:
    with acting(Origin(ActorKind.PERSON, "1", "Ann", request_id="r-1", reason="spring sale")):
        record(Change("created", "offer", "101", "Shoes"), Change("updated", "offer", "101", "Shoes", partner=7))
    with acting(Origin(ActorKind.API_KEY, "k", "Shop system")):
        record(Change("created", "offer", "102", "Hats"))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["102", "101", "101"]),
        ({"actor_id": "1"}, ["101", "101"]),
        ({"actor_kind": "api_key"}, ["102"]),
        ({"object_type": "offer", "object_id": "101", "action": "created"}, ["101"]),
        ({"q": "SHOES spring"}, ["101", "101"]),
        ({"q": "hats spring"}, []),
        ({"q": "102"}, ["102"]),
        ({"request_id": "r-1", "partner": 7}, ["101"]),
    ],
)
def test_filters(wanted: dict[str, Any], found: list[str]) -> None:
    assert [event.object_id for event in audit_events(AuditFilter(**wanted))] == found


def test_times_bound_a_search() -> None:
    now = timezone.now()
    assert audit_events(AuditFilter(since=now - timedelta(hours=1), until=now + timedelta(hours=1))).count() == 3
    assert not audit_events(AuditFilter(since=now + timedelta(hours=1))).exists()
    assert not audit_events(AuditFilter(until=now - timedelta(hours=1))).exists()


def test_history_of_one_object_is_newest_first() -> None:
    assert [event.action for event in history_of("offer", "101")] == ["updated", "created"]
    assert AuditEvent.objects.count() == 3
