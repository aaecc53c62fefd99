"""Views as another person: read-only, marked on every page, audited, and over after a while."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.models import Seat, User
from control.accounts.people import change_person, disable_person
from control.accounts.roles import OPERATORS, PARTNERS, Action, Area, Limit, PartnerRole, Role, seen_by
from control.accounts.view_as import SESSION_KEY, actor_seen, start_viewing
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.errors import Conflict, Forbidden
from control.partners.models import Partner
from tests.control.console.installation import Console, newest_event

pytestmark = pytest.mark.usefixtures("database")


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def viewing(console: Console, viewer: str, seen: str) -> Client:
    browser = console.browser(viewer)
    answer = browser.post(reverse("console_user_view_as", args=[console.people[seen].pk]))
    assert answer.headers["Location"] == "/"
    return browser


def test_an_owner_sees_what_a_manager_sees_and_changes_nothing(console: Console) -> None:
    assert console.own and console.foreign
    browser = viewing(console, "owner", "partner_manager")
    for path in (
        "/console/",
        "/console/partners/",
        "/console/nothing/",
        f"/console/partners/{console.foreign.number}/",
    ):
        assert "You see this as Partner manager Person does (Partner manager)" in text_of(browser.get(path)), path
    assert "Red Rock" not in text_of(browser.get("/console/partners/"))
    assert browser.get("/console/people/").status_code == 403
    count = AuditEvent.objects.count()
    own = f"/console/partners/{console.own.number}"
    for path in (
        f"{own}/edit/",
        f"{own}/to/suspended/",
        "/console/partners/new/",
        "/accounts/profile/",
        "/api/v1/partners",
    ):
        answer = browser.post(path, {"name": "x", "reason": "x"})
        assert answer.status_code == 403, path
    for path in ("/accounts/profile/", "/accounts/2fa/", "/accounts/2fa/recovery-codes/", f"{own}/edit/"):
        assert browser.get(path).status_code == 403, path
    assert AuditEvent.objects.count() == count
    assert [row["name"] for row in browser.get("/api/v1/partners").json()["items"]] == ["Blue Lagoon"]
    assert browser.post("/accounts/view-as/end/").headers["Location"] == "/"
    page = text_of(browser.get("/console/people/"))
    assert "as yourself again" in page and "You see this as" not in page


def test_start_and_end_are_audited_in_the_name_of_the_viewer(console: Console) -> None:
    browser = viewing(console, "admin", "support")
    event = newest_event()
    assert (event.action, event.actor_name, event.object_name) == (
        "started_view_as", "Administrator Person", "support@acme.example"
    )  # fmt: skip
    assert event.after is not None and event.after["until"]
    session = browser.session
    session[SESSION_KEY] = {**session[SESSION_KEY], "until": (timezone.now() - timedelta(seconds=1)).timestamp()}
    session.save()
    page = text_of(browser.get("/console/"))
    assert "has ended: the time is over" in page and "You see this as" not in page
    event = newest_event()
    assert (event.action, event.actor_name, event.after) == (
        "ended_view_as", "Administrator Person", {"cause": "the time is over"}
    )  # fmt: skip
    browser = viewing(console, "admin", "support")
    browser.post("/accounts/logout/")
    ended = AuditEvent.objects.filter(action="ended_view_as").order_by("-id")[0]
    assert ended.after == {"cause": "signed out"} and browser.get("/console/").status_code == 302


def test_it_ends_with_the_right_and_with_the_person(console: Console) -> None:
    browser = viewing(console, "admin", "support")
    with acting(command_line()):
        disable_person(command_line(), console.people["support"].pk)
    assert "the person was disabled" in text_of(browser.get("/console/"))
    browser = viewing(console, "admin", "analyst")
    with acting(command_line()):
        change_person(command_line(), console.people["admin"].pk, {"role": "finance"})
    assert "the right was taken away" in text_of(browser.get("/console/"))


def test_who_may_look_at_whom(console: Console) -> None:
    owner, admin = console.actor("owner"), console.actor("admin")
    assert console.outsider is not None
    with pytest.raises(Forbidden):
        start_viewing(console.actor("support"), {}, console.people["analyst"].pk)
    for user in (console.people["owner"], console.outsider):
        with pytest.raises(Conflict):
            start_viewing(owner, {}, user.pk)
    seen = actor_seen(admin, console.people["finance"])
    assert seen is not None and seen.grant(Area.PAYMENT_DATA).limit is Limit.MASKED
    assert not seen.may(Area.STATEMENTS, Action.WRITE) and seen.may(Area.STATEMENTS, Action.READ)
    nested = viewing(console, "admin", "owner")
    again = nested.post(reverse("console_user_view_as", args=[console.people["support"].pk]))
    assert again.status_code == 403


def test_a_view_as_a_partners_person_has_that_partner_only(console: Console) -> None:
    assert console.own and console.outsider
    with acting(command_line()):
        Seat.objects.create(user=console.outsider, partner=console.own, role=PartnerRole.OWNER)
    browser = console.browser("owner")
    session = browser.session
    with acting(command_line()):
        start_viewing(console.actor("owner"), session, console.outsider.pk)
    session.save()
    assert [row["id"] for row in browser.get("/api/v1/partners").json()["items"]] == [console.own.number]
    assert browser.get("/console/").status_code == 403
    assert browser.post("/api/v1/links", "{}", content_type="application/json").status_code == 403
    assert Partner.objects.count() == 2 and User.objects.filter(pk=console.outsider.pk).exists()


def test_no_view_reads_more_than_its_viewer(database: object) -> None:
    for viewer in (Role.OWNER, Role.ADMIN):
        mine = OPERATORS[viewer]
        for grants in (*OPERATORS.values(), *PARTNERS.values()):
            for area in Area:
                seen = seen_by(mine[area], grants[area])
                assert seen.actions <= {Action.READ} & mine[area].actions & grants[area].actions
                assert not seen.actions or mine[area].limit in (Limit.NONE, seen.limit)
    person = Actor(ActorKind.PERSON, role=Role.OWNER)
    assert not replace(person, viewer_role=Role.SUPPORT).may(Area.PEOPLE, Action.READ)
