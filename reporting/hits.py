"""Hits as they come in, newest first: accepted, of bots, and rejected with the reason."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schemas.ddl import DATABASE, digest_text, money, token_text
from warehouse.port import Warehouse, rows_of

HIT_KINDS = ("click", "impression", "conversion", "adjustment", "event")
_TOUCHES = ("click", "impression")
HIT_VERDICTS = ("accepted", "bot", "rejected")
WINDOWS_S = (60, 600, 3_600, 86_400, 7 * 86_400)
"""Windows in which hits are searched: each one only if the one before has too few."""


class HitFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Hits to show."""

    before_us: int
    """Hits before this time."""
    rows_max: int = 50
    kind: str = ""
    verdict: str = ""
    offer: int = 0
    partner: int = 0
    partners: Sequence[int] | None = None
    """Partners whose hits may be seen; None means all, hits without a partner included."""


def recent_hits(warehouse: Warehouse, wanted: HitFilter) -> list[dict[str, Any]]:
    """Return hits of the last seven days before a time, newest first, at most `rows_max`. Raises WarehouseError.

    Repeats are not among them: they are answered, and not stored. A conversion that names neither a click of this
    installation nor a coupon has no partner here; attribution finds it later.
    """
    found: list[dict[str, Any]] = []
    for window_s in WINDOWS_S:
        found = _within(warehouse, wanted, wanted.before_us - window_s * 1_000_000)
        if len(found) >= wanted.rows_max:
            break
    return found


def _within(warehouse: Warehouse, wanted: HitFilter, from_us: int) -> list[dict[str, Any]]:
    parameters = {
        "from": from_us, "before": wanted.before_us, "rows": wanted.rows_max, "offer": wanted.offer,
        "partner": wanted.partner, "partners": list(wanted.partners or ()),
    }  # fmt: skip
    parts = [_part(kind, wanted) for kind in _SOURCES if _is_asked(kind, wanted)]
    rows = [row for sql in parts for row in rows_of(warehouse.query(sql, parameters))]
    rows.sort(key=lambda row: row["at"], reverse=True)  # stable, so the order of equal times is always the same
    return [_public(row) for row in rows[: wanted.rows_max]]


def _is_asked(source: str, wanted: HitFilter) -> bool:
    if source == "rejected":
        return wanted.verdict in ("", "rejected")
    if wanted.verdict == "rejected" or wanted.kind not in ("", source):
        return False
    return wanted.verdict != "bot" or source in ("click", "impression")


_TOKEN_PARTNER = "reinterpretAsUInt32(reverse(substring(c.click_id, 12, 4)))"
"""SQL: partner in the click id of a conversion; 0 without one (schemas/values/click_id.py has the layout)."""
_CONVERSION_PARTNER = f"if(c.click_id != toFixedString('', 27), {_TOKEN_PARTNER}, c.coupon_partner_id)"
_NO_AGENT = {"country": "''", "device": "''", "browser": "''"}
_NO_MONEY = {"amount": "''", "currency": "''", "status": "''", "txn_id": "''"}
_NO_REASON = {"reason": "''", "field": "''", "detail": "''"}
_CONVERSIONS = f"{DATABASE}.conversions AS c"
_ADJUSTMENTS = (
    f"(SELECT * FROM {DATABASE}.adjustments WHERE ts >= fromUnixTimestamp64Micro({{from:Int64}}, 'UTC')) AS a "
    f"LEFT JOIN (SELECT * FROM {DATABASE}.conversions WHERE conversion_id IN (SELECT conversion_id "
    f"FROM {DATABASE}.adjustments WHERE ts >= fromUnixTimestamp64Micro({{from:Int64}}, 'UTC'))) AS c "
    "ON c.conversion_id = a.conversion_id"
)


def _touch_columns(kind: str) -> dict[str, str]:
    return {
        "ts": "c.ts", "kind": f"'{kind}'", "verdict": "if(c.is_bot, 'bot', 'accepted')",
        **_NO_REASON, "offer_id": "c.offer_id", "partner_id": "c.partner_id", "link": "c.link",
        "id": token_text(f"c.{kind}_id"), "country": "c.country", "device": "c.device", "browser": "c.browser",
        **_NO_MONEY,
    }  # fmt: skip


