"""`clew explain`: one conversion, from its touches to each cent, computed again by the functions that pay.

Touches outside the range that a pass reads are shown too, with the reason why they do not count. The answer contains
both the computed result and the stored rows; they differ only if new data has arrived since the last pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attribution.core.commissions import CommissionInput, PlanAmount, amounts_of_plan, chosen_plans, split
from attribution.core.credits import WEIGHT_ONE, ConversionCase, Outcome, Pricing, attribute, to_columns
from attribution.core.journeys import KIND_NAMES, REASONS, Journeys, build
from attribution.core.net_value import net_value
from attribution.core.revisions import CurrentRevision, is_unchanged
from attribution.core.weights import model_of, reasons, weigh
from attribution.kernels import select
from attribution.kernels.checks import Ints
from attribution.store.conversion_reader import ConversionReader
from attribution.store.programs import Programs
from attribution.store.revision_reader import RevisionReader
from attribution.store.touch_reader import TouchReader
from attribution.store.touch_table import TouchTable
from program.labels import Labels
from program.terms import Terms
from schemas.ddl import DATABASE
from schemas.events import Adjustment, Conversion
from schemas.fields import NO_TOKEN
from schemas.values.click_id import to_text
from schemas.values.money import format_minor, percent_of_minor
from schemas.values.timestamps import rfc3339
from warehouse.port import Warehouse

Json = dict[str, Any]

TOUCHES_MAX = 1_000
"""Maximum number of touches in an explanation; the latest ones are kept."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of one conversion as plain values. explain_text.py formats it as text."""

    answer: Json

    def to_json(self) -> Json:
        return self.answer


def explain(warehouse: Warehouse, labels: Labels, conversion_id: str) -> Explanation | None:
    """Explain a conversion (32 hex digits). Returns None if the warehouse does not have it.

    Raises WarehouseError.
    """
    key = bytes.fromhex(conversion_id)
    reader, programs = ConversionReader(warehouse), Programs(warehouse)
    events = reader.conversions_of([key])
    if not events:
        return None
    event, current = events[0], RevisionReader(warehouse).current_revisions([key]).get(key)
    adjustments = reader.adjustments_of([key]).get(key, ())
    pricing = programs.get(current.program_hash) if current is not None else None
    answer: Json = {
        "conversion": _conversion(event, adjustments),
        "adjustments": _adjustment_rows(warehouse, key, event),
        "state": _state(current),
        "problems": dict(current.problems) if current is not None else {},
    }
    if current is not None and pricing is not None:
        case = ConversionCase(event, adjustments, pricing)
        answer |= _computed(case, current, labels, TouchReader(TouchTable(warehouse)))
    answer["commissions"] = _commission_rows(warehouse, key)
    answer["ledger"] = _ledger_rows(warehouse, key)
    return Explanation(answer)


# ------------------------------------------------------------------------------------------------ received data


def _conversion(event: Conversion, adjustments: Sequence[Adjustment]) -> Json:
    now, _ = net_value(event, adjustments)
    value: Any = getattr(event, event.match_kind)
    return {
        "conversion_id": event.conversion_id.hex(),
        "event_ts": rfc3339(event.event_ts),
        "offer_id": event.offer_id,
        "goal": event.goal,
        "txn_id": event.txn_id,
        "matched_by": event.match_kind,
        "match": to_text(value) if isinstance(value, bytes) else value,
        "amount": format_minor(event.amount_minor, event.currency),
        "net_value": format_minor(now.value_minor, event.currency),
        "currency": event.currency,
        "status_first": event.status,
        "status": now.status,
        **_coupon(event),
    }


def _coupon(event: Conversion) -> Json:
    """Return the coupon of a conversion with its partner or reason; empty without a coupon."""
    if not event.coupon:
        return {}
    return {"coupon": event.coupon, "coupon_partner_id": event.coupon_partner_id, "coupon_reason": event.coupon_reason}


def _adjustment_rows(warehouse: Warehouse, key: bytes, event: Conversion) -> list[Json]:
    rows = warehouse.query(
        "SELECT lower(hex(adjustment_id)) AS adjustment_id, toUnixTimestamp64Micro(ts) AS at, kind, status, "
        f"toString(toDecimal128(amount_e4, 4) / 10000) AS amount, currency, reason FROM {DATABASE}.adjustments "
        "WHERE conversion_id = unhex({id:String}) ORDER BY at, adjustment_id",
        {"id": key.hex()},
    ).to_pylist()
    return [
        {"ts": rfc3339(row.pop("at")), **row, "currency": row["currency"] or event.currency}
        if row["kind"] != "status"
        else {"ts": rfc3339(row["at"]), **{n: row[n] for n in ("adjustment_id", "kind", "status", "reason")}}
        for row in rows
    ]


