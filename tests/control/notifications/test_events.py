"""Listeners are called for the changes that they name, in the transaction of the change."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from control.accounts.actor import command_line
from control.audit.event_resources import event_types
from control.audit.models import AuditEvent
from control.audit.origin import current_origin
from control.changes import changing
from control.modules.services import switch_module
from control.notifications import events
from control.notifications.events import Event, ListenersCallEachOther, on
from control.partners.models import Partner
from control.partners.services import change_partner, create_partner, transition

BOSS = command_line()
pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture(autouse=True)
def _own_listeners(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    events.load_listeners()
    kept = {kind: list(listeners) for kind, listeners in events._listeners.items()}
    yield
    events._listeners.clear()
    events._listeners.update(kept)


def test_a_listener_gets_the_events_that_it_names() -> None:
    seen: list[Event] = []

    @on("partner.status_changed", "partner.created")
    def listen(event: Event) -> None:
        seen.append(event)

    blue = create_partner(BOSS, {"name": "Blue"}, "active")
    change_partner(BOSS, blue.number, {"company": "Blue Ltd"})
    transition(BOSS, blue.number, "suspended", "fraud")
    assert [event.type for event in seen] == ["partner.created", "partner.status_changed"]
    made, changed = seen
    assert (made.object_id, made.partner, made.after["name"], made.changed) == (
        str(blue.number),
        blue.number,
        "Blue",
        (),
    )
    assert (changed.before, changed.after, changed.changed) == (
        {"status": "active"},
        {"status": "suspended"},
        ("status",),
    )


def test_a_listener_of_a_resource_gets_all_its_events_and_bulk_changes_too() -> None:
    seen: list[str] = []
    on("partner.*")(lambda event: seen.append(f"{event.type} {event.object_name}"))
    for name in ("Blue", "Red"):
        create_partner(BOSS, {"name": name}, "active")
    seen.clear()
    with changing(BOSS):
        Partner.objects.update(group="north")
    assert sorted(seen) == ["partner.changed Blue", "partner.changed Red"]


def test_the_listener_is_in_the_transaction_and_knows_the_actor() -> None:
    def refuse(_: Event) -> None:
        assert transaction.get_connection().in_atomic_block and current_origin().reason == "fraud"
        raise LookupError("no")

    blue = create_partner(BOSS, {"name": "Blue"}, "active")
    on("partner.status_changed")(refuse)
    audited = AuditEvent.objects.count()
    with pytest.raises(LookupError):
        transition(BOSS, blue.number, "suspended", "fraud")
    blue.refresh_from_db()
    assert blue.status == "active" and AuditEvent.objects.count() == audited


def test_listeners_of_a_module_that_is_off_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Event] = []

    def listen(event: Event) -> None:
        seen.append(event)

    monkeypatch.setattr(listen, "__module__", "control.webhooks.listeners")
    on("partner.created")(listen)
    switch_module(BOSS, "webhooks", False)
    create_partner(BOSS, {"name": "Blue"})
    assert seen == []
    switch_module(BOSS, "webhooks", True)
    create_partner(BOSS, {"name": "Red"})
    assert len(seen) == 1


def test_a_circle_of_changes_ends_with_an_error() -> None:
    blue = create_partner(BOSS, {"name": "Blue"})

    def change(event: Event) -> None:
        Partner.objects.filter(number=blue.number).update(group=f"{event.after['group']}x")

    on("partner.changed")(change)
    with pytest.raises(ListenersCallEachOther, match=r"partner\.changed is the end of 8 changes"):
        change_partner(BOSS, blue.number, {"group": "a"})
    assert Partner.objects.get().group == ""


def test_unknown_types_are_refused() -> None:
    assert "partner.status_changed" in event_types()
    with pytest.raises(ValueError, match=r"partner\.stat is not a type of events"):
        on("partner.stat")
