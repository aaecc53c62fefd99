"""The [[event]] tables of a mapping: the events of a line, and the columns that fill their fields."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from integrations.files.mapping.templates import Template, parse_template
from program import fields as program_values
from program.toml.tables import BadValue, Table
from schemas.events import STATUS_ORDER
from schemas.values import money

Mode = Literal["events", "clicks"]
Type = Literal["click", "impression", "conversion", "adjustment"]
Condition = tuple[str, frozenset[str]]

EVENTS_OF_A_LINE_MAX = 20
CLICK, IMPRESSION, LINE = "@click", "@impression", "@line"
"""Names that a template may have besides columns: the ids of this line's click and impression, and its number."""

_WHO = ("visitor_id", "user_id")
_WHERE = ("link", "offer", "offer_id", "partner", "partner_id")
_SENDER = ("ip", "user_agent", "referrer", "accept_language", "partner_click_id")
_SUBS = tuple(f"sub{number}" for number in range(1, 31))
_MATCHES = ("click_id", "click_ref", "impression_id", "impression_ref", *_WHO)
_TOUCH = ("id", "ts", *_WHERE, *_WHO, *_SENDER, *_SUBS)
_LIVE = (*_WHERE, *_WHO, *_SENDER, *_SUBS)
_KEY = ("id", "ts", "offer", "offer_id", "goal", "txn_id", "amount", "currency", "status")
FIELDS: dict[tuple[Mode, Type], tuple[str, ...]] = {
    ("events", "click"): _TOUCH,
    ("events", "impression"): _TOUCH,
    ("events", "conversion"): (*_KEY, *_MATCHES),
    ("events", "adjustment"): (*_KEY, "kind", "conversion_id", "reason"),
    ("clicks", "click"): (*_LIVE, "url"),
    ("clicks", "impression"): _LIVE,
}
"""Fields that an event of each type may have. `offer` and `partner` are names, `offer_id` and `partner_id` numbers."""


@dataclass(frozen=True, slots=True)
class EventRule:
    """One event that a line can become."""

    type: Type
    suffix: str
    """Ending of the event's id, different for each event of a line."""
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    fields: dict[str, Template]
    custom: dict[str, Template]

    def applies(self, row: dict[str, str]) -> bool:
        return all(row.get(column, "") in values for column, values in self.when) and not any(
            row.get(column, "") in values for column, values in self.unless
        )

    def columns(self) -> list[str]:
        """Return every column that the event uses."""
        used = [column for column, _ in (*self.when, *self.unless)]
        for template in (*self.fields.values(), *self.custom.values()):
            used += [column for column in template.columns if not column.startswith("@")]
        return used


def read_events(root: Table, mode: Mode) -> tuple[EventRule, ...]:
    """Read all [[event]] tables, in their order."""
    rules: list[EventRule] = []
    for table in root.tables("event"):
        rules.append(_read_event(table, len(rules), mode, {rule.type for rule in rules}))
    if not 1 <= len(rules) <= EVENTS_OF_A_LINE_MAX:
        root.wrong("event", f"there must be 1 to {EVENTS_OF_A_LINE_MAX} [[event]] tables")
    for names, numbers in (("offer", "offer_id"), ("partner", "partner_id")):
        if any(names in rule.fields for rule in rules) and any(numbers in rule.fields for rule in rules):
            root.wrong("event", f"use either {names} or {numbers} in all events; they cannot be combined")
    return tuple(rules)


def _read_event(table: Table, index: int, mode: Mode, earlier: set[Type]) -> EventRule:
    types = tuple(kind for of_mode, kind in FIELDS if of_mode == mode)
    kind = cast(Type, table.choice("type", types, types[0]))
    specials = {LINE} | {f"@{other}" for other in earlier & {"click", "impression"} if mode == "events"}
    rule = EventRule(
        type=kind,
        suffix=f":{chr(ord('b') + index)}" if index else "",
        when=_conditions(table.table("when")),
        unless=_conditions(table.table("unless")),
        fields={name: _field(table, name, specials) for name in FIELDS[mode, kind] if name in table},
        custom=_custom(table.table("custom"), specials) if kind == "conversion" else {},
    )
    table.done()
    _check_needed(table, rule, mode)
    return rule


def _conditions(table: Table) -> tuple[Condition, ...]:
    return tuple((column, frozenset(table.one_or_more(column))) for column in table)


def _field(table: Table, name: str, specials: set[str]) -> Template:
    def parse(text: str) -> Template:
        template = parse_template(text, specials=specials)
        if template.constant is not None and name in _CONSTANTS:
            _CONSTANTS[name](template.constant)
        return template

    return table.parsed(name, parse, Template(("",), ()))


def _custom(table: Table, specials: set[str]) -> dict[str, Template]:
    parse = partial(parse_template, specials=specials)
    return {name: table.parsed(name, parse, Template(("",), ())) for name in table}


def number_text(text: str) -> int:
    """Parse the number of an offer or partner. Raises BadValue."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= program_values.U32_MAX):
        raise BadValue(f"{text[:40]!r} is not a number from 1 to {program_values.U32_MAX}")
    return int(text)


def _one_of(*choices: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise BadValue(f"must be one of {', '.join(choices)}")
        return text

    return check


_CONSTANTS: dict[str, Callable[[str], object]] = {
    "offer_id": number_text,
    "partner_id": number_text,
    "link": program_values.link_code,
    "currency": program_values.currency,
    "status": _one_of(*STATUS_ORDER),
    "amount": money.parse_e4,
    "kind": _one_of("status", "refund", "chargeback"),
}
"""Checks of fields whose template has no column."""


def _check_needed(table: Table, rule: EventRule, mode: Mode) -> None:
    """Report missing fields that every event of this type needs."""
    has = rule.fields.keys()
    if mode == "events" and "ts" not in has:
        table.wrong("ts", "is missing; every event needs its time")
    for names, numbers in (("offer", "offer_id"), ("partner", "partner_id")):
        if names in has and numbers in has:
            table.wrong(names, f"cannot be used together with {numbers}; give the name or the number")
    offer, partner = bool(has & {"offer", "offer_id"}), bool(has & {"partner", "partner_id"})
    if rule.type in ("click", "impression"):
        if "link" not in has and not (offer and partner):
            table.wrong("link", "is missing; give link, or both offer or offer_id and partner or partner_id")
    elif rule.type == "conversion":
        if not offer and "click_id" not in has:
            table.wrong("offer_id", "is missing; only a conversion with click_id may leave out both offer_id and offer")
        if not has & set(_MATCHES):
            table.wrong("click_ref", f"is missing; give one of {', '.join(_MATCHES)}")
    else:
        if "kind" not in has:
            table.wrong("kind", "is missing; it is status, refund or chargeback")
        if "conversion_id" not in has and not (offer and "txn_id" in has):
            table.wrong("conversion_id", "is missing; give it, or txn_id and offer_id or offer")
