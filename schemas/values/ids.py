"""Texts that senders send in place of an id, such as `undefined` or a macro that was never expanded. Pure."""

import re
from collections.abc import Iterable, MutableMapping

from schemas.values.ip_addresses import canonical

_MACRO = re.compile(r"(?:[$#]?\{|%7b).*(?:\}|%7d)", re.IGNORECASE | re.ASCII | re.DOTALL)
_GUID = re.compile(r"\{[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}", re.IGNORECASE | re.ASCII)
_AROUND = " \t\r\n\f\v\u00a0\u200b\u200c\u200d\u2060\ufeff\"'`"


class AbsentIds:
    """Decides which texts count as an absent id: listed ones in any case or quotes, blanks, unexpanded macros.

    With `addresses` an IP address is not an id either: a whole one must not be stored, and a truncated one would join
    strangers.
    """

    __slots__ = ("_addresses", "_texts")

    def __init__(self, texts: str, *, addresses: bool = False) -> None:
        self._addresses = addresses
        self._texts = frozenset(part.strip().casefold() for part in texts.split(","))

    def holds(self, text: str) -> bool:
        """Return whether the text is not an id."""
        bare = text.strip(_AROUND)
        if not bare or bare.casefold() in self._texts:
            return True
        if self._addresses and canonical(bare):
            return True
        return bare[0] in "{$#%" and _MACRO.fullmatch(bare) is not None and _GUID.fullmatch(bare) is None

    def drop(self, fields: MutableMapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
        """Remove the named fields that hold no id; return the names of those that were sent with a text."""
        dropped: tuple[str, ...] = ()
        for name in names:
            if name in fields and self.holds(fields[name]) and fields.pop(name).strip():
                dropped += (name,)
        return dropped
