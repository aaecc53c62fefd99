"""Mails: their texts in the language of the reader, as plain text and HTML, into the outbox."""

from collections.abc import Mapping
from datetime import UTC, date
from decimal import Decimal
from email.utils import parseaddr
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.backends.django import Template
from django.template.loader import get_template, render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from control.accounts.actor import Actor
from control.accounts.languages import language_of
from control.accounts.models import User, normal_email
from control.accounts.roles import Action
from control.audit.origin import ActorKind
from control.changes import changing
from control.configuration import current_configuration
from control.errors import Conflict
from control.notifications.bounces import message_id
from control.notifications.kinds import CATEGORY_TEXTS, Category, mail_kind
from control.notifications.markdown import BRAND, escaped, html_of, text_of
from control.notifications.own_texts import check_language, check_texts, filled, kind_of, own_text, samples
from control.notifications.preferences import wants_mail
from control.notifications.unsubscribe import token_of
from control.partners.models import Partner
from control.program.models import ProgramSettings
from runtime.logs import logger

SUBJECT_CHARS_MAX = 150
_log = logger("mail")
Values = Mapping[str, object]
"""Texts, numbers, dates and lists of texts. Other objects are refused, because their texts would not be escaped."""


def queue_mail(
    kind: str, to: str, values: Values, *, locale: str = "", person: User | None = None, partner: Partner | None = None
) -> bool:
    """Store a mail in the open transaction, in the language of its reader. Raises UnknownMailKind, TypeError.

    Returns False for a mail that nobody has to have and that its reader does not want or cannot get.
    """
    what = mail_kind(kind)
    reader = person if person is not None else User.objects.filter(email=normal_email(to)).first()
    own = reader.locale if reader is not None else ""
    ending = ""
    if not what.transactional:
        ending = page_link("unsubscribe", token_of(to, reader, what.category))
        if not ending:
            _log.warning("mail left out", kind=kind, why="without CLEW_WEB__URL it could not be unsubscribed from")
        if not ending or not wants_mail(to, reader, what.category):
            return False
    language = language_of(locale, own, partner.language if partner is not None else "")
    with translation.override(language), timezone.override(UTC):  # texts of mails say UTC
        subject, body = texts_of(kind, values)
        mail_of(subject, body, to, category=what.category, ending=ending).send()
    return True


def texts_of(kind: str, values: Values) -> tuple[str, str]:
    """Return subject and body of a mail in the current language: those of operators, or the built-in ones.

    Bodies are Markdown. Raises TypeError.
    """
    built_in = built_in_texts(kind, values)
    own = own_text(kind, translation.get_language())
    if own is None:
        return built_in
    all_values = {"program": program_name(), **values}
    return filled(own.subject, all_values, is_markdown=False), filled(own.body, all_values, is_markdown=True)


def send_test(actor: Actor, kind: str, language: str, subject: str, body: str) -> str:
    """Send texts with sample values to the person who asks; return the address. Raises Refused."""
    known = kind_of(actor, kind, Action.WRITE)
    check_language(language)
    check_texts(known, subject, body)
    user = User.objects.filter(pk=actor.id).first() if actor.kind is ActorKind.PERSON else None
    if user is None:
        raise Conflict("a test goes to the address of the person who asks; sign in as one")
    values = samples(known, program_name())
    with changing(actor), translation.override(language):
        line = f"[Test] {filled(subject, values, is_markdown=False)}"
        mail_of(line, filled(body, values, is_markdown=True), user.email).send()
    return str(user.email)


def built_in_texts(kind: str, values: Values) -> tuple[str, str]:
    """Return subject and body of a mail, in Markdown, from the templates of its app. Raises TypeError."""
    raw: dict[str, object] = {"program": program_name(), **values}
    marked = {name: _marked(name, value) for name, value in raw.items()}
    return _rendered(f"mail/{kind}.subject.txt", raw), _rendered(f"mail/{kind}.txt", marked)


def mail_of(subject: str, body: str, to: str, *, category: str = "", ending: str = "") -> EmailMultiAlternatives:
    """Return a mail with a text in Markdown, as plain text and HTML, in the current language.

    With `ending`, the address that ends the mails of the category, it says so in its foot and its headers.
    """
    line = " ".join(subject.split())
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {"Message-ID": message_id(to, uuid4().hex, domain), "Auto-Submitted": "auto-generated"}
    foot = ""
    if ending:
        headers |= {"List-Unsubscribe": f"<{ending}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        foot = _foot(category, ending)
    name = program_name()
    values = {
        "subject": line, "content": html_of(body), "program": name, "brand": BRAND, "footer": html_of(foot),
        "language": translation.get_language(), "is_rtl": translation.get_language_bidi(),
    }  # fmt: skip
    text = text_of(body) + (f"\n-- \n{text_of(foot)}" if foot else "")
    mail = EmailMultiAlternatives(line[:SUBJECT_CHARS_MAX], text, to=[to], headers=headers)
    mail.attach_alternative(render_to_string("notifications/mail.html", values), "text/html")
    return mail


def _foot(category: str, ending: str) -> str:
    why = gettext("You get this mail because you receive mails about: %(category)s.")
    about = why % {"category": escaped(str(CATEGORY_TEXTS[Category(category)]))}
    return f"{about} [{gettext('Unsubscribe')}]({escaped(ending)})"


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
