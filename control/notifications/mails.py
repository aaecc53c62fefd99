"""Mails: their texts in the language of the reader, as plain text and HTML, into the outbox."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from email.utils import make_msgid, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.backends.django import Template
from django.template.loader import get_template, render_to_string
from django.urls import reverse
from django.utils import timezone, translation

from control.accounts.languages import language_of, zone_of
from control.accounts.models import User
from control.configuration import current_configuration
from control.notifications.kinds import mail_kind
from control.notifications.markdown import BRAND, escaped, html_of, text_of
from control.partners.models import Partner
from control.program.models import ProgramSettings

SUBJECT_CHARS_MAX = 150
Values = Mapping[str, object]
"""Texts, numbers, dates and lists of texts. Other objects are refused, because their texts would not be escaped."""


def queue_mail(
    kind: str, to: str, values: Values, *, locale: str = "", person: User | None = None,
    partner: Partner | None = None,
) -> None:  # fmt: skip
    """Store a mail in the open transaction, in the language of its reader. Raises UnknownMailKind, TypeError."""
    mail_kind(kind)
    reader = person if person is not None else User.objects.filter(email=to.lower()).first()
    own, zone = (reader.locale, reader.time_zone) if reader is not None else ("", "")
    language = language_of(locale, own, partner.language if partner is not None else "")
    with translation.override(language), timezone.override(zone_of(zone)):
        subject, body = built_in_texts(kind, values)
        mail_of(subject, body, to).send()


def built_in_texts(kind: str, values: Values) -> tuple[str, str]:
    """Return subject and body of a mail, in Markdown, from the templates of its app. Raises TypeError."""
    raw: dict[str, object] = {"program": program_name(), **values}
    marked = {name: _marked(name, value) for name, value in raw.items()}
    return _rendered(f"mail/{kind}.subject.txt", raw), _rendered(f"mail/{kind}.txt", marked)


def mail_of(subject: str, body: str, to: str) -> EmailMultiAlternatives:
    """Return a mail with a text in Markdown, as plain text and HTML, in the current language."""
    line = " ".join(subject.split())
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    headers = {
        "Message-ID": make_msgid(domain=sender.rpartition("@")[2] or "localhost"),
        "Auto-Submitted": "auto-generated",
    }
    values = {
        "subject": line, "content": html_of(body), "program": program_name(), "brand": BRAND,
        "language": translation.get_language(), "is_rtl": translation.get_language_bidi(),
    }  # fmt: skip
    mail = EmailMultiAlternatives(line[:SUBJECT_CHARS_MAX], text_of(body), to=[to], headers=headers)
    mail.attach_alternative(render_to_string("notifications/mail.html", values), "text/html")
    return mail


def page_link(url_name: str, *keys: object) -> str:
    """Return the absolute address of a page; empty if the installation has not been told its own."""
    base = current_configuration().settings.web.url
    return f"{base}{reverse(url_name, args=keys)}" if base else ""


def program_name() -> str:
    """Return the name of the program, for people."""
    return ProgramSettings.objects.values_list("name", flat=True).first() or "Clew"


def _marked(name: str, value: object) -> object:
    """Return a value for the Markdown of a body. Raises TypeError for objects."""
    if isinstance(value, str):
        return escaped(str(value))
    if value is None or isinstance(value, int | Decimal | date):
        return value
    if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return [escaped(part) for part in value]
    what = type(value).__name__
    raise TypeError(f"the value {name} of a mail is a {what}; give texts, numbers, dates or lists of texts")


def _rendered(name: str, values: Values) -> str:
    template = get_template(name)
    assert isinstance(template, Template)  # of Django's own backend
    return str(template.template.render(Context(dict(values), autoescape=False))).strip()
