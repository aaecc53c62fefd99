"""Convert rows of a file to lines of /v1/events, or to requests of links and pixels. Pure.

The result of a row does not depend on other rows or on their order, so any part of a file makes the same events.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

from integrations.files.amounts import set_amount
from integrations.files.mapping.events import CLICK, IMPRESSION, LINE, EventRule, number_text
from integrations.files.mapping.mapping import FileMapping
from integrations.files.moments import Timestamps, timestamps_of
from integrations.files.source import LineProblem, Row
from program.fields import link_code
from program.program import Program
from program.toml.tables import BadValue
from schemas.values.ip_addresses import canonical

NAME_CHARS_MAX = 200
_PLACES_KEPT = 65_536
_ADDRESS_CHARS_MAX = 512
_PLAIN_NAME = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9. -]{1,48}")
_NOT_IN_CODES = re.compile(r"[^A-Za-z0-9.-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_SENT = frozenset({"offer", "offer_id", "partner", "partner_id", "link", "ts", "id"})
_HEADERS = {
    "ip": b"x-forwarded-for",
    "user_agent": b"user-agent",
    "referrer": b"referer",
    "accept_language": b"accept-language",
}


@dataclass(frozen=True, slots=True)
class Names:
    """Numbers of the offers and partners that a file calls by name; None if no program is given."""

    offers: dict[str, int] | None = None
    partners: dict[str, int] | None = None
    links: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Numbers of offer and partner by the code of the link."""


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line for /v1/events."""

    line: int
    body: bytes


@dataclass(frozen=True, slots=True)
class LiveHit:
    """One request of a link or pixel."""

    line: int
    path: str
    params: dict[str, str]
    headers: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Position:
    """Link, offer and partner of an event as texts: numbers or names, or the code of the link."""

    link: str
    offer: str
    partner: str


def link_fields(rule: EventRule, values: dict[str, str]) -> tuple[str, str, str]:
    """Return link, offer and partner of a row, as written."""
    fields = rule.fields
    link, offer, partner = (
        fields.get("link"),
        fields.get("offer_id") or fields.get("offer"),
        fields.get("partner_id") or fields.get("partner"),
    )
    return (
        link.fill(values).strip() if link else "",
        offer.fill(values).strip() if offer else "",
        partner.fill(values).strip() if partner else "",
    )


def position_of(mapping: FileMapping, rule: EventRule, link: str, offer: str, partner: str) -> Position:
    """Check link, offer and partner of an event. Raises BadValue for a bad number, name or code."""
    offer = _checked("offer_id" in rule.fields, offer)
    partner = _checked("partner_id" in rule.fields, partner)
    if rule.type in ("click", "impression"):
        if not link and offer and partner:
            link = mapping.link_code.fill({"offer": code_part(offer), "partner": code_part(partner)})
        if not link:
            raise BadValue("the line names neither a link nor both offer and partner")
        link_code(link)
    return Position(link, offer, partner)


def _checked(is_number: bool, text: str) -> str:
    if not text:
        return ""
    if is_number:
        return str(number_text(text))
    if len(text) > NAME_CHARS_MAX or _CONTROL.search(text):
        raise BadValue(f"the name {text[:40]!r} has more than {NAME_CHARS_MAX} characters or a control character")
    return text


def code_part(name: str) -> str:
    """Write a name as a part of a link's code; different names give different parts."""
    if _PLAIN_NAME.fullmatch(name):
        return name.replace(" ", "_")
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{_NOT_IN_CODES.sub('_', name)[:40]}~{digest}"


