"""Describe the fields of events and tables: what they need besides their Python type.

Every field of a Struct in events.py and tables.py carries one `col(...)` with its ClickHouse type, unit, privacy
class and one sentence. Columns, CREATE TABLE statements, Arrow schemas and docs are derived from it.
"""

from typing import Any, Literal

import msgspec

Privacy = Literal["none", "pseudonym", "personal"]


# Decoding a record checks that its values fit the columns, so that an insert never fails on a value.
_LIMITS: dict[str, dict[str, Any]] = {
    "UInt8": {"ge": 0, "le": 2**8 - 1},
    "UInt16": {"ge": 0, "le": 2**16 - 1},
    "UInt32": {"ge": 0, "le": 2**32 - 1},
    "UInt64": {"ge": 0},
    "FixedString(16)": {"min_length": 16, "max_length": 16},
    "FixedString(27)": {"min_length": 27, "max_length": 27},
    "DateTime64(6, 'UTC')": {"ge": 0, "le": 10_413_791_999_999_999},  # the engine's last instant, in 2299
}


def col(clickhouse: str, doc: str, *, unit: str = "", privacy: Privacy = "none", codec: str = "") -> msgspec.Meta:
    """Describe one column: ClickHouse type, one sentence, and a unit, privacy class and codec if they apply."""
    extra = {"clickhouse": clickhouse, "unit": unit, "privacy": privacy, "codec": codec}
    return msgspec.Meta(description=doc, extra=extra, **_LIMITS.get(clickhouse, {}))


_MICROS = "DateTime64(6, 'UTC')"
_TOKEN = "FixedString(27)"
_DIGEST = "FixedString(16)"
_WORD = "LowCardinality(String)"


def micros(doc: str) -> msgspec.Meta:
    """Describe an instant in integer microseconds since 1970, UTC."""
    return col(_MICROS, doc, unit="µs since 1970, UTC", codec="Delta, LZ4")


def word(doc: str) -> msgspec.Meta:
    """Describe a string from a small set of values."""
    return col(_WORD, doc)


def text(doc: str, privacy: Privacy = "none") -> msgspec.Meta:
    """Describe a free string."""
    return col("String", doc, privacy=privacy)


def token(doc: str) -> msgspec.Meta:
    """Describe the 27 raw bytes of a click or impression id; all zero for none."""
    return col(_TOKEN, doc, privacy="pseudonym")


def digest(doc: str) -> msgspec.Meta:
    """Describe the 16 raw bytes of a BLAKE2b id; all zero for none."""
    return col(_DIGEST, doc)


def minor(doc: str) -> msgspec.Meta:
    """Describe money as a signed integer of minor units of the row's currency."""
    return col("Int64", doc, unit="minor units of the row's currency")


def number(doc: str, clickhouse: str = "UInt32", unit: str = "") -> msgspec.Meta:
    """Describe an integer."""
    return col(clickhouse, doc, unit=unit)


NO_TOKEN = bytes(27)
NO_DIGEST = bytes(16)
