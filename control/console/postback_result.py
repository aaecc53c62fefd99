"""A postback that was read, as the postback tester shows it: mistakes, fields, facts and notes."""

from collections.abc import Mapping
from typing import Any

from control.accounts.actor import Actor
from control.console.hit_rows import meaning, names_of
from control.ui.table import Cell, Column, Row, Table
from schemas.reasons import Reason
from schemas.values.durations import format_duration

_AGES_S = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def result_context(actor: Actor, found: Mapping[str, Any], address_mistake: str) -> dict[str, Any]:
    """Return what the page shows of a postback that was read."""
    mistakes = [_mistake(one) for one in found["mistakes"]]
    if address_mistake:
        mistakes.insert(0, {"field": "URL", "detail": address_mistake, "fix": "Correct the address."})
    names = names_of(actor, [found])
    kind = "refund" if found["topic"] == "adjustment" else "conversion"
    facts = [
        ("Kind", f"Test of a {kind}: checked, not recorded" if found["test"] else kind.capitalize()),
        ("Offer", names.offer(found["offer_id"]).text),
        ("Partner", names.partner(found["partner_id"]).text),
        ("Goal", found["goal"]),
        ("Order (txn_id)", found["txn_id"]),
        ("Amount", f"{found['amount']} {found['currency']}" if found["amount"] else ""),
        ("Status", found["status"]),
        ("Conversion id", found["conversion_id"]),
    ]
    first = found["mistakes"][0] if found["mistakes"] else None
    return {
        "result": found,
        "mistakes": mistakes,
        "is_good": not mistakes,
        "verdict": f"{first['status'] if first['status'] != 200 else 409} {first['verdict']}" if first else "",
        "facts": [fact for fact in facts if fact[1]],
        "fields": _fields_table(found),
        "notes": _notes(found),
    }


def _mistake(one: Mapping[str, Any]) -> dict[str, str]:
    means, fix = meaning(one["reason"], Reason)
    detail = str(one["detail"]) or means
    return {
        "field": str(one["field"]), "detail": f"{detail[:1].upper()}{detail[1:]}",
        "fix": "" if one["reason"] == Reason.MALFORMED or ";" in detail else fix,
    }  # fmt: skip


def _fields_table(found: Mapping[str, Any]) -> Table:
    wrong = {one["field"] for one in found["mistakes"]}
    rows = []
    for field in found["fields"]:
        state = _state(field, is_wrong=field["name"] in wrong)
        rows.append(Row([Cell(field["name"], code=True), _value(field), state, field["note"]]))
    return Table("Parameters as read", [Column(label) for label in ("Parameter", "Value", "Read as", "Note")], rows)


def _value(field: Mapping[str, Any]) -> Cell:
    return Cell("Not shown") if field["name"] == "secret" else Cell(field["value"], code=bool(field["value"]))


def _state(field: Mapping[str, Any], *, is_wrong: bool) -> Cell:
    if is_wrong:
        return Cell("Wrong", badge="bad")
    if field["note"]:
        return Cell("Look at it", badge="warn")
    return Cell("Read", badge="good") if field["known"] else Cell("Custom field", badge="neutral")


def _notes(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a person should know although it is not a mistake: tone and text."""
    notes = []
    if (stored := found.get("stored")) is not None:
        state = f"{stored['amount']} {stored['currency']}, {stored['status']}"
        text = f"A conversion with this key is stored already ({state}). The same content again is a duplicate"
        notes.append(("info", f"{text}; another amount is refused; another status changes it."))
    elif found["topic"] == "adjustment" and found["conversion_id"]:
        notes.append(("warn", "No conversion has this key yet; the refund waits for it."))
    if (click := found.get("click")) is not None:
        notes += _click_notes(click)
    if found["coupon_reason"]:
        means, fix = meaning(found["coupon_reason"], Reason)
        notes.append(("warn", f"{means} The conversion counts without the coupon. {fix}"))
    return notes


def _click_notes(click: Mapping[str, Any]) -> list[tuple[str, str]]:
    age, notes = _age_text(click["age_s"]), []
    if not click["is_stored"]:
        notes.append(("info", "The click is signed by this installation and not stored yet; it counts all the same."))
    if not click["in_window"]:
        window = format_duration(click["window_s"] * 1_000_000)
        text = f"The click is {age} old, outside the offer's click window of {window}"
        notes.append(("warn", f"{text}: no partner is paid unless a plan has a longer one."))
    elif click["is_stored"]:
        link = f" through the link {click['link']}" if click["link"] else ""
        notes.append(("good", f"The click happened {age} ago{link}."))
    if click["is_bot"]:
        notes.append(("info", "The click looked like a bot's; it counts because the postback names it."))
    return notes


def _age_text(seconds: int) -> str:
    for size, noun in _AGES_S:
        if seconds >= size:
            number = seconds // size
            return f"{number} {noun}{'' if number == 1 else 's'}"
    return "less than a minute"