def _state(current: CurrentRevision | None) -> Json:
    if current is None:
        return {"credited": False, "why": "not credited yet; run `clew attribute --wait`"}
    return {
        "credited": bool(current.credits),
        "revision": current.revision,
        "paying_model": current.paying_model,
        "program_hash": current.program_hash,
    }


# -------------------------------------------------------------------------------------------- computed result


def _computed(case: ConversionCase, current: CurrentRevision, labels: Labels, touch_reader: TouchReader) -> Json:
    rows, oversized = touch_reader.candidates([case])
    (outcome,) = attribute([case], rows, oversized)
    all_rows, _ = touch_reader.candidates([case], wider=True)
    journeys = build(to_columns([case]), all_rows)
    weights = {model: weigh(model, journeys, case.pricing.fits) for model in case.pricing.models}
    return {
        "is_current": is_unchanged(current, outcome),
        "touches": _touches(labels, journeys, weights),
        "models": [_model(case.pricing.terms, model, outcome) for model in case.pricing.models],
        **_plans(case, journeys, weights, outcome),
    }


def _touches(labels: Labels, journeys: Journeys, weights: dict[str, Ints]) -> list[Json]:
    """List each touch with the reason why it has no credit under a model."""
    touches, listed = journeys.touches, []
    why = {model: reasons(model, journeys, model_weights) for model, model_weights in weights.items()}
    for i, t in list(enumerate(journeys.touch.tolist()))[-TOUCHES_MAX:]:
        partner = int(touches.partner_id[t])
        code = int(journeys.codes[i])
        listed.append(
            {
                "touch_id": to_text(bytes(touches.touch_id[t]).ljust(27, b"\0")),
                "kind": KIND_NAMES[int(touches.kind[t])],
                "ts": rfc3339(int(touches.ts[t])),
                "partner_id": partner,
                "partner": labels.partners.get(partner, ""),
                "offer_id": int(touches.offer_id[t]),
                "named": bool(journeys.named[i]),
                "pending": bool(touches.pending[t]),
                "counts": code == select.ELIGIBLE,
                "reason": "" if code == select.ELIGIBLE else REASONS[code].value,
                "models": {model: str(words[i]) or "credited" for model, words in why.items()},
            }
        )
    return listed


def _model(terms: Terms, model: str, outcome: Outcome) -> Json:
    event = outcome.event
    return {
        "model": model,
        "pays": model == outcome.paying_model,
        **_fit(terms, model),
        "credits": [
            {
                "touch_id": "" if line.touch_id == NO_TOKEN else to_text(line.touch_id),
                "partner_id": line.partner_id,
                "weight": decimal_text(line.weight_e12),
                "value": format_minor(line.value_minor, event.currency),
                "currency": event.currency,
                "reason": line.reason,
            }
            for line in outcome.credits
            if line.model == model
        ],
    }


def _fit(terms: Terms, model: str) -> Json:
    """Return the origin of a fitted model's weights; empty for a rule."""
    parsed = model_of(model)
    fit = terms.fits.get(parsed.fit) if parsed is not None else None
    if fit is None:
        return {}
    return {
        "fit": {
            "model": fit.model,
            "run": fit.run,
            "from": fit.from_ts or None,
            "to": fit.to_ts or None,
            "as_of": fit.as_of,
            "conversions": fit.conversions,
        }
    }


