"""Answers of pages that ask the engine: a page opens without it too."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from control.errors import Invalid, NotFound, Unavailable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked(Generic[_T]):
    """Answer of the engine, or a sentence about why there is none."""

    answer: _T | None
    trouble: str = ""
    is_missing: bool = False
    """True if the engine has no such object for this actor."""


def asking(work: Callable[[], _T]) -> Asked[_T]:
    """Ask the engine; its absence and its refusals are sentences for the page."""
    try:
        return Asked(work())
    except (Unavailable, Invalid, NotFound) as error:
        text = str(error)
        return Asked(None, f"{text[:1].upper()}{text[1:]}.", isinstance(error, NotFound))
