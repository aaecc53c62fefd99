"""Explanation of a conversion as one partner may read it. Pure.

Names and earnings of others are left out, revenue too unless it is shown.
"""

from typing import Any

from reporting.explain import Explanation

Json = dict[str, Any]
_OTHER = {"touch_id": "", "partner_id": None, "partner": ""}
_REVENUE = frozenset({"amount", "net_value", "value"})
"""Fields with the worth of a conversion."""
_NOT_FOR_PARTNERS = frozenset({"percent_of_net", "fixed", "total", "match", "coupon_partner_id"})
"""Fields with what all partners of a conversion earn together, and with other partners that it concerns."""


def partners_of(explanation: Explanation) -> set[int]:
    """Return the partners that have a share in a conversion: by a credit, a commission or an entry of the ledger."""
    answer = explanation.to_json()
    found = {credit["partner_id"] for model in answer.get("models", ()) if model["pays"] for credit in model["credits"]}
    for table in ("commissions", "ledger"):
        found |= {row["partner_id"] for row in answer[table]}
    return found - {0}


def explanation_for_partner(answer: Json, partner: int, *, revenue: bool = False) -> Json:
    """Leave out what only concerns others; touches of others stay, without their partner."""
    hidden = _NOT_FOR_PARTNERS if revenue else _NOT_FOR_PARTNERS | _REVENUE
    shown = {**answer, "conversion": _without(answer["conversion"], hidden), "problems": {}}
    shown["adjustments"] = [_without(row, hidden) for row in answer["adjustments"]]
    for table in ("commissions", "ledger", "plans"):
        shown[table] = [row for row in answer.get(table, ()) if row["partner_id"] == partner]
    shown["touches"] = [
        touch if touch["partner_id"] == partner else {**touch, **_OTHER} for touch in answer.get("touches", ())
    ]
    shown["models"] = [
        {
            **model,
            "credits": [_without(credit, hidden) for credit in model["credits"] if credit["partner_id"] == partner],
        }
        for model in answer.get("models", ())
        if model["pays"]
    ]
    shown["shares"] = _shares(answer.get("shares", ()), partner, hidden)
    return shown


def _shares(shares: Any, partner: int, hidden: frozenset[str]) -> list[Json]:
    """Keep the plans that pay the partner something, each with the partner's parts only."""
    kept = []
    for share in shares:
        parts = [part for part in share["parts"] if part["partner_id"] == partner and part["paid"]]
        if parts:
            kept.append({**_without(share, hidden), "parts": parts})
    return kept


def _without(row: Json, hidden: frozenset[str]) -> Json:
    return {name: value for name, value in row.items() if name not in hidden}
