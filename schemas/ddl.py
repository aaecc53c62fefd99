"""CREATE statements of the base tables and of the analysts' views, computed from tables.py. Pure."""

from dataclasses import dataclass

from schemas.columns import Column, columns_of
from schemas.events import STATUS_ORDER, WHAT_REMAINS
from schemas.tables import TABLE, TABLES, Table
from schemas.values.currencies import DECIMALS, DECIMALS_MAX

DATABASE = "clew"
ANALYST = "analyst"


REPLICATED = "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"
"""Table engine on a cluster; the servers fill in the macros."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Engine of the tables and its settings, which differ between installations."""

    engine: str = "MergeTree"
    dedup_window_blocks: int = 10_000
    fsync: bool = True
    dedup_window_s: int = 0
    """Time after which replicas forget deduplication tokens, however few there are."""
    definer: bool = False
    """Whether views use their creator's rights, so that analysts need none on base tables."""

    @property
    def dedup_window(self) -> str:
        """Text after `non_replicated_deduplication_window =`; it adds the settings that replicated tables have."""
        if self.engine != REPLICATED:
            return str(self.dedup_window_blocks)
        return (
            f"{self.dedup_window_blocks}, replicated_deduplication_window = {self.dedup_window_blocks}, "
            f"replicated_deduplication_window_seconds = {self.dedup_window_s}"
        )


def create_table(table: Table, storage: Storage) -> str:
    """Return the CREATE TABLE statement of one base table."""
    lines = [f"    {_column(column)}" for column in columns_of(table.name)]
    lines += [f"    {index}" for index in table.indexes]
    fsync = int(storage.fsync)
    granules = f"index_granularity = {table.granule_rows}, " if table.granule_rows else ""
    parts = [
        f"CREATE TABLE IF NOT EXISTS {DATABASE}.{table.name}\n(\n" + ",\n".join(lines) + "\n)",
        f"ENGINE = {storage.engine}",
        *([f"PARTITION BY {table.partition_by}"] if table.partition_by else []),
        f"ORDER BY {table.order_by}",
        f"SETTINGS {granules}non_replicated_deduplication_window = {storage.dedup_window_blocks}, "
        f"fsync_after_insert = {fsync}, fsync_part_directory = {fsync}",
        f"COMMENT {_quote(table.doc)}",
    ]
    return "\n".join(parts)


def _column(column: Column) -> str:
    codec = f" CODEC({column.codec})" if column.codec else ""
    return f"`{column.name}` {column.clickhouse} COMMENT {_quote(column.doc)}{codec}"


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def money(minor: str, currency: str) -> str:
    """Return SQL that converts minor units to Decimal(38, 4) of the currency."""
    return f"toDecimal128({minor}, {DECIMALS_MAX}) / {_divisor(currency)}"


def _divisor(currency: str) -> str:
    return _by_currency(currency, {code: 10**digits for code, digits in DECIMALS.items()})


def _e4_per_minor(currency: str) -> str:
    return _by_currency(currency, {code: 10 ** (DECIMALS_MAX - digits) for code, digits in DECIMALS.items()})


def _by_currency(currency: str, values: dict[str, int]) -> str:
    """Return SQL that maps a currency to a number; the default is 100, as most currencies have two decimals."""
    odd = {code: value for code, value in values.items() if value != 100}
    codes, numbers = ", ".join(f"'{code}'" for code in odd), ", ".join(str(value) for value in odd.values())
    return f"transform({currency}, [{codes}], [{numbers}], 100)"


def token_text(column: str) -> str:
    """Return SQL that writes a 27-byte id as the 36 characters that were issued; empty for none."""
    return f"if({column} = toFixedString('', 27), '', base64URLEncode({column}))"


def digest_text(column: str) -> str:
    """Return SQL that writes a 16-byte id as 32 hex digits; empty for none."""
    return f"if({column} = toFixedString('', 16), '', lower(hex({column})))"


_RANK = f"indexOf([{', '.join(repr(status) for status in STATUS_ORDER)}], {{}})"

STATE_NOW = f"""SELECT conversion_id,
    max(if(kind = 'status', toUInt64(status_revision) * 8 + {_RANK.format("status")}, 0)) AS status_rank,
    groupArrayIf((currency, amount_e4), kind != 'status') AS refunds
FROM {DATABASE}.adjustments GROUP BY conversion_id"""
"""SQL: revision × 8 + rank of the current status, and the refunds, that adjustments give each conversion."""

STATUS_NOW = f"[{', '.join(repr(s) for s in STATUS_ORDER)}][greatest({_RANK.format('c.status')}, a.status_rank) % 8]"
"""SQL: current status, with the conversion as c and STATE_NOW as a."""

_UNIT = _e4_per_minor("c.currency")

REFUNDED_MINOR = f"""least(c.amount_minor, arraySum(r -> multiIf(
        r.1 NOT IN ('', c.currency), 0,
        r.2 = {WHAT_REMAINS}, c.amount_minor,
        modulo(r.2, {_UNIT}) = 0, intDiv(r.2, {_UNIT}),
        0), a.refunds))"""
"""SQL: minor units refunded so far, with the conversion as c and STATE_NOW as a. Refunds that do not fit the
conversion's currency are ignored, as in attribution."""


