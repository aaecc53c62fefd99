"""Clew's own SQL calls its databases `clew` and `analyst`; an installation may call them otherwise. Pure."""

import re

from schemas.ddl import ANALYST, DATABASE

_QUOTED = r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\""
_OURS = f"({DATABASE}|{ANALYST})"
_AFTER = r"DATABASE (?:IF (?:NOT )?EXISTS )?|Distributed\('[^']+', "
_NAMED = re.compile(rf"{_QUOTED}|(?<![\w.`]){_OURS}(?=\s*\.\s*[\w`])|\b(?:{_AFTER}){_OURS}\b", re.DOTALL)


def analyst_database(database: str) -> str:
    """Name of the analysts' database that belongs to a database of Clew's."""
    return ANALYST if database == DATABASE else f"{database}_{ANALYST}"


def with_names(sql: str, database: str) -> str:
    """A statement of Clew's own for an installation whose database has another name. Quoted text stays as it is."""
    if database == DATABASE:
        return sql
    real = {DATABASE: database, ANALYST: analyst_database(database)}

    def renamed(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return match[0] if name is None else match[0].removesuffix(name) + real[name]

    return _NAMED.sub(renamed, sql)
