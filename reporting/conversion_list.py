"""List of conversions, newest first: filters, exact search, and a place to go on from.

Each row has the current status and refunds, the partners with their shares under the paying model, and what each
partner earns. A page takes two or three queries: the conversions, then shares and commissions of these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reporting.only import Only
from reporting.report import conversion_count, in_range
from schemas.ddl import DATABASE, REFUNDED_MINOR, STATE_NOW, STATUS_NOW, digest_text, token_text
from schemas.values.click_id import from_text
from schemas.values.money import format_minor
from schemas.values.timestamps import rfc3339
from warehouse.port import Warehouse, rows_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """Conversions that are asked for."""

    from_us: int | None = None
    to_us: int | None = None
    partners: Sequence[int] | None = None
    offers: Sequence[int] | None = None
    status: str | None = None
    goal: str | None = None
    conversion_id: str | None = None
    """32 hex digits."""
    q: str | None = None
    """Order number, click id or conversion id; `personal` adds user ids and custom fields."""
    personal: bool = False
    after: tuple[int, str] | None = None
    """Time in µs and id of the last conversion of the page before."""
    limit: int = 50


def list_conversions(warehouse: Warehouse, asked: Asked, now_us: int) -> list[Json]:
    """Return at most `limit` conversions, newest first. Raises WarehouseError."""
    where, parameters = _conditions(asked)
    # Without a status there is nothing to join before the rows are chosen.
    cut = "" if asked.status else "ORDER BY event_ts DESC, conversion_id DESC LIMIT {limit:UInt32}"
    status = " WHERE status = {status:String}" if asked.status else ""
    found = rows_of(
        warehouse.query(
            f"""SELECT * FROM (
                SELECT {digest_text("c.conversion_id")} AS id, toUnixTimestamp64Micro(c.event_ts) AS at, c.offer_id AS
                offer_id, c.goal AS goal, c.txn_id AS txn_id, {token_text("c.click_id")} AS click_id, c.user_id AS
                user_id, c.coupon AS coupon, c.currency AS currency, c.amount_minor AS amount_minor,
                {STATUS_NOW} AS status, toInt64({REFUNDED_MINOR}) AS refunded_minor
                FROM (SELECT * FROM {DATABASE}.conversions WHERE {where} {cut}) AS c
                LEFT JOIN ({STATE_NOW}) AS a ON a.conversion_id = c.conversion_id
            ){status} ORDER BY at DESC, id DESC LIMIT {{limit:UInt32}}""",
            {**parameters, "limit": asked.limit, "status": asked.status or ""},
        )
    )
    ids = [row["id"] for row in found]
    shares, commissions = _shares(warehouse, ids), _commissions(warehouse, ids, now_us)
    return [_row(row, shares.get(row["id"], []), commissions.get(row["id"], [])) for row in found]


def _conditions(asked: Asked) -> tuple[str, dict[str, Any]]:
    within, parameters = in_range("event_ts", asked.from_us, asked.to_us)
    terms, offers = [within], Only.of(None, asked.offers)
    terms.append(offers.where)
    parameters |= offers.parameters
    if asked.partners is not None:
        credited = (
            f"SELECT conversion_id FROM {DATABASE}.credits WHERE run_id = 'live' AND paying = 1 "
            "AND partner_id IN {partners:Array(UInt64)} GROUP BY conversion_id HAVING sum(sign * weight_e12) > 0"
        )
        terms.append(f"conversion_id IN ({credited})")
        parameters["partners"] = list(asked.partners)
    if asked.goal is not None:
        terms.append("goal = {goal:String}")
        parameters["goal"] = asked.goal
    if asked.conversion_id is not None:
        terms.append("conversion_id = unhex({id:String})")
        parameters["id"] = asked.conversion_id
    if asked.after is not None:
        terms.append(
            "(event_ts, conversion_id) < (fromUnixTimestamp64Micro({after:Int64}, 'UTC'), "
            "toFixedString(unhex({after_id:String}), 16))"
        )
        parameters["after"], parameters["after_id"] = asked.after
    if asked.q:
        searched, more = _searched(asked.q, personal=asked.personal)
        terms.append(f"({searched})")
        parameters |= more
    return " AND ".join(f"({term})" for term in terms), parameters


def _searched(q: str, *, personal: bool) -> tuple[str, dict[str, Any]]:
    """Return the condition of an exact search."""
    terms, parameters = ["txn_id = {q:String}"], {"q": q}
    if personal:
        terms += ["user_id = {q:String}", "has(mapValues(custom), {q:String})"]
    if len(q) == 32 and all(letter in "0123456789abcdef" for letter in q.lower()):
        terms.append("conversion_id = unhex({q_id:String})")
        parameters["q_id"] = q.lower()
    if (token := from_text(q)) is not None:
        terms.append("click_id = toFixedString(unhex({q_click:String}), 27)")
        parameters["q_click"] = token.hex()
    return " OR ".join(terms), parameters


def _shares(warehouse: Warehouse, ids: Sequence[str]) -> dict[str, list[Json]]:
    """Return the partners of each conversion with their weights under the paying model."""
    if not ids:
        return {}
    rows = rows_of(
        warehouse.query(
            f"SELECT lower(hex(conversion_id)) AS id, partner_id, toInt64(sum(sign * weight_e12)) AS weight "
            f"FROM {DATABASE}.credits WHERE run_id = 'live' AND paying = 1 "
            "AND conversion_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16)) "
            "GROUP BY conversion_id, partner_id HAVING weight != 0 ORDER BY id, weight DESC, partner_id",
            {"ids": list(ids)},
        )
    )
    found: dict[str, list[Json]] = {}
    for row in rows:
        share = {"partner_id": row["partner_id"], "weight": conversion_count(row["weight"])}
        found.setdefault(row["id"], []).append(share)
    return found


def _commissions(warehouse: Warehouse, ids: Sequence[str], now_us: int) -> dict[str, list[Json]]:
    """Return the net commission of each partner of each conversion, with its status."""
    if not ids:
        return {}
    rows = rows_of(
        warehouse.query(
            f"""SELECT lower(hex(conversion_id)) AS id, partner_id, currency, toInt64(sum(amount_minor)) AS minor,
            argMax(conversion_status, (revision, amount_minor)) AS status_then,
            toUnixTimestamp64Micro(argMax(hold_until, (revision, amount_minor))) AS held_until_us
            FROM {DATABASE}.commissions
            WHERE conversion_id IN (SELECT toFixedString(unhex(arrayJoin({{ids:Array(String)}})), 16))
            GROUP BY conversion_id, partner_id, currency HAVING minor != 0 ORDER BY id, minor DESC, partner_id""",
            {"ids": list(ids)},
        )
    )
    found: dict[str, list[Json]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append(
            {
                "partner_id": row["partner_id"],
                "amount": format_minor(row["minor"], row["currency"]),
                "currency": row["currency"],
                "status": _commission_status(row, now_us),
                "hold_until": rfc3339(row["held_until_us"]),
            }
        )
    return found


def _commission_status(row: Mapping[str, Any], now_us: int) -> str:
    if row["status_then"] == "pending":
        return "pending"
    return "held" if row["status_then"] == "hold" or row["held_until_us"] > now_us else "payable"


def _row(row: Mapping[str, Any], shares: list[Json], commissions: list[Json]) -> Json:
    currency = row["currency"]
    return {
        "conversion_id": row["id"],
        "at_us": row["at"],
        "offer_id": row["offer_id"],
        "goal": row["goal"],
        "txn_id": row["txn_id"],
        "click_id": row["click_id"],
        "user_id": row["user_id"],
        "coupon": row["coupon"],
        "amount": format_minor(row["amount_minor"], currency),
        "refunded": format_minor(row["refunded_minor"], currency),
        "currency": currency,
        "status": row["status"],
        "shares": shares,
        "commissions": commissions,
    }


_NOT_FOR_PARTNERS = frozenset({"user_id", "coupon"})
_REVENUE = frozenset({"amount", "refunded"})


def conversions_for_partner(rows: Sequence[Json], partner: int, *, revenue: bool = False) -> list[Json]:
    """Leave out what a partner may not read: personal data, other partners, and revenue unless it is shown."""
    return [_for_partner(row, partner, _NOT_FOR_PARTNERS if revenue else _NOT_FOR_PARTNERS | _REVENUE) for row in rows]


def _for_partner(row: Json, partner: int, hidden: frozenset[str]) -> Json:
    shown = {name: value for name, value in row.items() if name not in hidden}
    for table in ("shares", "commissions"):
        shown[table] = [entry for entry in row[table] if entry["partner_id"] == partner]
    if len(shown["shares"]) != len(row["shares"]):
        shown["click_id"] = ""  # the click may be another partner's
    return shown
