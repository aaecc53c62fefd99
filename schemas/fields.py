"""What a field of an event or of a table is, beside its Python type.

Every field of a Struct in events.py and tables.py carries one `col(...)`: its ClickHouse type, unit, privacy
class and one sentence. Columns, CREATE TABLE statements, Arrow schemas and docs are derived from it.
"""

from typing import Any, Literal

import msgspec

Privacy = Literal["none", "pseudonym", "personal"]


# What fits the column is checked when a record is decoded, so that an insert never fails on a value.
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
    """Describe one column: ClickHouse type, a sentence, and where it applies a unit, privacy class and codec."""
    extra = {"clickhouse": clickhouse, "unit": unit, "privacy": privacy, "codec": codec}
    return msgspec.Meta(description=doc, extra=extra, **_LIMITS.get(clickhouse, {}))


_MICROS = "DateTime64(6, 'UTC')"
_TOKEN = "FixedString(27)"
_DIGEST = "FixedString(16)"
_WORD = "LowCardinality(String)"


def micros(doc: str) -> msgspec.Meta:
    """An instant in integer microseconds since 1970, UTC."""
    return col(_MICROS, doc, unit="µs since 1970, UTC", codec="Delta, LZ4")


def word(doc: str) -> msgspec.Meta:
    """A string out of a small set."""
    return col(_WORD, doc)


def text(doc: str, privacy: Privacy = "none") -> msgspec.Meta:
    """A free string."""
    return col("String", doc, privacy=privacy)


def token(doc: str) -> msgspec.Meta:
    """27 raw bytes of a click or impression id; all zero where there is none."""
    return col(_TOKEN, doc, privacy="pseudonym")


def digest(doc: str) -> msgspec.Meta:
    """16 raw bytes of a BLAKE2b id; all zero where there is none."""
    return col(_DIGEST, doc)


def minor(doc: str) -> msgspec.Meta:
    """Money as a signed integer of minor units of the row's currency."""
    return col("Int64", doc, unit="minor units of the row's currency")


def number(doc: str, clickhouse: str = "UInt32", unit: str = "") -> msgspec.Meta:
    """An integer column."""
    return col(clickhouse, doc, unit=unit)


NO_TOKEN = bytes(27)
NO_DIGEST = bytes(16)