def _plain_view(table: str, special: dict[str, str], skip: frozenset[str] = frozenset()) -> str:
    """Return a view of all columns, with ids as issued and money as Decimal."""
    selected = []
    for column in columns_of(table):
        name, kind = column.name, column.clickhouse
        if name in skip:
            continue
        if name in special:
            selected.append(f"{special[name]} AS {name}")
        elif kind == "FixedString(27)":
            selected.append(f"{token_text('c.' + name)} AS {name}")
        elif kind == "FixedString(16)":
            selected.append(f"{digest_text('c.' + name)} AS {name}")
        elif name.endswith("_minor"):
            selected.append(f"{money('c.' + name, 'c.currency')} AS {name.removesuffix('_minor')}")
        elif name.endswith("_e4"):
            selected.append(f"toDecimal128(c.{name}, 4) / 10000 AS {name.removesuffix('_e4')}")
        else:
            selected.append(f"c.{name} AS {name}")
    return "SELECT\n    " + ",\n    ".join(selected) + f"\nFROM {DATABASE}.{table} AS c"


def _touch_view(table: str) -> str:
    subs = ",\n    ".join(f"c.subs['sub{n}'] AS sub{n}" for n in range(1, 31))
    plain = _plain_view(table, {}, frozenset({"ip_hash", "visitor_hash"}))
    return plain.replace(f"\nFROM {DATABASE}.{table} AS c", f",\n    {subs}\nFROM {DATABASE}.{table} AS c")


def _adjustments_view() -> str:
    """Return the view of adjustments, with the conversion's currency if the sender gave none."""
    plain = _plain_view(
        "adjustments", {"currency": "CAST(if(c.currency = '', v.currency, c.currency), 'LowCardinality(String)')"}
    )
    return plain + (
        f"\nLEFT JOIN (SELECT conversion_id, any(currency) AS currency FROM {DATABASE}.conversions "
        "GROUP BY conversion_id) AS v ON v.conversion_id = c.conversion_id"
    )


def _conversions_view() -> str:
    plain = _plain_view("conversions", {"status": STATUS_NOW})
    refunded = money(REFUNDED_MINOR, "c.currency")
    return plain.replace(
        f"\nFROM {DATABASE}.conversions AS c",
        f",\n    {refunded} AS refunded\nFROM {DATABASE}.conversions AS c\n"
        f"LEFT JOIN ({STATE_NOW}) AS a ON a.conversion_id = c.conversion_id",
    )


CURRENT_REVISIONS = f"SELECT conversion_id, max(revision) FROM {DATABASE}.revisions GROUP BY conversion_id"
"""SQL: current revision of each conversion. A pass writes revisions last, so all its credits appear at once."""


def _credits_view() -> str:
    weight = {"weight_e12": "toDecimal128(c.weight_e12, 12) / 1000000000000"}
    plain = _plain_view("credits", weight, frozenset({"sign"})).replace(" AS weight_e12", " AS weight")
    done = f"c.run_id IN (SELECT run_id FROM {DATABASE}.runs)"
    current = f"{done} OR (c.run_id = 'live' AND (c.conversion_id, c.revision) IN ({CURRENT_REVISIONS}))"
    return f"{plain}\nWHERE c.sign = 1 AND ({current})"


def _commissions_view() -> str:
    reversed_ids = f"SELECT reverses FROM {DATABASE}.commissions WHERE reverses != toFixedString('', 16)"
    status = (
        f"multiIf(c.reverses != toFixedString('', 16) OR c.commission_id IN ({reversed_ids}), 'reversed', "
        "c.conversion_status = 'pending', 'pending', "
        "c.conversion_status = 'hold' OR c.hold_until > now64(6), 'held', 'payable')"
    )
    return _plain_view("commissions", {"conversion_status": status}).replace(" AS conversion_status", " AS status")


def views() -> dict[str, str]:
    """Return the SELECT of each analysts' view by name."""
    return {
        "clicks": _touch_view("clicks"),
        "impressions": _touch_view("impressions"),
        "conversions": _conversions_view(),
        "adjustments": _adjustments_view(),
        "rejected": _plain_view("rejected", {}),
        "credits": _credits_view(),
        "commissions": _commissions_view(),
        "ledger": _plain_view("ledger", {}),
        "runs": _plain_view("runs", {}),
    }


def create_views(*, definer: bool = False) -> list[str]:
    """Return statements that create database `analyst` and replace its views, which hold no data."""
    security = " DEFINER = CURRENT_USER SQL SECURITY DEFINER" if definer else ""
    made = [f"CREATE DATABASE IF NOT EXISTS {ANALYST}"]
    made += [f"CREATE OR REPLACE VIEW {ANALYST}.{name}{security} AS\n{select}" for name, select in views().items()]
    return made


def create_tables(storage: Storage) -> list[str]:
    """Return statements that create database `clew` in its current form; the migrations must give the same."""
    return [f"CREATE DATABASE IF NOT EXISTS {DATABASE}"] + [create_table(t, storage) for t in TABLES]


def table_names() -> tuple[str, ...]:
    """Return the names of the base tables."""
    return tuple(TABLE)
