"""A postback that was read, as the postback tester shows it: mistakes, fields, facts and notes."""

from collections.abc import Mapping
from typing import Any

from control.accounts.actor import Actor
from control.console.hit_rows import names_of
from control.engine.hit_texts import mistakes_of, notes_of
from control.ui.table import Cell, Column, Row, Table


def result_context(actor: Actor, found: Mapping[str, Any], address_mistake: str) -> dict[str, Any]:
    """Return what the page shows of a postback that was read."""
    mistakes = mistakes_of(found)
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
        "notes": notes_of(found),
    }


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
