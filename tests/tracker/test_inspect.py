"""The postback tester lists every mistake of a postback, and agrees with the edge about the first one."""

from urllib.parse import urlencode

import pytest

from runtime.settings import TrackerSettings
from schemas.reasons import Reason
from schemas.values.click_id import mint, to_text
from schemas.values.ids import AbsentIds
from tests.tracker.edge_fixture import KEYS, NOW_US, SECRET, program
from tests.tracker.test_check_order import OF_CONVERSIONS, OF_REFUNDS, WRONG
from tracker.offers.program_index import ProgramIndex
from tracker.postback.decide import PendingPostback, read_postback
from tracker.postback.draft import PostbackContext
from tracker.postback.inspect import Inspection, inspect_postback
from tracker.refusal import Refusal

TOKEN = to_text(mint(KEYS, NOW_US // 1_000 - 60_000, 101, 7, b"r" * 5))
CONTEXT = PostbackContext(ProgramIndex(program()), KEYS, NOW_US, "", 200, 3)
ABSENT = AbsentIds(TrackerSettings().absent_ids, addresses=False)
RIGHT = {"click_id": TOKEN, "secret": SECRET, "txn_id": "t1", "amount": "7.50"}


def inspected(fields: dict[str, str]) -> Inspection:
    return inspect_postback(urlencode(fields).encode(), b"", "", CONTEXT, ABSENT)


def wrong_fields(fields: dict[str, str]) -> list[tuple[str, Reason]]:
    return [(refusal.field, refusal.reason) for refusal in inspected(fields).refusals]


def test_a_right_postback_is_read_as_the_edge_reads_it() -> None:
    read = inspected({**RIGHT, "currency": "eur", "status": "2", "sku": "4711"})
    stored = read_postback({**RIGHT, "currency": "eur", "status": "2", "sku": "4711"}, CONTEXT)
    assert isinstance(stored, PendingPostback)
    assert read.refusals == () and read.conversion_id == stored.event.conversion_id
    assert (read.offer_id, read.partner_id, read.goal, read.txn_id) == (101, 7, "1", "t1")
    assert (read.amount_minor, read.currency, read.status, read.topic) == (750, "EUR", "pending", "conversion")
    fields = {field.name: field for field in read.fields}
    assert fields["secret"].value == "" and SECRET not in repr(read)
    assert (fields["sku"].known, fields["amount"].known) == (False, True)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(RIGHT, [*WRONG, *OF_CONVERSIONS]), ({**RIGHT, "action": "refund", "refund_id": "r1"}, [*WRONG[1:], *OF_REFUNDS])],
    ids=["conversion", "refund"],
)
def test_each_mistake_is_named_and_the_first_is_the_edges(
    right: dict[str, str], wrong: list[tuple[dict[str, str], str, Reason]]
) -> None:
    for values, field, reason in wrong:
        assert wrong_fields(right | values) == [(field, reason)]
    independent = [one for one in wrong if one[1] not in ("action", "click_id", "currency", "offer_id")]
    everything = right | {name: value for values, _, _ in independent for name, value in values.items()}
    assert wrong_fields(everything) == [(field, reason) for _, field, reason in independent]
    first = read_postback(everything, CONTEXT)
    assert isinstance(first, Refusal) and first.field == independent[0][1]


def test_what_hangs_on_an_unknown_offer_is_not_called_wrong() -> None:
    assert wrong_fields({**RIGHT, "click_id": "x", "goal": "none", "status": "won"}) == [
        ("click_id", Reason.CLICK_ID_INVALID),
        ("status", Reason.MALFORMED),
    ]
    assert wrong_fields({**RIGHT, "currency": "XXQ", "amount": "ten"}) == [("currency", Reason.MALFORMED)]


def test_a_form_that_cannot_be_read_and_a_missing_click_are_named() -> None:
    read = inspect_postback(b"", b"[1]", "application/json", CONTEXT, ABSENT)
    assert [refusal.field for refusal in read.refusals] == ["body", "click_id"]
    no_click = {"offer_id": "101", "secret": SECRET, "txn_id": "t1"}
    assert wrong_fields(no_click) == [("click_id", Reason.MALFORMED)]


def test_names_of_other_trackers_macros_and_misplaced_secrets_are_noted() -> None:
    read = inspected(
        {
            **RIGHT,
            "txn_id": "{order_id}",
            "orderid": "9",
            "Amount": "3",
            "coupon": "undefined",
            "note": SECRET,
            "sub": "[x]",
        }
    )
    notes = {field.name: field.note for field in read.fields if field.note}
    assert notes == {
        "txn_id": "looks like a macro that was not replaced",
        "orderid": "stored as a custom field; is txn_id meant?",
        "Amount": "stored as a custom field; is amount meant?",
        "coupon": "a placeholder, which counts as left out",
        "note": "this is a secret; it belongs into secret only",
        "sub": "looks like a macro that was not replaced",
    }
    assert SECRET not in repr(read)
