"""Texts of operators for mails: Markdown with named variables, in place of the built-in ones, by language."""

import re
from collections.abc import Mapping
from datetime import date, datetime

from django.conf import settings
from django.template import Context, Engine
from django.template.backends.django import Template
from django.template.loader import get_template
from django.utils import timezone, translation

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import changing
from control.errors import FieldError, Invalid, NotFound, validate
from control.notifications.kinds import MailKind, UnknownMailKind, mail_kind
from control.notifications.markdown import escaped
from control.notifications.models import MailTemplate
from control.partners.access import require_operator
from control.ui.moments import day_text, minute_text

_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_TAG = re.compile(r"\{%|%\}|\{#")
PROGRAM = "program"
BODY_CHARS_MAX = 20_000


def kind_of(actor: Actor, name: str, action: Action = Action.READ) -> MailKind:
    """Return a kind of mail whose texts an operator may see or change. Raises Forbidden, NotFound."""
    require_operator(actor, Area.SETTINGS, action)
    try:
        return mail_kind(name)
    except UnknownMailKind:
        raise NotFound(f"there is no mail {name[:60]}") from None


def check_language(language: str) -> None:
    """Check that there are texts in a language. Raises NotFound."""
    if language not in dict(settings.LANGUAGES):
        raise NotFound(f"there are no mails in {language[:16]}")


def own_text(kind: str, language: str) -> MailTemplate | None:
    """Return the text of operators for a mail in a language; None if the built-in one counts."""
    return MailTemplate.objects.filter(kind=kind, language=language).first()


def own_languages() -> dict[str, set[str]]:
    """Return the languages in which operators have texts of their own, by kind of mail."""
    found: dict[str, set[str]] = {}
    for kind, language in MailTemplate.objects.values_list("kind", "language"):
        found.setdefault(kind, set()).add(language)
    return found


def check_texts(kind: MailKind, subject: str, body: str) -> None:
    """Check that texts name only variables of their mail. Raises Invalid."""
    known = [*kind.variables, PROGRAM]
    mistakes = []
    if len(body) > BODY_CHARS_MAX:
        mistakes.append(FieldError("body", f"has {len(body):,} characters; use at most {BODY_CHARS_MAX:,}"))
    for field, text in (("subject", subject), ("body", body)):
        if _TAG.search(text):
            mistakes.append(FieldError(field, "holds a tag such as {% or {#; use variables such as {{ program }} only"))
        for name in dict.fromkeys(_VARIABLE.findall(text)):
            if name not in known:
                mistakes.append(FieldError(field, f"there is no variable {name[:40]}; use {', '.join(known)}"))
    if mistakes:
        raise Invalid(*mistakes)


def save_own_text(actor: Actor, name: str, language: str, subject: str, body: str) -> MailTemplate:
    """Store the text of operators for a mail in a language. Raises Forbidden, NotFound, Invalid."""
    kind = kind_of(actor, name, Action.WRITE)
    check_language(language)
    check_texts(kind, subject, body)
    with changing(actor):
        row = MailTemplate.objects.select_for_update().filter(kind=name, language=language).first()
        row = row or MailTemplate(kind=name, language=language)
        row.subject, row.body, row.changed = subject.strip(), body.replace("\r\n", "\n").strip(), timezone.now()
        validate(row)
        row.save()
    return row


def reset_own_text(actor: Actor, name: str, language: str) -> None:
    """Let the built-in text of a mail count again. Raises Forbidden, NotFound."""
    kind_of(actor, name, Action.WRITE)
    with changing(actor):
        row = MailTemplate.objects.select_for_update().filter(kind=name, language=language).first()
        if row is None:
            raise NotFound(f"the mail {name} has the built-in text in {language} already")
        row.delete()


def filled(text: str, values: Mapping[str, object], *, is_markdown: bool) -> str:
    """Put values in the place of the variables of a text, in the current language; times are UTC."""

    def value_of(found: re.Match[str]) -> str:
        value = values.get(found[1])
        if isinstance(value, list | tuple):
            lines = [escaped(str(part)) if is_markdown else str(part) for part in value]
            return "\n".join(f"- {line}" for line in lines) if is_markdown else ", ".join(lines)
        shown = _shown(value)
        return escaped(shown) if is_markdown else shown

    return _VARIABLE.sub(value_of, text)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return minute_text(value)
    if isinstance(value, date):
        return day_text(value)
    return "" if value is None else str(value)


def built_in_source(name: str, kind: MailKind, language: str) -> tuple[str, str]:
    """Return subject and body of the built-in text with its variables, to begin with."""
    values: dict[str, object] = {
        key: [f"{{{{ {key} }}}}"] if isinstance(variable.sample, tuple) else f"{{{{ {key} }}}}"
        for key, variable in kind.variables.items()
    }
    values[PROGRAM] = f"{{{{ {PROGRAM} }}}}"
    engine = Engine(
        builtins=["django.templatetags.i18n", "django.templatetags.l10n", "control.notifications.prefill"],
        libraries={"i18n": "django.templatetags.i18n"},
    )
    with translation.override(language):
        subject, body = (_source(engine, f"mail/{name}.{part}", values) for part in ("subject.txt", "txt"))
    # A list puts its own marks.
    return subject, re.sub(r"^- (\{\{ (?:" + "|".join(_lists(kind)) + r") \}\})$", r"\1", body, flags=re.MULTILINE)


def _lists(kind: MailKind) -> list[str]:
    return [key for key, variable in kind.variables.items() if isinstance(variable.sample, tuple)] or ["(?!)"]


def _source(engine: Engine, path: str, values: Mapping[str, object]) -> str:
    template = get_template(path)
    assert isinstance(template, Template)  # of Django's own backend
    rendered = engine.from_string(template.template.source).render(Context(dict(values), autoescape=False))
    return re.sub(r"\n{3,}", "\n\n", str(rendered)).strip()


def samples(kind: MailKind, program: str) -> dict[str, object]:
    """Return values for previews."""
    return {PROGRAM: program, **{key: variable.sample for key, variable in kind.variables.items()}}
