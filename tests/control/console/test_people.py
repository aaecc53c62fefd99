"""Pages of people: invitations by mail, sessions that are listed and ended, the own account."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from control.accounts.models import Invitation, Seat, User
from control.audit.models import AuditEvent
from tests.control.accounts.mails import last_mail, link_in
from tests.control.console.installation import PASSWORD, Console, newest_event

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_an_operator_is_invited_again_and_accepts(console: Console, client: Client) -> None:
    browser = console.browser("admin")
    answer = browser.post("/console/people/invite/", {"email": " Fay@acme.example", "role": "finance"}, follow=True)
    assert "is on its way" in text_of(answer)
    first = link_in(last_mail("fay@acme.example"))
    row = Invitation.objects.get(email="fay@acme.example")
    page = text_of(browser.get(f"/console/people/invitations/{row.pk}/"))
    assert "Finance" in page and "Send a new link" in page and "Administrator Person" in page
    browser.post(f"/console/people/invitations/{row.pk}/", {"do": "resend"})
    second = link_in(last_mail("fay@acme.example"))
    assert client.get(first).status_code == 404 and client.get(second).status_code == 200
    client.post(second, {"name": "Fay", "password": PASSWORD})
    assert User.objects.get(email="fay@acme.example").role == "finance"
    again = browser.post(f"/console/people/invitations/{row.pk}/", {"do": "resend"}, follow=True)
    assert "accepted or revoked already" in text_of(again)
    known = browser.post("/console/people/invite/", {"email": "fay@acme.example", "role": "owner"})
    assert known.status_code == 200
    known = browser.post("/console/people/invite/", {"email": "fay@acme.example", "role": "support"})
    assert "is an operator already" in text_of(known)


def test_invitations_are_listed_by_state_and_withdrawn(console: Console, client: Client) -> None:
    assert console.invitation is not None
    browser, address = console.browser("owner"), reverse("console_invitation", args=[console.invitation.pk])
    assert "ivy@acme.example" in text_of(browser.get("/console/people/invitations/?state=open"))
    browser.post(address, {"do": "withdraw"}, follow=True)
    event = newest_event()
    assert (event.object_type, event.actor_name) == ("accounts.invitation", "Owner Person")
    assert client.get(link_in(last_mail("ivy@acme.example"))).status_code == 404
    for state, there in (("open", False), ("revoked", True), ("accepted", False), ("expired", False)):
        found = text_of(browser.get(f"/console/people/invitations/?state={state}"))
        assert ("ivy@acme.example" in found) is there, state
    assert "Send a new link" not in text_of(browser.get(address))
    missing = reverse("console_invitation", args=["00000000-0000-0000-0000-000000000000"])
    assert browser.get(missing).status_code == browser.post(missing, {"do": "resend"}).status_code == 404


def test_a_person_of_a_partner_is_invited_from_its_page(console: Console, client: Client) -> None:
    assert console.own is not None
    browser, address = console.browser("owner"), f"/console/partners/{console.own.number}/"
    assert f"{address}invite/" in text_of(browser.get(address))
    assert "Invite" not in text_of(console.browser("partner_manager").get(address))
    assert browser.post(f"{address}invite/", {"email": "p@lagoon.example", "role": "boss"}).status_code == 200
    browser.post(f"{address}invite/", {"email": "p@lagoon.example", "role": "finance"})
    client.post(link_in(last_mail("p@lagoon.example")), {"name": "Pat", "password": PASSWORD})
    seat = Seat.objects.get()
    assert (seat.partner, seat.role, seat.user.role) == (console.own, "finance", "")


def test_sessions_of_a_person_are_listed_and_ended(console: Console) -> None:
    support, boss = console.people["support"], console.browser("owner")
    first, second = console.browser("support"), console.browser("support")
    for browser in (first, second):
        assert browser.get("/console/", headers={"User-Agent": FIREFOX}).status_code == 200
    address = reverse("console_user", args=[support.pk])
    assert text_of(boss.get(address)).count("Firefox on Linux") == 2
    one = UserSession.objects.get(session_key=first.cookies["sessionid"].value)
    boss.post(f"{address}sessions/", {"session": one.pk})
    assert (first.get("/console/").status_code, second.get("/console/").status_code) == (302, 200)
    event = newest_event()
    assert (event.action, event.object_id, event.before) == (
        "ended_sessions", str(support.pk), {"browsers": [FIREFOX], "addresses": ["127.0.0.1"]}
    )  # fmt: skip
    assert "has ended already" in text_of(boss.post(f"{address}sessions/", {"session": one.pk}, follow=True))
    assert "1 session is ended" in text_of(boss.post(f"{address}sessions/", follow=True))
    assert second.get("/console/").status_code == 302
    owner = reverse("console_user", args=[console.people["owner"].pk])
    boss.get("/console/")
    refused = console.browser("admin").post(f"{owner}sessions/", follow=True)
    assert "Only an owner" in text_of(refused) and boss.get("/console/").status_code == 200


def test_people_change_their_name_and_end_their_own_sessions(console: Console) -> None:
    here, elsewhere, other = console.browser("analyst"), console.browser("analyst"), console.browser("support")
    for browser in (here, elsewhere, other):
        browser.get("/console/")
    assert "analyst@acme.example" in text_of(here.get("/accounts/profile/"))
    assert here.post("/accounts/profile/", {"name": " Ana Lyst "}).status_code == 302
    assert User.objects.get(role="analyst").name == "Ana Lyst"
    event = newest_event()
    assert (event.action, event.after) == ("updated", {"name": "Ana Lyst"})
    assert "control characters" in text_of(here.post("/accounts/profile/", {"name": "a\x01b"}))
    keys = {browser: browser.cookies["sessionid"].value for browser in (elsewhere, other)}
    sessions = {browser: UserSession.objects.get(session_key=key).pk for browser, key in keys.items()}
    count = AuditEvent.objects.count()
    for session in (str(sessions[other]), "x", ""):
        here.post("/accounts/sessions/end/", {"session": session})
    assert AuditEvent.objects.count() == count and other.get("/console/").status_code == 200
    here.post("/accounts/sessions/end/", {"session": sessions[elsewhere]})
    assert (elsewhere.get("/console/").status_code, here.get("/console/").status_code) == (302, 200)


def test_visitors_have_no_profile(client: Client, database: object) -> None:
    assert client.get("/accounts/profile/").headers["Location"] == "/accounts/login/?next=/accounts/profile/"
    assert client.post("/accounts/sessions/end/", {"session": "1"}).status_code == 302
