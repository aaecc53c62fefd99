"""Explanation of a conversion for one partner, in plain words. The engine has left out what concerns others."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from control.console.figures.conversion_table import money
from control.portal.conversions import commission_states, statuses
from control.ui.moments import day_text
from control.ui.table import Column, Row, Table

Json = Mapping[str, Any]
_TOUCHES_SHOWN_MAX = 50


def why_not(row: Json, explained: Json) -> str:
    """Say why a conversion pays nothing, or not yet; empty if it pays."""
    if row["status"] == "declined":
        reason = next((one["reason"] for one in reversed(explained["adjustments"]) if one.get("reason")), "")
        known = _("The shop rejected this sale, for example because it was cancelled, so it pays nothing.")
        return f"{known} {_('Reason: %(reason)s') % {'reason': reason}}" if reason else known
    if row["commissions"]:
        if row["status"] == "pending":
            return _("The shop has not confirmed this sale yet. The commission counts when it does.")
        return ""
    if not any(choice["plan"] for choice in explained.get("plans", ())):
        return _("No rate was agreed for this offer at the time of the sale.")
    return _("The whole amount was refunded, or your share of it is zero.")


def amounts(row: Json) -> list[tuple[str, str]]:
    """Return the worth of the sale, if the program shows it to partners."""
    if "amount" not in row:
        return []
    found = [(_("Amount of the sale"), money(row["amount"], row["currency"]))]
    if row["refunded"].strip("0."):
        found.append((_("Refunded"), money(row["refunded"], row["currency"])))
    return found


def course(explained: Json) -> list[dict[str, object]]:
    """Return own clicks, the sale and what happened to it, in the order of their times."""
    kinds = {"click": _("Click"), "impression": _("View"), "coupon": _("Coupon")}
    items: list[dict[str, object]] = [
        {
            "title": kinds.get(touch["kind"], touch["kind"]), "time": datetime.fromisoformat(touch["ts"]),
            "text": verdict_text(touch), "tone": "good" if _is_credited(touch) else "neutral", "icon": "click",
        }
        for touch in explained.get("touches", ())[-_TOUCHES_SHOWN_MAX:]
        if touch["partner_id"] is not None
    ]  # fmt: skip
    sale = explained["conversion"]
    items.append(
        {
            "title": _("Sale"), "time": datetime.fromisoformat(sale["event_ts"]), "tone": "accent",
            "icon": "shopping-cart", "text": statuses().get(sale["status_first"], ("", ""))[0],
        }
    )  # fmt: skip
    for change in explained["adjustments"]:
        is_status = change["kind"] == "status"
        title = statuses().get(change["status"], (change["status"], ""))[0] if is_status else _("Refund")
        items.append(
            {
                "title": title, "time": datetime.fromisoformat(change["ts"]), "text": change["reason"],
                "tone": "bad" if not is_status or change["status"] == "declined" else "info",
                "icon": "versions" if is_status else "arrow-back-up",
            }
        )  # fmt: skip
    return sorted(items, key=lambda item: str(item["time"]))


def _is_credited(touch: Json) -> bool:
    return any(verdict == "credited" for verdict in touch["models"].values())


def verdict_text(touch: Json) -> str:
    """Say whether a click counts, and why it does not."""
    if _is_credited(touch):
        return _("counts")
    reasons = {
        "outside_window": _("too long before the sale"), "after_conversion": _("after the sale"),
        "not_last": _("a later click counts"), "not_first": _("an earlier click counts"),
        "lower_precedence": _("another click takes precedence"), "bot": _("a robot"),
        "inactive_partner": _("your account was not active"),
    }  # fmt: skip
    verdict = touch["reason"] or next(iter(touch["models"].values()), "")
    return reasons.get(verdict, _("does not count"))


def plan_rows(explained: Json) -> list[tuple[str, str]]:
    """Return what each plan pays the partner."""
    return [
        (share["rule"], money(part["amount"], share["currency"]))
        for share in explained.get("shares", ()) for part in share["parts"]
    ]  # fmt: skip


def commission_rows(row: Json, zone: ZoneInfo) -> Table:
    """Make the table of the partner's commissions for the conversion."""
    states = commission_states()
    body: Sequence[Row] = [
        Row(
            [
                states.get(paid["status"], paid["status"]),
                day_text(datetime.fromisoformat(paid["hold_until"]).astimezone(zone)),
                money(paid["amount"], paid["currency"]),
            ]
        )
        for paid in row["commissions"]
    ]
    return Table(_("Commissions"), [Column(_("State")), Column(_("Free on")), Column(_("Amount"), numeric=True)], body)
