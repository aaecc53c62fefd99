"""Texts that senders send in place of an id, such as `undefined` or a macro that was never expanded. Pure."""

import re
from collections.abc import Iterable, MutableMapping

_MACRO = re.compile(r"(?:[$#]?\{|%7b).*(?:\}|%7d)", re.IGNORECASE | re.ASCII | re.DOTALL)
_GUID = re.compile(r"\{[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}", re.IGNORECASE | re.ASCII)
_AROUND = " \t\r\n\f\v\u00a0\u200b\u200c\u200d\u2060\ufeff\"'`"


class AbsentIds:
    """Decides which texts count as an absent id: listed ones in any case or quotes, blanks, unexpanded macros."""

    __slots__ = ("_texts",)

    def __init__(self, texts: str) -> None:
        self._texts = frozenset(part.strip().casefold() for part in texts.split(","))

    def holds(self, text: str) -> bool:
        """Return whether the text is not an id."""
        bare = text.strip(_AROUND)
        if not bare or bare.casefold() in self._texts:
            return True
        return bare[0] in "{$#%" and _MACRO.fullmatch(bare) is not None and _GUID.fullmatch(bare) is None

    def drop(self, fields: MutableMapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
        """Remove the named fields that hold no id; return the names of those that were sent with a text."""
        dropped: tuple[str, ...] = ()
        for name in names:
            if name in fields and self.holds(fields[name]) and fields.pop(name).strip():
                dropped += (name,)
        return dropped
