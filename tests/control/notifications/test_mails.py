"""Mails are text and HTML in the language of their reader, and show values as text."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import ClassVar

import pytest
from django.apps import apps
from django.template.loader import get_template
from django.utils import translation

from control import configuration
from control.accounts.actor import command_line
from control.configuration import current_configuration
from control.mail.models import OutgoingMail
from control.notifications.kinds import UnknownMailKind, mail_kinds
from control.notifications.mails import queue_mail
from control.notifications.markdown import escaped, html_of, text_of
from control.notifications.models import MailPreference
from control.partners.services import create_partner

TO = "ann@shop.example"
ATTACK = '[x](https://evil.example) <img src=x onerror="y"> *b* _i_ 1. a\n2. b\n\n# c\n    d\n![p](https://p.example)'
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def _stored() -> EmailMessage:
    mail = OutgoingMail.objects.latest("created")
    message = message_from_bytes(bytes(mail.content), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


class _Tags(HTMLParser):
    """Collects elements, and fails where they are not closed in order."""

    VOID: ClassVar = {"meta", "br", "hr", "img", "link"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    return parser.seen


@ON_SQLITE
@pytest.mark.usefixtures("database", "acting_test")
@pytest.mark.parametrize("locale", ["en", "ar"])
def test_every_kind_of_mail_has_text_and_html_in_both_directions(locale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    own = current_configuration()
    web = own.settings.web.model_copy(update={"url": "https://partners.example"})
    settings = own.settings.model_copy(update={"web": web})
    monkeypatch.setattr(configuration, "_set", [replace(own, settings=settings)])
    for name, kind in mail_kinds().items():
        if not kind.transactional:
            MailPreference.objects.update_or_create(email=TO, category=kind.category, defaults={"is_on": True})
        queue_mail(name, TO, {key: variable.sample for key, variable in kind.variables.items()}, locale=locale)
        message = _stored()
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        assert message["Subject"] and message["Auto-Submitted"] == "auto-generated" and message["To"] == TO
        assert message["Message-ID"].endswith("@localhost>")
        plain, page = _part(message, "plain"), _part(message, "html")
        tags = _tags(page)
        assert dict(tags)["html"] == {"lang": locale, "dir": "rtl" if locale == "ar" else "ltr"}
        assert "\n\n\n" not in plain and "{{" not in plain + page and "{%" not in plain + page
        assert ("List-Unsubscribe" in message) is not kind.transactional
        if "link" in kind.variables:
            link = str(kind.variables["link"].sample)
            assert link in plain and link in [attributes.get("href") for _, attributes in tags]


def test_values_are_text_in_markdown_whatever_they_are() -> None:
    source = f"{escaped(ATTACK)}\n\n- {escaped('- # one')}\n\n{escaped('a_b snake_case_name')}"
    page = html_of(source)
    assert {tag for tag, _ in _tags(page)} == {"p", "br", "ul", "li"}
    plain = text_of(source)
    for line in ATTACK.splitlines():
        assert line.strip() in plain
    assert "- - # one" in plain and "a_b snake_case_name" in plain


def test_links_are_buttons_alone_and_addresses_in_plain_text() -> None:
    address = "https://x.example/a_b/?q=1&b=(2)"
    source = (
        f"See [this]({escaped(address)}).\n\n[Open]({escaped(address)})\n\n{escaped(address)}\n\n[bad](javascript:x)"
    )
    assert text_of(source).split("\n\n")[:3] == [f"See this ({address}).", f"Open: {address}", address]
    links = [attributes for tag, attributes in _tags(html_of(source)) if tag == "a"]
    assert [link["href"] for link in links] == [address] * 3
    assert ["background-color" in str(link["style"]) for link in links] == [False, True, False]


def test_lists_and_headings_in_plain_text() -> None:
    source = "# Sums\n\n- one\n- two\n\n3. three\n4. four\n\n**bold** and `123 456`\nnext line"
    assert text_of(source) == "Sums\n\n- one\n- two\n\n3. three\n4. four\n\nbold and 123 456\nnext line\n"


@ON_SQLITE
@pytest.mark.usefixtures("database", "acting_test")
def test_a_mail_is_in_the_language_of_the_partner() -> None:
    blue = create_partner(command_line(), {"name": "Blue *Lagoon*", "language": "ar"})
    values = {
        "who": "Ada",
        "partner": blue.name,
        "link": "https://x.example/",
        "expires": datetime(2026, 3, 5, 9, 4, tzinfo=UTC),
    }
    queue_mail("invitation", TO, values, partner=blue)
    assert "2026, 09:04" in _part(_stored(), "plain")
    assert 'dir="rtl"' in _part(_stored(), "html") and "Blue *Lagoon*" in _stored()["Subject"]
    assert translation.get_language() == "en"


@ON_SQLITE
@pytest.mark.usefixtures("database", "acting_test")
def test_unknown_kinds_and_objects_are_refused() -> None:
    with pytest.raises(UnknownMailKind, match=r"no\.such"):
        queue_mail("no.such", TO, {})
    with pytest.raises(TypeError, match="the value who of a mail is a Partner"):
        queue_mail("invitation", TO, {"who": create_partner(command_line(), {"name": "Blue"})})
    assert not OutgoingMail.objects.exists()


def test_each_kind_has_its_templates_in_the_app_that_declares_it() -> None:
    for app in apps.get_app_configs():
        for name in getattr(app, "mail_kinds", {}):
            for part in ("subject.txt", "txt"):
                assert str(get_template(f"mail/{name}.{part}").origin).startswith(app.path)  # type: ignore[attr-defined]
