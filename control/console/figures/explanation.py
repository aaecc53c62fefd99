"""Explanation of a conversion as a page shows it: a time line, who was considered, each cent, rows of the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from control.console.figures.conversion_table import STATUSES, money
from control.engine.names import Names
from control.ui.formats import percent_text
from control.ui.states import state_text
from control.ui.table import Cell, Column, Row, Table

Json = Mapping[str, Any]
TOUCHES_SHOWN_MAX = 100
"""Most touches on the time line; the latest ones are shown."""
_TEXTS = {
    "credited": "Credited",
    "outside_window": "Outside the window",
    "after_conversion": "After the conversion",
    "not_last": "A later touch wins",
    "not_first": "An earlier touch wins",
    "lower_precedence": "Another touch takes precedence",
    "bot": "A bot",
    "inactive_partner": "The partner was not active",
}
_ICONS = {"click": "click", "impression": "eye", "coupon": "ticket"}


def reason_text(reason: str) -> str:
    """Write the reason why a touch gets nothing."""
    return _TEXTS.get(reason, state_text(reason))


def facts(explained: Json, names: Names, *, personal: bool) -> list[tuple[str, object]]:
    """Return the facts of the conversion."""
    sale, state = explained["conversion"], explained["state"]
    currency = sale["currency"]
    matched = sale["match"] if personal or sale["matched_by"] not in ("user_id", "visitor_id") else "hidden"
    found: list[tuple[str, object]] = [
        ("Amount", money(sale["amount"], currency)),
        ("Worth now", money(sale["net_value"], currency)),
        ("Offer", names.offer(sale["offer_id"])),
        ("Goal", sale["goal"]),
        ("Matched by", f"{state_text(sale['matched_by'])} {matched}"),
        ("Conversion id", sale["conversion_id"]),
    ]
    if sale.get("coupon"):
        whose = names.partner(sale["coupon_partner_id"]) if sale.get("coupon_partner_id") else ""
        found.append(("Coupon", " ".join(part for part in (sale["coupon"], whose, sale.get("coupon_reason")) if part)))
    if state.get("revision"):
        found += [("Model that pays", state_text(state["paying_model"])), ("Revision", state["revision"])]
        found.append(("Terms", state["program_hash"][:12]))
    return found


def course(explained: Json, names: Names) -> list[dict[str, object]]:
    """Return touches, the conversion and its adjustments in the order of their times."""
    items = [_touch(touch, names) for touch in explained.get("touches", ())[-TOUCHES_SHOWN_MAX:]]
    sale = explained["conversion"]
    items.append(
        {
            "title": f"Conversion {sale['txn_id']}".strip(), "time": _time(sale["event_ts"]), "tone": "accent",
            "icon": "shopping-cart",
            "text": f"{money(sale['amount'], sale['currency'])}, {STATUSES[sale['status_first']].lower()}",
        }
    )  # fmt: skip
    items += [_adjustment(row) for row in explained["adjustments"]]
    order = {id(item): place for place, item in enumerate(items)}
    return sorted(items, key=lambda item: (item["time"], order[id(item)]))


def _touch(touch: Json, names: Names) -> dict[str, object]:
    credited = any(verdict == "credited" for verdict in touch["models"].values())
    marks = [text for key, text in (("named", "named by the conversion"), ("pending", "not stored yet")) if touch[key]]
    counts = "counts" if touch["counts"] else f"does not count: {reason_text(touch['reason']).lower()}"
    return {
        "title": f"{state_text(touch['kind'])} of {names.partner(touch['partner_id'], touch['partner'])}",
        "time": _time(touch["ts"]), "text": ", ".join([*marks, counts]),
        "tone": "good" if credited else "neutral" if touch["counts"] else "warn",
        "icon": _ICONS.get(touch["kind"], "point"), "who": touch["touch_id"],
    }  # fmt: skip


def _adjustment(row: Json) -> dict[str, object]:
    is_status = row["kind"] == "status"
    title = f"Now {STATUSES[row['status']].lower()}" if is_status else state_text(row["kind"])
    text = "" if is_status else _amount(row)
    return {
        "title": title, "time": _time(row["ts"]), "text": " ".join(part for part in (text, row["reason"]) if part),
        "tone": "bad" if not is_status or row["status"] == "declined" else "info",
        "icon": "arrow-back-up" if not is_status else "versions",
    }  # fmt: skip


def _amount(row: Json) -> str:
    """Write an adjustment's amount; the sender may have left it out, which refunds all that remains."""
    amount = str(row.get("amount", ""))
    return f"{amount.rstrip('0').rstrip('.') if '.' in amount else amount} {row['currency']}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def considered(explained: Json, names: Names) -> Table:
    """Make the table of who was considered: each touch with its verdict under each model."""
    models = explained.get("models", ())
    columns = [Column("Touch"), Column("Partner"), *(Column(_model_title(model)) for model in models)]
    rows = []
    for touch in explained.get("touches", ())[-TOUCHES_SHOWN_MAX:]:
        cells: list[Cell | str] = [state_text(touch["kind"]), names.partner(touch["partner_id"], touch["partner"])]
        for model in models:
            verdict = touch["models"].get(model["model"], "")
            share = _share_of(model, touch["touch_id"])
            text = f"{reason_text(verdict)}: {share}" if share else reason_text(verdict)
            cells.append(Cell(text, badge="good" if verdict == "credited" else "neutral"))
        rows.append(Row(cells))
    return Table("Who was considered", columns, rows)


