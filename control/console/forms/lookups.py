"""Fields that look rows up: a partner by number or name, a goal of the chosen offer."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.urls import reverse_lazy

from control.accounts.actor import Actor
from control.accounts.roles import Area
from control.partners.access import sees_all, visible_partners
from control.partners.models import Partner
from control.partners.selectors import search_partners, sees_personal_data
from control.program.models import Offer

TEXT_CHARS_MAX = 220
SUGGESTIONS_MAX = 8
GOAL_OFFERS_MAX = 100
"""Most offers whose goals a page contains for browsers without JavaScript."""
_NUMBER_DIGITS_MAX = 10
_LABEL = re.compile(rf"(?P<name>.+) \((?P<number>[0-9]{{1,{_NUMBER_DIGITS_MAX}}})\)", re.DOTALL)


def partner_label(partner: Partner) -> str:
    """Write a partner as the field shows and reads it: "Blue Lagoon (12)"."""
    return f"{partner.name} ({partner.number})"


def plain(text: object) -> str:
    """Return a text that somebody typed, without line breaks and surplus spaces."""
    return " ".join(str(text or "").replace("\0", "").split())[:TEXT_CHARS_MAX]


def suggested_partners(rows: QuerySet[Partner], text: str, *, personal: bool) -> list[Partner]:
    """Return the first partners that fit a text, by name."""
    label = _LABEL.fullmatch(text)
    words = label["name"] if label else text
    found = search_partners(rows, words, personal=personal) if words else rows
    number = _by_number(rows, text) if text.isdecimal() else None
    others = [row for row in found.order_by("name", "number")[:SUGGESTIONS_MAX] if row != number]
    return ([number] if number is not None else []) + others[: SUGGESTIONS_MAX - (number is not None)]


def _by_number(rows: QuerySet[Partner], text: str) -> Partner | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS_MAX
    return rows.filter(number=int(text)).first() if is_number else None


class LookupInput(forms.TextInput):
    """Text field that shows what fits while somebody types; without JavaScript it is a plain text field."""

    template_name = "console/lookup_input.html"

    def __init__(self, address: Any, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(
            {"autocomplete": "off", "spellcheck": "false", "placeholder": "Name or number", **(attrs or {})}
        )
        self._address = address

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return {**super().get_context(name, value, attrs), "address": f"{self._address}?field={name}"}


class PartnerField(forms.Field):
    """Partner by number, by name, or as the field shows it: "Blue Lagoon (12)". The value is the row, or None."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"widget": LookupInput(reverse_lazy("console_lookup_partners")), "label": "Partner", **options}
        )
        self._rows: QuerySet[Partner] = Partner.objects.none()
        self._personal = False

    def use(self, actor: Actor, kept: Partner | None = None) -> None:
        """Offer the partners that the actor may see, and the one that a form has already."""
        self._rows, self._personal = visible_partners(actor), sees_personal_data(actor)
        if kept is not None and not sees_all(actor, Area.PARTNERS):
            visible = Q(pk__in=self._rows.values("pk"))
            self._rows = Partner.objects.filter(visible | Q(pk=kept.pk))

    def prepare_value(self, value: Any) -> Any:
        """Write a partner, or the number of one, with its name."""
        row = value if isinstance(value, Partner) else _by_number(self._rows, str(value or ""))
        return partner_label(row) if row is not None else value

    def to_python(self, value: Any) -> Partner | None:
        """Read a number or a name. Raises ValidationError, with the partners that fit."""
        if isinstance(value, Partner):
            return value
        text = plain(value)
        if not text:
            return None
        label = _LABEL.fullmatch(text)
        if label and (row := _by_number(self._rows, label["number"])) is not None and plain(row.name) == label["name"]:
            return row
        named = _by_number(self._rows, text)
        if named is not None:
            return named
        exact = list(self._rows.filter(name__iexact=text)[:2])
        if len(exact) == 1:
            return exact[0]
        raise forms.ValidationError(self._mistake(text))

    def _mistake(self, text: str) -> str:
        fitting = [] if text.isdecimal() else suggested_partners(self._rows, text, personal=self._personal)
        if not fitting:
            return f"There is no partner {text}."
        names = ", ".join(map(partner_label, fitting))
        return f"Several partners fit: {names}. Choose one." if len(fitting) > 1 else f"Do you mean {names}?"

    def has_changed(self, initial: Any, data: Any) -> bool:
        number = initial.pk if isinstance(initial, Partner) else initial
        found = self.to_python(data)
        return (found.pk if found is not None else None) != number


Goals = Iterable[Mapping[str, str]]


def goal_options(goals: Goals) -> list[tuple[str, str]]:
    """Return the goals of one offer as choices: "Sale (1)"."""
    return [(goal["key"], f"{goal['name']} ({goal['key']})") for goal in goals]


class GoalSelect(forms.Select):
    """Choice of a goal. With JavaScript it has the goals of the chosen offer only."""

    def __init__(self) -> None:
        super().__init__(
            {
                "hx-get": reverse_lazy("console_lookup_goals"), "hx-include": "[name=offer]",
                "hx-trigger": "load, change from:#id_offer", "hx-target": "this", "hx-swap": "innerHTML",
            }
        )  # fmt: skip


class GoalField(forms.CharField):
    """Key of a goal; empty for all goals. The form checks that the offer has it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": GoalSelect(), "label": "Goal", "required": False, **options})

    def use(self, offers: QuerySet[Offer], chosen: Offer | None) -> None:
        """Offer the goals of the chosen offer first, then those of the others."""
        others = [offer for offer in offers[:GOAL_OFFERS_MAX] if chosen is None or offer.pk != chosen.pk]
        groups = [(offer.name, goal_options(offer.goals)) for offer in ([chosen] if chosen else []) + others]
        choice: Any = self.widget
        choice.choices = [("", "All goals"), *groups]
