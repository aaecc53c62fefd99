"""Read a program file with many links in little memory: the links in parts, everything else as usual.

A file that is not plain enough to be divided, or that has any mistake, is read as a whole: the mistakes then have their
right places.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import msgspec

from program.checks import Draft, PageCheck, check_draft, page_warnings
from program.compile import compile_draft
from program.entries import Link
from program.fields import secret_reader
from program.file import ProgramReading, read_link, read_program, read_tables
from program.fits import check_fits
from program.toml.lines import TomlPath
from program.toml.tables import BadToml, Book, read_toml

LINKS_AT_ONCE = 2_000
_KEYS = r"[ \t]*\n(?:(?![ \t]*\[)[^\n]*(?:\n|\Z))*"
_LINK_TABLE = re.compile(rf"^\[\[link\]\]{_KEYS}(?:^\[link\.subs\]{_KEYS})?", re.MULTILINE)
_TEXTS_OF_LINES = ('"""', "'''")


class _NotPlain(Exception):
    """The file has to be read as a whole."""


def read_program_in_parts(text: str, environment: Callable[[str], str | None]) -> ProgramReading:
    """Read the text of a program file; the result is that of `read_program`."""
    try:
        return _read(text, environment)
    except (_NotPlain, BadToml):
        return read_program(text, environment)


def _read(text: str, environment: Callable[[str], str | None]) -> ProgramReading:
    if any(quotes in text for quotes in _TEXTS_OF_LINES):
        raise _NotPlain  # such a text may contain the header of a table
    # Empty lines take the place of the links, so that lines keep their numbers.
    root, book = read_toml(_LINK_TABLE.sub(lambda found: "\n" * found.group().count("\n"), text))
    draft = read_tables(root, secret_reader(environment))
    root.done()
    if draft.links:
        raise _NotPlain
    links, warned = _read_links(text, draft)
    for one in warned:
        book.note((*one.place, "landing_url"), one.line)
    shown = {one.link.code for one in warned}
    of_partners = {link.partner_id: link for link in links.values() if link.code not in shown}
    draft.links = [(one.place, one.link) for one in warned] + [(("link",), link) for link in of_partners.values()]
    check_draft(draft, book)
    check_fits(draft, book)
    if book.mistakes:
        raise _NotPlain
    program = compile_draft(draft)
    routes = msgspec.structs.replace(program.routes, links=links)
    return ProgramReading(msgspec.structs.replace(program, routes=routes), (), tuple(sorted(book.warnings)))


class _Warned(NamedTuple):
    """A link whose landing page has a warning, and the line of that page."""

    place: TomlPath
    line: int
    link: Link


def _read_links(text: str, draft: Draft) -> tuple[dict[str, Link], list[_Warned]]:
    """Read the links part by part. Raises _NotPlain if one has a mistake."""
    # Links share the numbers of their offer and partner, which saves 64 bytes for each link.
    offers, partners = {offer.id: offer for _, offer in draft.offers}, {p.id: p.id for _, p in draft.partners}
    pages = PageCheck(offers)
    links: dict[str, Link] = {}
    warned = []
    for number, (link, line_of_page) in enumerate(_parsed_links(text)):
        offer, partner = offers.get(link.offer_id), partners.get(link.partner_id)
        if link.code in links or offer is None or partner is None or pages.mistake(link):
            raise _NotPlain
        links[link.code] = msgspec.structs.replace(link, offer_id=offer.id, partner_id=partner)
        if link.landing_url and any(page_warnings(link.landing_url)):
            warned.append(_Warned(("link", number), line_of_page(), link))
    return links, warned


def _parsed_links(text: str) -> Iterator[tuple[Link, Callable[[], int]]]:
    """Yield each link, and a function that finds the line of its landing page."""
    found = _LINK_TABLE.finditer(text)
    line, at = 1, 0
    while tables := list(islice(found, LINKS_AT_ONCE)):
        root, book = read_toml("\n".join(table.group() for table in tables))
        draft = Draft()
        for table in root.tables("link"):
            read_link(table, draft)
        root.done()
        if book.mistakes:
            raise _NotPlain
        for match, (place, link) in zip(tables, draft.links, strict=True):
            line, at = line + text.count("\n", at, match.start()), match.start()
            yield link, partial(_line_of_page, book, place, line)


def _line_of_page(book: Book, place: TomlPath, line: int) -> int:
    """Return the line in the file; the book has only a part of it, and `line` is that of the link's header."""
    return line + book.line_of((*place, "landing_url")) - book.line_of(place)
