"""Read a program file with many links in little memory: the links in parts, everything else as usual.

A file that is not plain enough to be divided, or that has any mistake, is read as a whole: the mistakes then have their
right places.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from program.checks import Draft, check_draft
from program.compile import compile_draft
from program.entries import Link
from program.fields import secret_reader
from program.file import ProgramReading, read_link, read_program, read_tables
from program.fits import check_fits
from program.toml.tables import BadToml, read_toml

LINKS_AT_ONCE = 2_000
_LINK_TABLE = re.compile(r"^\[\[link\]\][ \t]*\n(?:(?![ \t]*\[)[^\n]*(?:\n|\Z))*", re.MULTILINE)
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
    links = _read_links(text, draft)
    of_partners = {link.partner_id: link for link in links.values()}
    draft.links = [(("link", at), link) for at, link in enumerate(of_partners.values())]
    check_draft(draft, book)
    check_fits(draft, book)
    if book.mistakes:
        raise _NotPlain
    program = compile_draft(draft)
    routes = msgspec.structs.replace(program.routes, links=links)
    return ProgramReading(msgspec.structs.replace(program, routes=routes), (), tuple(sorted(book.warnings)))


def _read_links(text: str, draft: Draft) -> dict[str, Link]:
    """Read the links part by part. Raises _NotPlain if one has a mistake."""
    offers, partners = {offer.id for _, offer in draft.offers}, {partner.id for _, partner in draft.partners}
    links: dict[str, Link] = {}
    for link in _parsed_links(text):
        if link.code in links or link.offer_id not in offers or link.partner_id not in partners:
            raise _NotPlain
        links[link.code] = link
    return links


def _parsed_links(text: str) -> Iterator[Link]:
    found = _LINK_TABLE.finditer(text)
    while tables := [table.group() for table in islice(found, LINKS_AT_ONCE)]:
        root, book = read_toml("\n".join(tables))
        draft = Draft()
        for table in root.tables("link"):
            read_link(table, draft)
        root.done()
        if book.mistakes:
            raise _NotPlain
        yield from (link for _, link in draft.links)
