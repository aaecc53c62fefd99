"""People choose their mails, end them with one click, and addresses that take no mail get only what they need."""

from dataclasses import replace
from email import message_from_bytes, policy
from email.message import Message

import pytest
from django.test import Client

from control import configuration
from control.accounts.actor import Actor, command_line
from control.accounts.models import User
from control.accounts.people import add_operator, new_user, store_with_seat
from control.accounts.roles import PartnerRole
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.configuration import current_configuration
from control.errors import Forbidden, Invalid, NotFound
from control.mail.models import OutgoingMail
from control.notifications import kinds
from control.notifications.bounces import NotAReport, bounce_of, bounces_in, forget_bounce, note_bounces
from control.notifications.kinds import Category, MailKind
from control.notifications.mails import queue_mail
from control.notifications.models import MailPreference
from control.notifications.preferences import change_preferences, preferences_of
from control.partners.services import create_partner

BOSS = command_line()
EMAIL = "fay@blue.example"
NEWS = "invitation"
ONE_CLICK = "List-Unsubscribe=One-Click"
pytestmark = [
    pytest.mark.usefixtures("database", "acting_test"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture(autouse=True)
def _news(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the invitation a mail that nobody has to have, and give the installation an address."""
    known = kinds.mail_kind(NEWS)
    optional = MailKind("News", Category.PROGRAM, transactional=False, variables=known.variables)
    monkeypatch.setattr("control.notifications.mails.mail_kind", lambda _: optional)
    monkeypatch.setattr("control.notifications.preferences.mail_kinds", lambda: {NEWS: optional})
    _at(monkeypatch, "https://partners.example")


def _at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    own = current_configuration()
    settings = own.settings.model_copy(update={"web": own.settings.web.model_copy(update={"url": url})})
    monkeypatch.setattr(configuration, "_set", [replace(own, settings=settings)])


@pytest.fixture
def fay() -> User:
    blue = create_partner(BOSS, {"name": "Blue"}, "active")
    user = new_user(EMAIL, "Fay", "correct horse battery")
    store_with_seat(user, blue.number, PartnerRole.OWNER)
    return user


def _send(to: str = EMAIL, locale: str = "") -> Message | None:
    values = {"who": "Ada", "partner": "", "link": "https://partners.example/x", "expires": "today"}
    if not queue_mail(NEWS, to, values, locale=locale):
        return None
    content = OutgoingMail.objects.latest("created").content
    return message_from_bytes(bytes(content), policy=policy.default)


def _path(message: Message | None) -> str:
    assert message is not None
    address = str(message["List-Unsubscribe"]).strip()
    assert address.startswith("<https://partners.example/u/") and address.endswith(">")
    assert message["List-Unsubscribe-Post"] == ONE_CLICK
    return address.removeprefix("<https://partners.example").rstrip(">")


def test_one_click_ends_the_mails_of_a_category(fay: User, client: Client) -> None:
    message = _send()
    path = _path(message)
    for part in ("plain", "html"):
        assert path.split("/")[2] in message.get_body((part,)).get_content()  # type: ignore[union-attr]
    assert "gets mails about" in client.get(path).content.decode() and _send() is not None, "scanners open links"
    answer = client.post(path, ONE_CLICK, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200 and "You are unsubscribed" in answer.content.decode()
    assert _send() is None and preferences_of(fay) == {Category.PROGRAM: False}
    assert "link in a mail" in AuditEvent.objects.filter(object_type="notifications.mailpreference").latest("id").reason
    assert client.post(path, ONE_CLICK, content_type="application/x-www-form-urlencoded").status_code == 200
    assert client.post(path, {"resubscribe": "1"}).status_code == 200
    assert _send() is not None and MailPreference.objects.count() == 1


def test_an_unsubscription_holds_for_a_new_address_and_for_people_without_an_account(fay: User, client: Client) -> None:
    client.post(_path(_send()), {})
    User.objects.filter(pk=fay.pk).update(email="new@blue.example")
    assert _send("new@blue.example") is None
    other = _path(_send("Nobody@Shop.example"))
    client.post(other, {})
    assert _send("nobody@shop.example") is None and MailPreference.objects.filter(user=None).count() == 1


@pytest.mark.parametrize("change", [lambda token: token[:-1], lambda token: "x" * 2_000, lambda _: "a:b:c"])
def test_links_that_were_not_made_here_are_refused(fay: User, client: Client, change: object) -> None:
    token = _path(_send()).split("/")[2]
    assert client.post(f"/u/{change(token)}/", {}).status_code == 404  # type: ignore[operator]
    assert not MailPreference.objects.exists()


def test_a_person_chooses_on_the_page(fay: User, client: Client) -> None:
    assert client.get("/accounts/mails/").status_code == 302
    client.force_login(fay)
    page = client.get("/accounts/mails/").content.decode()
    assert "Offers, links and news of the program" in page and "checked" in page
    assert client.post("/accounts/mails/", {}).status_code == 302
    assert preferences_of(fay) == {Category.PROGRAM: False} and _send() is None
    assert client.post("/accounts/mails/", {"program": "on"}).status_code == 302
    assert _send() is not None
    with pytest.raises(Invalid, match="money cannot be chosen"):
        change_preferences(BOSS, fay, {"money": False})


def test_without_an_address_of_the_installation_nothing_is_sent_that_cannot_be_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _at(monkeypatch, "")
    assert _send() is None and not OutgoingMail.objects.exists()


def _report(
    message_id: str, to: str, action: str = "failed", status: str = "5.1.1", returned: str = "headers"
) -> bytes:
    kind = "text/rfc822-headers" if returned == "headers" else "message/rfc822"
    return f"""From: mailer-daemon@mx.example
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
MIME-Version: 1.0

--b
Content-Type: text/plain

It could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} no such
 mailbox

--b
Content-Type: {kind}

Message-ID: {message_id}
Subject: News

--b--
""".replace("\n", "\r\n").encode()


@pytest.mark.parametrize("returned", ["headers", "whole"])
def test_a_bounced_address_gets_only_what_it_needs(fay: User, client: Client, returned: str) -> None:
    message = _send()
    assert message is not None
    note_bounces(BOSS, _report(str(message["Message-ID"]), EMAIL.upper(), returned=returned))
    bounce = bounce_of(EMAIL)
    assert bounce is not None and (bounce.status, bounce.reason) == ("5.1.1", "smtp; 550 5.1.1 no such mailbox")
    assert _send() is None
    client.force_login(fay)
    assert "550 5.1.1 no such mailbox" in client.get("/accounts/mails/").content.decode()
    boss = add_operator(BOSS, "ann@acme.example", "owner", "Ann", "correct horse battery")
    client.force_login(boss)
    assert "no such mailbox" in client.get(f"/console/people/{fay.pk}/").content.decode()
    forget_bounce(BOSS, EMAIL)
    assert _send() is not None
    with pytest.raises(NotFound):
        forget_bounce(BOSS, EMAIL)


def test_delays_mark_nothing_and_forged_reports_are_refused(fay: User) -> None:
    own = str(_send()["Message-ID"])  # type: ignore[index]
    assert bounces_in(_report(own, EMAIL, "delayed", "4.2.2")) == []
    for message_id, to in ((own, "victim@other.example"), ("<a.b@localhost>", EMAIL), ("", EMAIL)):
        with pytest.raises(NotAReport, match="names no mail that was sent to it from here"):
            bounces_in(_report(message_id, to))
    with pytest.raises(NotAReport, match="no part message/delivery-status"):
        bounces_in(b"Subject: holiday\r\n\r\nI am away.")
    with pytest.raises(NotAReport, match="more than"):
        bounces_in(b"x" * (1024**2 + 1))
    with pytest.raises(Forbidden):
        note_bounces(Actor(ActorKind.PERSON, "1", "Eve"), _report(own, EMAIL))
    assert bounce_of(EMAIL) is None
