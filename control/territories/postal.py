"""Postal codes, and ranges of them. Pure.

Codes are compared without spaces and hyphens, in capitals. A range holds the codes of one length between its ends,
digits before letters; a prefix such as `SW1*` holds all codes that start with it.
"""

import re
from dataclasses import dataclass

CODE_CHARS_MAX = 12
_CODE = re.compile(rf"[0-9A-Z]{{1,{CODE_CHARS_MAX}}}")
_FIRST, _LAST = "0", "Z"
_EXAMPLES = "write 10000-19999, 15500 or SW1*"


def plain_code(text: str) -> str:
    """Return a postal code as it is compared."""
    return re.sub(r"[\s-]+", "", text).upper()


@dataclass(frozen=True, slots=True, order=True)
class PostalRange:
    """Codes between two ends of one length, both included; or, without `high`, all codes that start with `low`."""

    low: str
    high: str = ""

    def holds(self, code: str) -> bool:
        """Return whether a code, as it is compared, is in the range."""
        if not self.high:
            return code.startswith(self.low)
        return len(code) == len(self.low) and self.low <= code <= self.high

    def common(self, other: "PostalRange") -> str:
        """Return the first code that is in both ranges; empty if there is none."""
        if not self.high and not other.high:
            longer, shorter = sorted((self.low, other.low), key=len, reverse=True)
            return longer if longer.startswith(shorter) else ""
        chars = len(self.low) if self.high else len(other.low)
        mine, theirs = self._of_length(chars), other._of_length(chars)
        if mine is None or theirs is None:
            return ""
        low, high = max(mine[0], theirs[0]), min(mine[1], theirs[1])
        return low if low <= high else ""

    def _of_length(self, chars: int) -> tuple[str, str] | None:
        """Return the ends of the codes of a length; None if there are none."""
        if self.high:
            return (self.low, self.high) if len(self.low) == chars else None
        if len(self.low) > chars:
            return None
        return self.low.ljust(chars, _FIRST), self.low.ljust(chars, _LAST)

    def __str__(self) -> str:
        if not self.high:
            return f"{self.low}*"
        return self.low if self.low == self.high else f"{self.low}-{self.high}"


def read_range(text: str) -> PostalRange:
    """Read `10000-19999`, `15500` or `SW1*`. Raises ValueError."""
    words = text.replace(" ", "").upper()
    if words.endswith("*"):
        prefix = plain_code(words[:-1])
        if _CODE.fullmatch(prefix):
            return PostalRange(prefix)
        raise ValueError(f"{text!r} is not a range of postal codes; {_EXAMPLES}")
    low, hyphen, high = words.partition("-")
    high = high if hyphen else low
    if not _CODE.fullmatch(low) or not _CODE.fullmatch(high):
        raise ValueError(f"{text!r} is not a range of postal codes; {_EXAMPLES}, and codes without hyphens")
    if len(low) != len(high):
        raise ValueError(f"{text!r} has ends of different lengths; write a range for each length")
    if low > high:
        raise ValueError(f"{text!r} ends before it starts")
    return PostalRange(low, high)