_SOURCES: Mapping[str, tuple[str, dict[str, str]]] = {
    "click": (f"{DATABASE}.clicks AS c", _touch_columns("click")),
    "impression": (f"{DATABASE}.impressions AS c", _touch_columns("impression")),
    "conversion": (
        _CONVERSIONS,
        {
            "ts": "c.ts", "kind": "'conversion'", "verdict": "'accepted'", **_NO_REASON, "offer_id": "c.offer_id",
            "partner_id": _CONVERSION_PARTNER, "link": "''", "id": digest_text("c.conversion_id"), **_NO_AGENT,
            "amount": f"toString({money('c.amount_minor', 'c.currency')})", "currency": "c.currency",
            "status": "c.status", "txn_id": "c.txn_id",
        },
    ),
    "adjustment": (
        _ADJUSTMENTS,
        {
            "ts": "a.ts", "kind": "'adjustment'", "verdict": "'accepted'", **_NO_REASON, "offer_id": "c.offer_id",
            "partner_id": _CONVERSION_PARTNER, "link": "''", "id": digest_text("a.conversion_id"), **_NO_AGENT,
            "amount": "if(a.amount_e4 > 0, toString(toDecimal128(a.amount_e4, 4) / 10000), '')",
            "currency": "if(a.amount_e4 > 0, if(a.currency = '', c.currency, a.currency), '')",
            "status": "if(a.kind = 'status', a.status, a.kind)", "txn_id": "c.txn_id",
        },
    ),
    "rejected": (
        f"{DATABASE}.rejected AS c",
        {
            "ts": "c.ts", "kind": "c.kind", "verdict": "'rejected'", "reason": "c.reason", "field": "c.field",
            "detail": "c.detail", "offer_id": "c.offer_id", "partner_id": "c.partner_id", "link": "c.link",
            "id": digest_text("c.conversion_id"), **_NO_AGENT, **_NO_MONEY,
        },
    ),
}  # fmt: skip


def _part(source: str, wanted: HitFilter) -> str:
    """Return the SELECT of one table."""
    table, columns = _SOURCES[source]
    ts, partner = columns["ts"], columns["partner_id"]
    terms = [
        f"{ts} >= fromUnixTimestamp64Micro({{from:Int64}}, 'UTC')",
        f"{ts} < fromUnixTimestamp64Micro({{before:Int64}}, 'UTC')",
    ]
    if source == "conversion":  # the table is sorted by it; a postback's conversion happened when it was received
        terms.append("c.event_ts >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')")
    if source == "rejected" and wanted.kind:
        terms.append(f"c.kind = '{wanted.kind}'" if wanted.kind in HIT_KINDS else "0")
    if wanted.verdict and source in ("click", "impression"):
        terms.append("c.is_bot" if wanted.verdict == "bot" else "NOT c.is_bot")
    if wanted.offer:
        terms.append(f"{columns['offer_id']} = {{offer:Int64}}")
    if wanted.partner:
        terms.append(f"{partner} = {{partner:Int64}}")
    if wanted.partners is not None:
        terms.append(f"has({{partners:Array(UInt32)}}, {partner})")
    texts = {name: sql for name, sql in columns.items() if name not in ("ts", "offer_id", "partner_id")}
    numbers = f"toInt64({columns['offer_id']}) AS to_offer, toInt64({partner}) AS of_partner"
    log = ts.removesuffix("ts")
    named = ", ".join(f"toString({sql}) AS has_{name}" for name, sql in texts.items())
    return (
        f"SELECT toUnixTimestamp64Micro({ts}) AS at, formatDateTime({ts}, '%FT%H:%i:%S.%fZ', 'UTC') AS time, "
        f"{numbers}, {named} FROM {table} WHERE {' AND '.join(terms)} "
        f"ORDER BY at DESC, {log}_partition, {log}_offset LIMIT {{rows:UInt32}}"
    )


def _public(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a hit without its empty fields, except the numbers."""
    texts = {name.removeprefix("has_"): value for name, value in row.items() if name.startswith("has_") and value}
    return {"ts": row["time"], **texts, "offer_id": row["to_offer"], "partner_id": row["of_partner"]}


def hits_for_partner(hits: Sequence[Mapping[str, Any]], *, revenue: bool = False) -> list[dict[str, Any]]:
    """Return hits as their partner may read them: no detail of refused postbacks, and amounts only if shown."""
    return [
        {
            name: value for name, value in hit.items()
            if (revenue or name not in ("amount", "currency")) and (name != "detail" or hit["kind"] in _TOUCHES)
        }
        for hit in hits
    ]  # fmt: skip
