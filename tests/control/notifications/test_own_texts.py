"""Operators write texts of mails: only known variables, values as text, preview, test, the built-in text again."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from django.test import Client

from control.accounts.actor import Actor, command_line
from control.accounts.models import User
from control.accounts.people import add_operator
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.errors import Forbidden, Invalid, NotFound
from control.mail.models import OutgoingMail
from control.notifications.kinds import mail_kinds
from control.notifications.mails import queue_mail
from control.notifications.models import MailTemplate
from control.notifications.own_texts import built_in_source, check_texts, reset_own_text, save_own_text

BOSS = command_line()
WHEN = datetime(2026, 3, 5, 9, 4, tzinfo=UTC)
URL = "/console/settings/mails/invitation/en/"
pytestmark = [
    pytest.mark.usefixtures("database", "acting_test"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@pytest.fixture
def ann(client: Client) -> User:
    user = add_operator(BOSS, "ann@acme.example", "owner", "Ann", "correct horse battery")
    client.force_login(user)
    return user


def _mail(locale: str = "en", who: str = "Ada") -> tuple[str, str, str]:
    link = "https://partners.example/x"
    queue_mail("invitation", "fay@blue.example", {"who": who, "link": link, "expires": WHEN}, locale=locale)
    message = message_from_bytes(bytes(OutgoingMail.objects.latest("created").content), policy=policy.default)
    parts = [message.get_body((kind,)).get_content() for kind in ("plain", "html")]  # type: ignore[union-attr]
    return str(message["Subject"]), parts[0], parts[1]


def test_an_own_text_counts_in_its_language_until_it_is_reset() -> None:
    save_own_text(BOSS, "invitation", "en", "Hi from {{ who }}", "**Welcome** to {{program}}\n\n[Start]({{ link }})")
    subject, plain, page = _mail(who="[Eve](https://evil.example) *x*")
    assert subject == "Hi from [Eve](https://evil.example) *x*"
    assert (
        plain.split() == ["Welcome", "to", "Clew", "Start:", "https://partners.example/x"]
        and "<strong>Welcome</strong>" in page
    )
    save_own_text(BOSS, "invitation", "en", "Hi", "{{ who }}, until {{ expires }} UTC")
    page = _mail(who="[Eve](https://evil.example)")[2]
    assert "evil.example)" in page and 'href="https://evil' not in page and "5 Mar 2026, 09:04 UTC" in page
    assert _mail("fr")[0] != "Hi", "other languages keep the built-in text"
    reset_own_text(BOSS, "invitation", "en")
    assert _mail()[0] == "Invitation to Clew"
    assert AuditEvent.objects.filter(object_type="notifications.mailtemplate").count() == 3
    with pytest.raises(NotFound, match="built-in text in en already"):
        reset_own_text(BOSS, "invitation", "en")


@pytest.mark.parametrize(
    ("subject", "body", "part"),
    [
        ("Hi {{ nam }}", "x", "subject: there is no variable nam; use who, partner, link, expires, program"),
        ("Hi", "{{ who.password }}", "body: there is no variable who.password"),
        ("Hi", "{% load x %}", "body: holds a tag"),
        ("", "x", "subject"),
        ("Hi", "x" * 20_001, "body"),
    ],
)
def test_mistakes_name_their_field(subject: str, body: str, part: str) -> None:
    with pytest.raises(Invalid) as caught:
        save_own_text(BOSS, "invitation", "en", subject, body)
    assert part in "; ".join(f"{error.field}: {error.message}" for error in caught.value.errors)
    assert not MailTemplate.objects.exists()


def test_rights_and_names() -> None:
    analyst = Actor(ActorKind.PERSON, "1", "Eve", role=Role.ANALYST)
    with pytest.raises(Forbidden):
        save_own_text(analyst, "invitation", "en", "Hi", "x")
    for name, language in (("no.such", "en"), ("invitation", "xx")):
        with pytest.raises(NotFound):
            save_own_text(BOSS, name, language, "Hi", "x")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_built_in_text_can_be_taken_over_as_it_is(language: str) -> None:
    for name, kind in mail_kinds().items():
        if kind.variables:
            subject, body = built_in_source(name, kind, language)
            check_texts(kind, subject, body)
            assert subject and body, name


def test_the_page_previews_tests_saves_and_resets(ann: User, client: Client) -> None:
    assert "Invitation" in client.get("/console/settings/mails/").content.decode()
    page = client.get(URL).content.decode()
    assert (
        "{{ who }} invites you." in page
        and "English" in page
        and "Ada Lovelace invites you." in page
        and "Built-in text" in page
    )
    text = {"subject": "Hi {{ who }}", "body": "# Welcome <script>"}
    page = client.post(URL, {**text, "do": "preview"}).content.decode()
    assert "Hi Ada Lovelace" in page and "Welcome &lt;script&gt;</h1>" in page and not MailTemplate.objects.exists()
    page = client.post(URL, {**text, "do": "test"}).content.decode()
    assert "on its way to ann@acme.example" in page
    assert OutgoingMail.objects.get(recipients=["ann@acme.example"]).subject == "[Test] Hi Ada Lovelace"
    page = client.post(URL, {"subject": "Hi", "body": "{{ x }}", "do": "save"}).content.decode()
    assert "there is no variable x" in page and not MailTemplate.objects.exists()
    assert client.post(URL, {**text, "do": "save"}).status_code == 302
    assert "Own text" in client.get(URL).content.decode()
    assert client.post(URL, {"do": "reset"}).status_code == 302 and not MailTemplate.objects.exists()
    assert client.get("/console/settings/mails/no.such/en/").status_code == 404