class LineMaker:
    """Makes events or hits of rows."""

    def __init__(self, mapping: FileMapping, digest: str, names: Names, delimiter: str = ",") -> None:
        self._mapping = mapping
        self._digest = digest
        self._names = names
        self._numbers = mapping.source.numbers(delimiter)
        self._needs_address = mapping.source.mode == "clicks" or mapping.source.format == "access_log"
        # A file has few combinations of link, offer and partner, and repeats them often.
        self._where = lru_cache(_PLACES_KEPT)(self._find_where)

    def make(self, row: Row) -> list[EventLine | LiveHit | LineProblem]:
        """Make the events or hits of one row, and a problem for each one that cannot be made."""
        made: list[EventLine | LiveHit | LineProblem] = []
        values = {**row.values, LINE: str(row.line)}
        rules = {index: rule for index, rule in enumerate(self._mapping.events) if rule.applies(row.values)}
        if self._mapping.source.mode == "clicks":
            stamps: Timestamps = {}
        else:
            stamps = timestamps_of(rules, values, self._mapping.source.times)
        failed: set[str] = set()
        for index, rule in rules.items():
            try:
                if self._mapping.source.mode == "clicks":
                    made.append(self._hit(row.line, index, values))
                else:
                    event = self._event(row.line, index, values, stamps[index])
                    _check_references(rule, failed)
                    made.append(event)
                failed.discard(f"@{rule.type}")
            except BadValue as error:
                failed.add(f"@{rule.type}")
                made.append(LineProblem(row.line, f"{rule.type}: {error}"))
        return made

    def _event(self, line: int, index: int, values: dict[str, str], ts: int | BadValue) -> EventLine:
        rule = self._mapping.events[index]
        ref = rule.fields["id"].fill(values) if "id" in rule.fields else f"{self._digest}:{line}{rule.suffix}"
        if rule.type == "click":
            values[CLICK] = ref
        elif rule.type == "impression":
            values[IMPRESSION] = ref
        if isinstance(ts, BadValue):
            raise ts
        body: dict[str, Any] = {"type": rule.type, "id": ref, "ts": ts}
        body.update(self._where(index, *link_fields(rule, values)))
        body.update(_texts(rule, values))
        if "amount" in body:
            set_amount(body, rule.fields["amount"], values, self._numbers)
        if self._needs_address and "ip" in rule.fields:
            _check_address(body.get("ip", ""))
        custom = {name: text for name, part in rule.custom.items() if (text := part.fill(values).strip())}
        if custom:
            body["custom"] = custom
        return EventLine(line, orjson.dumps(body))

    def _find_where(self, index: int, link: str, offer: str, partner: str) -> dict[str, object]:
        """Return the fields that name link, offer and partner in a line of /v1/events."""
        rule = self._mapping.events[index]
        position = position_of(self._mapping, rule, link, offer, partner)
        offer_id = self._number("offer", rule, position.offer, self._names.offers)
        if rule.type not in ("click", "impression"):
            if position.offer and offer_id is None:
                raise BadValue(f"the number of the offer {position.offer!r} is not known; give --program")
            return {"offer_id": offer_id} if offer_id is not None else {}
        partner_id = self._number("partner", rule, position.partner, self._names.partners)
        if "link" in rule.fields or offer_id is None or partner_id is None:
            return {"link": position.link}
        # A line must be the same with and without a program, or its id would have two contents.
        if self._names.links.get(position.link) == (offer_id, partner_id):
            return {"link": position.link}
        return {"offer_id": offer_id, "partner_id": partner_id}

    def _number(self, noun: str, rule: EventRule, text: str, known: dict[str, int] | None) -> int | None:
        if not text:
            return None
        if f"{noun}_id" in rule.fields:
            return int(text)
        if known is None:
            return None
        if text not in known:
            raise BadValue(f"the program has no {noun} with the name {text!r}")
        return known[text]

    def _hit(self, line: int, index: int, values: dict[str, str]) -> LiveHit:
        rule = self._mapping.events[index]
        code = position_of(self._mapping, rule, *link_fields(rule, values)).link
        texts = _texts(rule, values)
        if "ip" in rule.fields:
            _check_address(texts.get("ip", ""))
        headers = tuple(
            (header, _CONTROL.sub(" ", texts.pop(name)).strip().encode())
            for name, header in _HEADERS.items()
            if name in texts
        )
        return LiveHit(line, f"/c/{code}" if rule.type == "click" else f"/i/{code}.gif", texts, headers)


def _check_references(rule: EventRule, failed: set[str]) -> None:
    """Raise BadValue for an event that names a click or impression of its own line that was not made.

    Sent alone, the event would claim its key; after a correction, it would be refused as a duplicate.
    """
    for name in ("click_ref", "impression_ref"):
        if name in rule.fields and (bad := failed.intersection(rule.fields[name].columns)):
            raise BadValue(f"{name} names the {min(bad)[1:]} of the same line, which has a problem")


def _texts(rule: EventRule, values: dict[str, str]) -> dict[str, str]:
    """Return the fields that are sent unchanged, without empty ones."""
    found = {}
    for name, template in rule.fields.items():
        if name not in _NOT_SENT and (text := template.fill(values).strip()):
            found[name] = text
    return found


def _check_address(text: str) -> None:
    """Raise BadValue for an `ip` that Clew would replace by the address of the machine that replays."""
    if not text:
        raise BadValue("ip is empty; remove ip from the event to record the address of the machine that replays")
    if len(text) > _ADDRESS_CHARS_MAX or not all(canonical(part) for part in text.split(",")):
        raise BadValue(
            f"ip {text[:40]!r} is not an address; log addresses instead of host names, or remove ip from the event"
        )


def names_of(mapping: FileMapping, program: Program) -> Names:
    """Return the numbers of the names that a mapping uses. Raises BadValue for a name of two offers or partners."""
    used = {name for rule in mapping.events for name in rule.fields}
    offers = ((name, number) for number, name in program.labels.offers.items())
    partners = ((name, number) for number, name in program.labels.partners.items())
    return Names(
        _numbers("offers", offers) if "offer" in used else None,
        _numbers("partners", partners) if "partner" in used else None,
        {link.code: (link.offer_id, link.partner_id) for link in program.routes.links.values()}
        if used & {"offer", "partner"}
        else {},
    )


def _numbers(noun: str, pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for name, number in pairs:
        if numbers.setdefault(name.strip(), number) != number:
            raise BadValue(f"the program has two {noun} with the name {name!r}, so the name does not identify one")
    return numbers