def _plans(case: ConversionCase, journeys: Journeys, weights: dict[str, Ints], outcome: Outcome) -> Json:
    """List the plan of each partner with the plans that it wins over, and every split to the cent."""
    eligible = [i for i, code in enumerate(journeys.codes.tolist()) if code == select.ELIGIBLE]
    partners = tuple(journeys.touches.partner_id[journeys.touch[eligible]].tolist())
    item = CommissionInput(
        case.event, outcome.net_value, case.pricing.plans, partners, {m: w[eligible] for m, w in weights.items()}
    )
    choices = []
    for partner in sorted(set(partners)):
        choice = case.pricing.plans.choose(case.event.offer_id, case.event.goal, partner)
        choices.append(
            {
                "partner_id": partner,
                "plan": choice.plan.name if choice.plan else None,
                "losers": [plan.name for plan in choice.losers],
            }
        )
    chosen = chosen_plans(item)
    plans = {plan.name: plan for plan in chosen.values()}
    plan_amounts = [
        plan_amount
        for _, plan in sorted(plans.items())
        for plan_amount in amounts_of_plan(plan, case.event, outcome.net_value)
    ]
    plan_amounts = [plan_amount for plan_amount in plan_amounts if plan_amount.plan.model in item.weights]
    parts = split([item], [(0, plan_amount) for plan_amount in plan_amounts])
    tokens = [to_text(bytes(t).ljust(27, b"\0")) for t in journeys.touches.touch_id[journeys.touch[eligible]]]
    return {
        "plans": choices,
        "pays_nothing": outcome.net_value.status == "declined",
        "shares": [
            _share(case.pricing, item, plan_amount, tokens, amount_parts)
            for plan_amount, amount_parts in zip(plan_amounts, parts, strict=True)
        ],
    }


def _share(
    pricing: Pricing, item: CommissionInput, plan_amount: PlanAmount, tokens: Sequence[str], parts: Sequence[int]
) -> Json:
    event, plan, net = item.event, plan_amount.plan, item.net_value.value_minor
    in_own = plan_amount.currency == event.currency and plan.percent_e6 != 0
    of_net = percent_of_minor(net, plan.percent_e6) if in_own else 0
    choose = pricing.plans.choose
    return {
        "plan": plan.name,
        "rule": plan_amount.rule,
        "model": plan.model,
        "net_value": format_minor(net, event.currency),
        "percent_of_net": format_minor(of_net, plan_amount.currency) if in_own else None,
        "fixed": format_minor(plan_amount.amount_minor - of_net, plan_amount.currency),
        "total": format_minor(plan_amount.amount_minor, plan_amount.currency),
        "currency": plan_amount.currency,
        "parts": [
            {
                "touch_id": token,
                "partner_id": partner,
                "weight": int(weight),
                "amount": format_minor(part, plan_amount.currency),
                "paid": choose(event.offer_id, event.goal, partner).plan == plan
                and item.net_value.status != "declined",
            }
            for token, partner, weight, part in zip(
                tokens, item.partners, item.weights[plan.model].tolist(), parts, strict=True
            )
        ],
    }


# -------------------------------------------------------------------------------------------- stored rows


def _commission_rows(warehouse: Warehouse, key: bytes) -> list[Json]:
    rows = warehouse.query(
        "SELECT lower(hex(commission_id)) AS commission_id, revision, partner_id, plan, rule, model, amount_minor, "
        "currency, conversion_status, toUnixTimestamp64Micro(hold_until) AS held, program_hash, "
        f"lower(hex(reverses)) AS reverses FROM {DATABASE}.commissions WHERE conversion_id = unhex({{id:String}}) "
        "ORDER BY revision, amount_minor > 0, partner_id, plan, rule, currency",
        {"id": key.hex()},
    ).to_pylist()
    for row in rows:
        row["amount"] = format_minor(row.pop("amount_minor"), row["currency"])
        row["hold_until"] = rfc3339(row.pop("held"))
        row["reverses"] = row["reverses"].strip("0") and row["reverses"]
    return list(rows)


def _ledger_rows(warehouse: Warehouse, key: bytes) -> list[Json]:
    rows = warehouse.query(
        "SELECT toUnixTimestamp64Micro(ts) AS at, lower(hex(journal_id)) AS journal_id, "
        "lower(hex(entry_id)) AS entry_id, account, partner_id, amount_minor, currency, "
        "lower(hex(commission_id)) AS commission_id, lower(hex(reverses)) AS reverses "
        f"FROM {DATABASE}.ledger WHERE conversion_id = unhex({{id:String}}) ORDER BY _batch, _offset",
        {"id": key.hex()},
    ).to_pylist()
    return [
        {
            "ts": rfc3339(row.pop("at")),
            **row,
            "amount": format_minor(row.pop("amount_minor"), row["currency"]),
            "reverses": row["reverses"].strip("0") and row["reverses"],
        }
        for row in rows
    ]


def decimal_text(e12: int) -> str:
    """Format 1e-12 units as a plain decimal."""
    whole, fraction = divmod(e12, WEIGHT_ONE)
    return f"{whole}.{fraction:012d}".rstrip("0").rstrip(".")
