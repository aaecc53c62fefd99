"""Infer the program for replaying a history: every partner, offer and link that the history names.

Ids that are numbers keep their numbers; names are numbered from 1 in sorted order. A history does not contain plans,
windows, goals or the landing page; they come from the mapping.
"""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from integrations.files.lines import link_fields, position_of
from integrations.files.mapping.mapping import FileMapping
from integrations.files.mapping.program import ProgramPart
from integrations.files.source import LineProblem, SourceFile
from program.file import read_program
from program.toml.tables import BadValue
from runtime.files import write_private

PROBLEMS_SHOWN_MAX = 100
ENTRIES_MAX = 1_000_000
_API_KEY_BYTES = 24
Progress = Callable[[int, int, int], None]
"""Called with the number of lines read, bytes read, and bytes of the file."""


class InferError(ValueError):
    """Error for a history from which no program can be inferred; the message says why."""


@dataclass(slots=True)
class HistoryCount:
    """Offers, partners and links that a file names."""

    lines: int = 0
    problems: int = 0
    shown: list[LineProblem] = field(default_factory=list)
    offers: set[str] = field(default_factory=set)
    partners: set[str] = field(default_factory=set)
    links: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Offer and partner by code."""

    def add_problem(self, problem: LineProblem) -> None:
        self.problems += 1
        if len(self.shown) < PROBLEMS_SHOWN_MAX:
            self.shown.append(problem)


@dataclass(frozen=True, slots=True)
class Inferred:
    """Text of an inferred program, and the counts of the file."""

    text: str
    offers: int
    partners: int
    counted: HistoryCount


def numbers_of(keys: Iterable[str], *, are_numbers: bool) -> dict[str, int]:
    """Return the number of each key: the key itself, or its rank from 1 among the sorted names."""
    if are_numbers:
        return {key: int(key) for key in sorted(keys, key=int)}
    return {key: rank for rank, key in enumerate(sorted(keys), start=1)}


def uses_numbers(mapping: FileMapping, noun: str) -> bool:
    """Return whether a file names offers or partners (`noun`) by number."""
    return any(f"{noun}_id" in rule.fields for rule in mapping.events)


def count_history(path: Path, mapping: FileMapping, progress: Progress | None = None) -> HistoryCount:
    """Read the whole file once and count what it names. Raises SourceError, InferError."""
    counted = HistoryCount()
    with SourceFile(path, mapping) as file:
        for row in file.rows():
            counted.lines += 1
            if isinstance(row, LineProblem):
                counted.add_problem(row)
                continue
            try:
                _count(counted, mapping, row.values)
            except BadValue as error:
                counted.add_problem(LineProblem(row.line, str(error)))
            if progress is not None and counted.lines % 1_000 == 0:
                progress(counted.lines, file.bytes_done, file.bytes_total)
        if progress is not None:
            progress(counted.lines, file.bytes_total, file.bytes_total)
    return counted


def _count(counted: HistoryCount, mapping: FileMapping, values: dict[str, str]) -> None:
    for rule in mapping.events:
        if not rule.applies(values):
            continue
        position = position_of(mapping, rule, *link_fields(rule, values))
        if position.offer:
            counted.offers.add(position.offer)
        if position.partner:
            counted.partners.add(position.partner)
        if not position.link:
            continue
        if not (position.offer and position.partner):
            raise InferError("the mapping gives links without their offer and partner; a program needs all three")
        before = counted.links.setdefault(position.link, (position.offer, position.partner))
        if before != (position.offer, position.partner):
            raise InferError(
                f"the link {position.link} would lead to offer {before[0]} of partner {before[1]} and to offer "
                f"{position.offer} of partner {position.partner}; change link_code in the mapping"
            )
    if len(counted.links) > ENTRIES_MAX:
        raise InferError(f"the file names more than {ENTRIES_MAX:,} links; check the column of the link")


def infer(path: Path, mapping: FileMapping, api_key: str, progress: Progress | None = None) -> Inferred:
    """Write the text of the program of a file. Raises SourceError, InferError."""
    if mapping.program is None:
        raise InferError("the mapping has no [program]: add one with currency and landing_url")
    counted = count_history(path, mapping, progress)
    if not counted.offers:
        first = f"; line {counted.shown[0].line}: {counted.shown[0].message}" if counted.shown else ""
        raise InferError(f"{path}: no line names an offer{first}")
    offers = numbers_of(counted.offers, are_numbers=uses_numbers(mapping, "offer"))
    partners = numbers_of(counted.partners, are_numbers=uses_numbers(mapping, "partner"))
    text = _text(mapping, mapping.program, counted, offers, partners, api_key)
    reading = read_program(text, lambda name: None)
    if reading.mistakes:
        raise InferError("the program would not be valid: " + "; ".join(str(m) for m in reading.mistakes[:5]))
    return Inferred(text, len(offers), len(partners), counted)


def new_api_key(random_bytes: Callable[[int], bytes]) -> str:
    """Return a random key for /v1/events."""
    return base64.urlsafe_b64encode(random_bytes(_API_KEY_BYTES)).decode()


def write_program(path: Path, text: str) -> None:
    """Write a program file that only its owner can read, since it contains keys. Raises OSError."""
    write_private(path, text.encode())


def _text(
    mapping: FileMapping,
    part: ProgramPart,
    counted: HistoryCount,
    offers: dict[str, int],
    partners: dict[str, int],
    api_key: str,
) -> str:
    lines = ["# Written by clew program infer. Change it as you like.", *_head(part, api_key)]
    for key, number in partners.items():
        values = {"id": str(number), "name": key if not uses_numbers(mapping, "partner") else f"Partner {key}"}
        lines += ["", "[[partner]]", f"id = {number}", f"name = {_quoted(part.partner_name.fill(values))}"]
    for key, number in offers.items():
        values = {"id": str(number), "name": key if not uses_numbers(mapping, "offer") else f"Offer {key}"}
        lines += ["", "[[offer]]", f"id = {number}", f"name = {_quoted(part.offer_name.fill(values))}"]
        lines += _offer_rest(part)
        for plan in part.plans:
            lines += ["", "[[plan]]", f"offer = {number}"]
            lines += [f"{name} = {_quoted(text)}" for name, text in plan.items()]
    codes = {code: (offers[offer], partners[partner]) for code, (offer, partner) in counted.links.items()}
    for code in sorted(codes, key=lambda code: (codes[code], code)):
        offer, partner = codes[code]
        lines += ["", "[[link]]", f"code = {_quoted(code)}", f"offer = {offer}", f"partner = {partner}"]
    return "\n".join(lines) + "\n"


def _head(part: ProgramPart, api_key: str) -> list[str]:
    lines = ["[program]", f"name = {_quoted(part.name)}", f"currency = {_quoted(part.currency)}"]
    lines.append(f"timezone = {_quoted(part.timezone)}")
    if part.fallback_url:
        lines.append(f"fallback_url = {_quoted(part.fallback_url)}")
    lines.append(f"api_keys = {_list([api_key])}")
    lines.append(f"trusted_proxies = {_list(part.trusted_proxies)}")
    if part.models:
        lines += ["", "[attribution]", f"models = {_list(part.models)}"]
    return lines


def _offer_rest(part: ProgramPart) -> list[str]:
    lines = [f"landing_url = {_quoted(part.landing_url)}"]
    if part.allowed_hosts:
        lines.append(f"allowed_hosts = {_list(part.allowed_hosts)}")
    lines += [f"{name} = {_quoted(text)}" for name, text in part.windows.items()]
    if part.goals:
        goals = (f"{{ key = {_quoted(key)}, name = {_quoted(name)} }}" for key, name in part.goals)
        lines.append(f"goals = [{', '.join(goals)}]")
    return lines


def _quoted(text: str) -> str:
    """Write a TOML string; the escapes of JSON are also TOML's."""
    return json.dumps(text, ensure_ascii=False)


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(_quoted(text) for text in texts)}]"
