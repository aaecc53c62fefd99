"""Format an explanation as lines of text. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def lines_of(answer: Json) -> Iterator[str]:
    """Yield the lines of an explanation."""
    yield from _conversion(answer)
    if "touches" not in answer:
        yield str(
            answer["state"].get("why", "The program that priced this conversion is missing; see `clew problems`.")
        )
        return
    yield from _touches(answer)
    for model in answer["models"]:
        yield from _model(model)
    yield from _plans(answer)
    yield from _tables(answer)


def _conversion(answer: Json) -> Iterator[str]:
    c = answer["conversion"]
    yield f"Conversion {c['conversion_id']} at {c['event_ts']}, offer {c['offer_id']}, goal {c['goal']}"
    yield f"  matched by {c['matched_by']} {c['match']}"
    if c.get("coupon"):
        counts = f"of partner {c['coupon_partner_id']}; wins over a named click if its touch counts"
        yield f"  coupon {c['coupon']}: {c['coupon_reason'] or counts}"
    yield f"  amount {c['amount']} {c['currency']}, reported as {c['status_first']}"
    for a in answer["adjustments"]:
        what = f"status {a['status']}" if a["kind"] == "status" else f"{a['kind']} of {a['amount']} {a['currency']}"
        yield f"  {a['ts']}: {what} {a['reason']}".rstrip()
    yield f"  now {c['status']}, worth {c['net_value']} {c['currency']}"
    state = answer["state"]
    if state.get("revision"):
        yield f"  revision {state['revision']}, priced under program {state['program_hash']}"
    for code, detail in answer["problems"].items():
        yield f"  PROBLEM {code}: {detail}"
    if answer.get("is_current") is False:
        yield "  New data has arrived since the last pass; the following is the result of the next pass."


def _touches(answer: Json) -> Iterator[str]:
    yield "Touches" if answer["touches"] else "Touches: none"
    for t in answer["touches"]:
        marks = [name for name in ("named", "pending") if t[name]]
        verdict = "counts" if t["counts"] else f"does not count: {t['reason']}"
        where = f"partner {t['partner_id']} {t['partner']}".rstrip()
        yield f"  {t['ts']} {t['kind']} {t['touch_id']} {where}: {', '.join([*marks, verdict])}"


def _model(model: Json) -> Iterator[str]:
    yield f"Model {model['model']}{' (pays)' if model['pays'] else ''}{_fit(model)}"
    if not model["credits"]:
        yield "  no credits: this model could not be computed"
    for credit in model["credits"]:
        reason = f" ({credit['reason']})" if credit["reason"] else ""
        who = f"partner {credit['partner_id']}" if credit["partner_id"] else "unattributed"
        value = f"{credit['value']} {credit['currency']}"
        yield f"  {who}: {credit['weight']} of it, {value}{reason} {credit['touch_id']}".rstrip()


def _fit(model: Json) -> str:
    """Describe the origin of a fitted model's weights."""
    fit = model.get("fit")
    if fit is None:
        return ""
    when = [f"{word} {fit[word]}" for word in ("from", "to") if fit[word]]
    counted = " ".join([f"{fit['conversions']} conversions", *when, "as of", fit["as_of"]])
    return f": {fit['model']} of run {fit['run']}, {counted}"


def _plans(answer: Json) -> Iterator[str]:
    yield "Plans"
    for choice in answer["plans"]:
        losers = f", before {'; '.join(choice['losers'])}" if choice["losers"] else ""
        yield f"  partner {choice['partner_id']}: {choice['plan'] or 'none, so it earns nothing'}{losers}"
    if not answer["plans"]:
        yield "  none"
    if answer["pays_nothing"]:
        yield "  declined, so nothing is paid"
    for share in answer["shares"]:
        yield from _share(share)


def _share(share: Json) -> Iterator[str]:
    steps = []
    if share["percent_of_net"] is not None:
        steps.append(f"{share['rule'].split('%')[0]}% of {share['net_value']} = {share['percent_of_net']}")
    if share["fixed"].strip("0.") or not steps:
        steps.append(f"fixed {share['fixed']}")
    yield f"  {share['plan']}: {' + '.join(steps)} = {share['total']} {share['currency']}, split by {share['model']}:"
    for part in share["parts"]:
        if part["weight"]:
            paid = "paid" if part["paid"] else "not paid under this plan"
            amount = f"{part['amount']} {share['currency']}"
            yield f"    partner {part['partner_id']}: weight {part['weight']}, {amount}, {paid}"


def _tables(answer: Json) -> Iterator[str]:
    yield "Commissions" if answer["commissions"] else "Commissions: none"
    for row in answer["commissions"]:
        note = f"reverses {row['reverses']}" if row["reverses"] else f"held until {row['hold_until']}"
        yield (
            f"  revision {row['revision']}: partner {row['partner_id']} {row['amount']} {row['currency']}, "
            f"{row['plan']} {row['rule']}, {row['conversion_status']}, {note} [{row['commission_id']}]"
        )
    yield "Ledger" if answer["ledger"] else "Ledger: no entries"
    for row in answer["ledger"]:
        yield (
            f"  {row['ts']} {row['account']} partner {row['partner_id']} {row['amount']} {row['currency']} "
            f"[journal {row['journal_id']}]"
        )
