"""Reasons to choose from, the choice of one, and changes of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import apply_values, changing
from control.errors import Conflict, FieldError, Invalid
from control.partners.access import require_operator
from control.reasons.defaults import DEFAULTS
from control.reasons.models import OTHER, Reason

EDITABLE = frozenset({"texts", "shown_to_partner", "is_archived", "position"})
REASONS_MAX = 200
TEXT_CHARS_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """Reason of one decision."""

    code: str
    text: str
    """Text of the decider; the whole reason for `other`."""
    shown: bool
    """True if the person whom the decision is about sees it."""

    def shown_in(self, reason: Reason, language: str) -> str:
        """Return what that person reads, in a language."""
        if not self.shown:
            return ""
        return "\n\n".join(part for part in ("" if self.code == OTHER else reason.text_in(language), self.text) if part)


def all_reasons(area: str) -> list[Reason]:
    """Return the reasons of an area, those that are archived too: the rows, and the defaults without a row."""
    stored = {row.code: row for row in Reason.objects.filter(area=area)}
    for position, (code, shown, texts) in enumerate(DEFAULTS.get(area, ()), start=1):
        row = Reason(area=area, code=code, shown_to_partner=shown, texts=texts, position=position * 10)
        stored.setdefault(code, row)
    return sorted(stored.values(), key=lambda reason: (reason.code == OTHER, reason.position, reason.code))


def reasons(area: str) -> list[Reason]:
    """Return the reasons of an area that may be chosen; `other` is the last one."""
    return [reason for reason in all_reasons(area) if not reason.is_archived]


def reason_of(area: str, code: str) -> Reason | None:
    """Return a reason by its code; None if there is no such reason."""
    return next((reason for reason in all_reasons(area) if reason.code == code), None)


def choose(area: str, code: str, text: str = "") -> Chosen:
    """Return the reason of a decision. Raises Invalid: an unknown code, or `other` without a text."""
    text = text.strip()
    found = next((reason for reason in reasons(area) if reason.code == code), None)
    if found is None:
        known = ", ".join(reason.code for reason in reasons(area))
        raise Invalid(FieldError("reason", f"is missing or unknown; it is one of {known}"))
    if found.code == OTHER and not text:
        raise Invalid(FieldError("reason_text", f"is missing; the reason {OTHER} needs a text"))
    if len(text) > TEXT_CHARS_MAX:
        raise Invalid(FieldError("reason_text", f"must have at most {TEXT_CHARS_MAX} characters"))
    return Chosen(found.code, text, found.shown_to_partner)


def reason_text(area: str, chosen: Chosen, language: str) -> str:
    """Return what the person whom a decision is about reads; archived reasons keep their text."""
    found = reason_of(area, chosen.code)
    return chosen.shown_in(found, language) if found is not None else (chosen.text if chosen.shown else "")


def change_reason(actor: Actor, area: str, code: str, values: Mapping[str, Any]) -> Reason:
    """Change a reason, or add one under a new code. Raises Forbidden, Invalid, Conflict."""
    require_operator(actor, Area.SETTINGS, Action.WRITE)
    with changing(actor):
        reason = Reason.objects.select_for_update().filter(area=area, code=code).first()
        if reason is None:
            if Reason.objects.count() >= REASONS_MAX:
                raise Conflict(f"there are {REASONS_MAX} reasons already; change one of them")
            reason = reason_of(area, code) or Reason(area=area, code=code)
        apply_values(reason, values, EDITABLE)
        if reason.code == OTHER and reason.is_archived:
            raise Conflict("the reason other cannot be archived, because every list needs one for all other cases")
        reason.save()
    return reason
