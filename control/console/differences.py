"""Audit events for people: a sentence for each, and values before and after as texts."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import Field, Model
from django.urls import NoReverseMatch, reverse
from django.utils.dateparse import parse_datetime

from control.accounts.models import User
from control.audit.models import AuditEvent
from control.audit.record import HIDDEN
from control.ui.moments import minute_text
from control.ui.table import Tone

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_US_PER = (("day", 86_400_000_000), ("hour", 3_600_000_000), ("minute", 60_000_000), ("second", 1_000_000))
_SUMMARY_FIELDS_MAX = 3
_SUMMARY_CHARS_MAX = 60
_VERBS = {
    "created": "created",
    "updated": "changed",
    "deleted": "deleted",
    "ended_sessions": "ended sessions of",
    "reset_second_factor": "removed the second factor of",
    "sign_in_refused": "could not sign in as",
    "sign_in_link_made": "made a sign-in link for",
    "started_view_as": "began to view as",
    "ended_view_as": "stopped viewing as",
}
_TONES: dict[str, Tone] = {"created": "good", "deleted": "bad", "updated": "info"}
_PAGES = {
    "partners.partner": "console_partner",
    "program.offer": "console_offer",
    "program.link": "console_link",
    "program.plan": "console_plan",
    "scheduled.scheduledchange": "console_scheduled_change",
    "program.publishrequest": "console_publish_request",
    "accounts.user": "console_user",
    "accounts.invitation": "console_invitation",
    "jobs.job": "console_job",
}

_PAGES_BY_NAME = frozenset({"program.link"})
"""Objects whose page is found by their name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field before and after."""

    field: str
    before: str
    after: str


def action_tone(action: str) -> Tone:
    """Return the tone of an action."""
    return _TONES.get(action, "neutral")


def verb(action: str) -> str:
    """Write an action in the past tense."""
    return _VERBS.get(action, action.replace("_", " ").replace(".", " "))


def type_text(object_type: str) -> str:
    """Write the kind of an object: `accounts.apikey` is "API key"."""
    try:
        name = str(apps.get_model(object_type)._meta.verbose_name)
    except (LookupError, ValueError):
        name = object_type.rpartition(".")[2].replace("_", " ")
    text = name[:1].upper() + name[1:]
    return text.replace("Api key", "API key")


def page_of(event: AuditEvent) -> str:
    """Return the address of the page of an object; empty when it has none."""
    name = _PAGES.get(event.object_type)
    if name is None or event.action == "deleted":
        return ""
    try:
        return reverse(name, args=[event.object_name if event.object_type in _PAGES_BY_NAME else event.object_id])
    except NoReverseMatch:
        return ""


def sentence(event: AuditEvent) -> str:
    """Write an event: "Olivia Stone changed partner Blue Lagoon"."""
    kind, who = type_text(event.object_type), event.actor_name or "Somebody"
    is_own = event.object_type == "accounts.user" and event.object_id == event.actor_id
    if is_own and (event.after is None or event.action == "signed_in"):
        return f"{who} {verb(event.action)}"  # such as a sign-in
    noun = kind if kind[:2].isupper() else kind[:1].lower() + kind[1:]
    if event.object_type == "program.programversion":  # its name says that it is one
        noun = ""
    return " ".join(f"{who} {verb(event.action)} {noun} {event.object_name or event.object_id}".split())


def names_of_people(events: Iterable[AuditEvent]) -> dict[str, str]:
    """Return the names of the people whom values of events name by id."""
    wanted = {
        value
        for event in events
        for values in (event.before, event.after)
        for value in (values or {}).values()
        if isinstance(value, str) and _UUID.fullmatch(value)
    }
    return {str(user.pk): str(user) for user in User.objects.filter(pk__in=wanted)}


def differences(event: AuditEvent, names: Mapping[str, str]) -> list[Difference]:
    """Return the fields of an event, without those that are empty before and after."""
    before, after = event.before or {}, event.after or {}
    model = _model(event.object_type)
    found = []
    for name in {**before, **after}:
        old, new = (value_text(model, name, values.get(name), names) for values in (before, after))
        if old or new:
            found.append(Difference(field_text(model, name), old, new))
    return found


def summary(event: AuditEvent, names: Mapping[str, str]) -> str:
    """Write the changed fields of an event in one line; a new object needs none."""
    if event.action != "updated":
        return ""
    found = differences(event, names)
    parts = [f"{one.field}: {_short(one.before)} → {_short(one.after)}" for one in found[:_SUMMARY_FIELDS_MAX]]
    more = len(found) - len(parts)
    return " · ".join([*parts, f"{more} more"] if more else parts)


def _short(text: str) -> str:
    if not text:
        return "none"
    return text if len(text) <= _SUMMARY_CHARS_MAX else f"{text[:_SUMMARY_CHARS_MAX]}…"


def _model(object_type: str) -> type[Model] | None:
    try:
        return apps.get_model(object_type)
    except (LookupError, ValueError):
        return None


def _field(model: type[Model] | None, name: str) -> "Field[Any, Any] | None":
    for field in model._meta.concrete_fields if model is not None else ():
        if name in (field.attname, field.name):
            return field
    return None


def field_text(model: type[Model] | None, name: str) -> str:
    """Write the name of a field."""
    field = _field(model, name)
    text = str(field.verbose_name) if field is not None else name.removesuffix("_id").replace("_", " ")
    text = re.sub(r" (us|e6|minor)$", "", text)
    return text[:1].upper() + text[1:]


def value_text(model: type[Model] | None, name: str, value: Any, names: Mapping[str, str]) -> str:
    """Write a value for people."""
    field = _field(model, name)
    choices = dict(field.flatchoices) if field is not None else {}
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, str | int) and value in choices:
        return str(choices[value])
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(value_text(None, "", item, names) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {value_text(None, '', item, names)}" for key, item in value.items())
    if isinstance(value, int):
        return _number_text(name, value)
    return _plain_text(str(value), names)


def _plain_text(text: str, names: Mapping[str, str]) -> str:
    if text == HIDDEN:
        return "hidden"
    if text in names:
        return names[text]
    try:
        moment = parse_datetime(text) if text.endswith("Z") else None
    except ValueError:
        moment = None
    return minute_text(moment) if moment is not None else text


def _number_text(name: str, value: int) -> str:
    if name.endswith("_us"):
        return duration_text(value)
    if name.endswith("percent_e6"):
        return f"{value / 1e6:.6f}".rstrip("0").rstrip(".") + "\u202f%"
    return str(value)


def duration_text(microseconds: int) -> str:
    """Write a duration in its largest whole unit: "30 days"."""
    for unit, size in _US_PER:
        if microseconds and microseconds % size == 0:
            number = microseconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{microseconds / 1e6:g} seconds"