def _model_title(model: Json) -> str:
    return f"{state_text(model['model'])}, pays" if model["pays"] else state_text(model["model"])


def _share_of(model: Json, touch_id: str) -> str:
    weights = [float(credit["weight"]) for credit in model["credits"] if credit["touch_id"] == touch_id]
    return percent_text(sum(weights)) if weights else ""


def plans(explained: Json, names: Names) -> list[dict[str, str]]:
    """Return the plan of each partner, and the plans that it wins over."""
    found = []
    for choice in explained.get("plans", ()):
        lost = "; ".join(plan_text(plan, names) for plan in choice["losers"])
        found.append(
            {
                "title": names.partner(choice["partner_id"]), "icon": "receipt",
                "text": f"before {lost}" if lost else "",
                "end": plan_text(choice["plan"], names) if choice["plan"] else "No plan: earns nothing",
            }
        )  # fmt: skip
    return found


def plan_text(plan: str, names: Names) -> str:
    """Write a plan for people: `offer=101,partner=7,goal=1` is "Shoes, Blue Lagoon, goal 1"."""
    parts = []
    for part in plan.split(","):
        kind, _, value = part.partition("=")
        is_number = value.isascii() and value.isdecimal()
        if kind == "offer" and is_number:
            parts.append(names.offer(int(value)))
        elif kind == "partner" and is_number:
            parts.append(names.partner(int(value)))
        else:
            parts.append(f"{kind} {value}".strip())
    return ", ".join(parts)


def cents(explained: Json, names: Names) -> Table:
    """Make the table of each cent: how a plan's amount is made, and how it is split."""
    columns = [Column("Partner"), Column("Calculation"), Column("Weight", numeric=True), Column("Amount", numeric=True)]
    rows = []
    for share in explained.get("shares", ()):
        steps = _steps(share)
        parts = [part for part in share["parts"] if part["weight"]]
        whole = sum(part["weight"] for part in parts) or 1
        for part in parts:
            plan = plan_text(share["plan"], names)
            note = plan if part["paid"] else f"{plan}: not paid under this plan"
            rows.append(
                Row(
                    [
                        names.partner(part["partner_id"]), Cell(steps, note=note),
                        percent_text(part["weight"] / whole),
                        money(part["amount"], share["currency"]) if part["paid"] else "",
                    ]
                )
            )  # fmt: skip
    return Table("Each cent", columns, rows)


def _steps(share: Json) -> str:
    steps, currency = [], share["currency"]
    if share["percent_of_net"] is not None:
        percent, net = share["rule"].split("%")[0], money(share["net_value"], currency)
        steps.append(f"{percent}\u202f% of {net} = {money(share['percent_of_net'], currency)}")
    if share["fixed"].strip("0.") or not steps:
        steps.append(f"fixed {money(share['fixed'], currency)}")
    text = " + ".join(steps)
    return f"{text}, in all {money(share['total'], currency)}" if len(steps) > 1 else text


def commissions(rows: Sequence[Json], names: Names) -> Table:
    """Make the table of stored commissions, reversals included."""
    columns = [
        Column("Partner"), Column("Plan"), Column("Revision", numeric=True), Column("Held until"),
        Column("Amount", numeric=True),
    ]  # fmt: skip
    return Table("Commissions", columns, [
        Row([
            names.partner(row["partner_id"]), Cell(plan_text(row["plan"], names), note=row["rule"]),
            str(row["revision"]),
            "reversal" if row["reverses"] else _day(row["hold_until"]), money(row["amount"], row["currency"]),
        ])
        for row in rows
    ])  # fmt: skip


def ledger(rows: Sequence[Json], names: Names) -> Table:
    """Make the table of the entries of the ledger."""
    columns = [Column("Account"), Column("Time"), Column("Partner"), Column("Journal"), Column("Amount", numeric=True)]
    return Table("Ledger", columns, [
        Row([
            state_text(row["account"]), _day(row["ts"]), names.partner(row["partner_id"]) if row["partner_id"] else "",
            Cell(row["journal_id"][:8], code=True), money(row["amount"], row["currency"]),
        ])
        for row in rows
    ])  # fmt: skip


def _day(text: str) -> str:
    when = _time(text)
    return f"{when.day} {when:%b %Y, %H:%M}"
