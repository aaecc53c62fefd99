"""Notes about partners: who writes and reads them, and where they are shown."""

import json
from uuid import uuid4

import pytest

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.audit.models import AuditEvent
from control.errors import Forbidden, Invalid, NotFound
from control.modules.services import switch_module
from control.notifications.models import Notification
from control.partners.services import change_partner, transition
from control.timeline.models import MENTIONS_MAX, Note
from control.timeline.selectors import visible_notes
from control.timeline.services import add_note
from tests.control.api.conftest import Api
from tests.control.console.installation import Console

ATTACK = "<script>alert(1)</script>"


def _numbers(console: Console) -> tuple[int, int]:
    assert console.own is not None and console.foreign is not None
    return console.own.number, console.foreign.number


def test_rights_of_notes(console: Console) -> None:
    own, foreign = _numbers(console)
    manager, owner = console.actor("partner_manager"), console.actor("owner")
    add_note(manager, own, "Pays late.")
    add_note(owner, foreign, "Ask for the tax number.", "shared")
    with pytest.raises(NotFound):
        add_note(manager, foreign, "Guess")
    with pytest.raises(Forbidden):
        add_note(console.actor("support"), own, "Guess")
    seen = {role: {note.text for note in visible_notes(console.actor(role))} for role in console.people}
    both = {"Pays late.", "Ask for the tax number."}
    assert seen["owner"] == seen["support"] == both and seen["partner_manager"] == {"Pays late."}
    assert seen["analyst"] == seen["read_only"] == set()
    events = AuditEvent.objects.filter(object_type="timeline.note").order_by("pk")
    assert [(event.action, event.partner) for event in events] == [("created", own), ("created", foreign)]


@pytest.mark.parametrize(
    ("text", "audience", "field"),
    [(" ", "internal", "text"), ("x" * 4_001, "internal", "text"), ("x", "all", "audience")],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_mistakes(console: Console, text: str, audience: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        add_note(console.actor("owner"), _numbers(console)[0], text, audience)
    assert {error.field for error in caught.value.errors} == {field} and not Note.objects.exists()


def test_mentions_tell_operators_who_may_read_the_note(console: Console) -> None:
    own, foreign = _numbers(console)
    people, owner = console.people, console.actor("owner")
    wanted = [people["support"].pk, people["partner_manager"].pk, people["support"].pk]
    add_note(owner, own, "Please call.", "internal", wanted)
    told = Notification.objects.filter(kind="partner_note.mentioned")
    assert {row.user_id for row in told} == {people["support"].pk, people["partner_manager"].pk}
    assert all("Blue Lagoon" in row.text and row.link == f"/console/partners/{own}/" for row in told)
    unreadable = [(foreign, people["partner_manager"].pk), (own, people["analyst"].pk)]
    for partner, person in unreadable:
        with pytest.raises(Invalid, match=r"may read notes"):
            add_note(owner, partner, "Please call.", "internal", [person])
    with pytest.raises(Invalid, match=f"at most {MENTIONS_MAX}"):
        add_note(owner, own, "x", "internal", [uuid4() for _ in range(MENTIONS_MAX + 1)])
    assert Note.objects.count() == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_page_of_a_partner_has_one_timeline(console: Console) -> None:
    own, _ = _numbers(console)
    owner, manager = console.actor("owner"), console.browser("partner_manager")
    address = f"/console/partners/{own}/"
    assert manager.post(f"{address}notes/new/", {"text": ATTACK, "audience": "internal"}).headers["Location"] == address
    change_partner(owner, own, {"tier": "Gold"})
    transition(owner, own, "suspended", "Brand bidding")
    shown = manager.get(address).content.decode()
    timeline = shown[shown.index('<ol class="cl-timeline">') :]
    assert ATTACK not in timeline and f"{address}notes/new/" in shown
    places = [timeline.index(text) for text in ("Brand bidding", "Gold", "&lt;script&gt;")]
    assert places == sorted(places)
    assert timeline.count("Suspended") == 1  # the audit event of the state is not a second item
    reader = console.browser("read_only").get(address).content.decode()
    assert "alert(1)" not in reader and "notes/new" not in reader and "Brand bidding" in reader
    switch_module(command_line(), "timeline", False)
    off = manager.get(address).content.decode()
    assert "alert(1)" not in off and "notes/new" not in off and "Brand bidding" in off
    assert manager.get(f"{address}notes/new/").status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_partners_read_notes_that_are_shared_with_them(console: Console) -> None:
    own, foreign = _numbers(console)
    shop, partner, other = (
        Api(make_key(command_line(), name, scope, number)[1])
        for name, scope, number in (("a", "admin", None), ("b", "write", own), ("c", "read", foreign))
    )
    support = str(console.people["support"].pk)
    body = {"partner": own, "text": "Welcome", "audience": "shared", "mentions": [support]}
    status, made, _ = shop("POST", "/partner-notes", body)
    assert (status, made["mentions"], made["audience"]) == (201, [support], "shared")
    assert shop("POST", "/partner-notes", {"partner": own, "text": "Pays late"})[0] == 201
    assert shop("POST", "/partner-notes", {"partner": own, "text": "x", "author": "Eve"})[0] == 422
    assert partner("POST", "/partner-notes", {"partner": own, "text": "x"})[0] == 403
    listed = partner("GET", "/partner-notes")[1]["items"]
    assert [note["text"] for note in listed] == ["Welcome"] and support not in json.dumps(listed)
    assert other("GET", "/partner-notes")[1]["items"] == []
    assert len(shop("GET", f"/partner-notes?partner={own}")[1]["items"]) == 2
    assert shop("GET", f"/partner-notes?partner={foreign}")[1]["items"] == []
