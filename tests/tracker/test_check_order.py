"""One conversion reader for postbacks and lines, and the order of a postback's verdicts."""

import json
from typing import Any

import pytest

from runtime.settings import TrackerSettings
from schemas.reasons import Reason
from schemas.values.click_id import mint, to_text
from schemas.values.ids import AbsentIds
from tests.tracker.edge_fixture import API_KEY, KEYS, NOW_US, SECRET, program
from tracker.lines.events import LineContext
from tracker.lines.parse import read_line
from tracker.offers.program_index import ProgramIndex
from tracker.postback.checks import CONVERSION_CHECKS, POSTBACK_CHECKS, REFUND_CHECKS
from tracker.postback.decide import read_postback
from tracker.postback.draft import PostbackContext
from tracker.refusal import Refusal
from tracker.request.text import shortened

PROGRAM = ProgramIndex(program())
TOKEN = to_text(mint(KEYS, NOW_US // 1_000 - 60_000, 101, 7, b"r" * 8))
FIELD_BYTES_MAX, CUSTOM_MAX = 200, 3

# A value that is wrong for each check, in the order in which postbacks are checked.
WRONG = [
    ({"action": "undo"}, "action", Reason.MALFORMED),
    ({"test": "yes"}, "test", Reason.MALFORMED),
    ({"click_id": "x"}, "click_id", Reason.CLICK_ID_INVALID),
    ({"secret": "wrong"}, "secret", Reason.ACCESS_DENIED),
    ({"offer_id": "102"}, "offer_id", Reason.MALFORMED),
    ({"txn_id": "t" * 257}, "txn_id", Reason.MALFORMED),
    ({"goal": "none"}, "goal", Reason.MALFORMED),
]
OF_CONVERSIONS = [
    ({"currency": "XXQ"}, "currency", Reason.MALFORMED),
    ({"status": "won"}, "status", Reason.MALFORMED),
    ({"coupon": "c\x01"}, "coupon", Reason.MALFORMED),
    ({"amount": "ten"}, "amount", Reason.MALFORMED),
    ({"note": "n" * 201}, "note", Reason.MALFORMED),
]
OF_REFUNDS = [
    ({"refund_id": "r" * 257}, "refund_id", Reason.MALFORMED),
    ({"currency": "XXQ"}, "currency", Reason.MALFORMED),
    ({"reason": "r" * 201}, "reason", Reason.MALFORMED),
    ({"amount": "0"}, "amount", Reason.MALFORMED),
]


def postback(fields: dict[str, str]) -> Any:
    context = PostbackContext(PROGRAM, KEYS, NOW_US, "9.9.9.9", FIELD_BYTES_MAX, CUSTOM_MAX)
    return read_postback(fields, context)


def line(**fields: Any) -> Any:
    absent = AbsentIds(TrackerSettings().absent_ids, addresses=False)
    context = LineContext(
        program=PROGRAM, keys=KEYS, now=NOW_US, sender_ip="9.9.9.9", field_bytes_max=FIELD_BYTES_MAX,
        custom_fields_max=CUSTOM_MAX, future_ts_max_us=0, truncate_ip=False, absent=absent,
    )  # fmt: skip
    return read_line(json.dumps({"id": "a", "ts": NOW_US, **fields}).encode(), context).result


@pytest.mark.parametrize(
    ("right", "wrong"),
    [({}, [*WRONG, *OF_CONVERSIONS]), ({"action": "refund", "refund_id": "r1"}, [*WRONG[1:], *OF_REFUNDS])],
    ids=["conversion", "refund"],
)
def test_the_first_wrong_field_in_the_order_of_checks_decides_the_verdict(
    right: dict[str, str], wrong: list[tuple[dict[str, str], str, Reason]]
) -> None:
    base = {"click_id": TOKEN, "secret": SECRET, "txn_id": "t1", **right}
    assert not isinstance(postback(base), Refusal)
    for first, (_, field, reason) in enumerate(wrong):
        fields = base.copy()
        for values, _, _ in reversed(wrong[first:]):  # everything from this check on is wrong
            fields |= values
        refusal = postback(fields)
        assert (refusal.field, refusal.reason) == (field, reason)


def test_every_postback_passes_the_same_checks_first() -> None:
    names = [name for name, _ in POSTBACK_CHECKS]
    assert names.index("put_offer") < names.index("check_secret") == 3
    for checks in (CONVERSION_CHECKS, REFUND_CHECKS):
        assert checks[: len(POSTBACK_CHECKS)] == POSTBACK_CHECKS
        assert all(name == check.__name__ for name, check in checks)


@pytest.mark.parametrize(
    ("fields", "field", "detail"),
    [
        ({"goal": "none"}, "goal", "the offer has no such goal; it has 1, lead"),
        ({"currency": "XXQ"}, "currency", "not an ISO 4217 currency code; send one, for example USD"),
        ({"amount": "ten", "currency": "USD"}, "amount", None),
        ({"amount": "1.005", "currency": "USD"}, "amount", None),
        ({"custom": {"": "x"}}, "custom", None),
    ],
)
def test_a_postback_and_a_line_are_refused_alike(fields: dict[str, Any], field: str, detail: str | None) -> None:
    by_line = line(type="conversion", click_id=TOKEN, txn_id="t1", **fields)
    assert isinstance(by_line, Refusal) and by_line.field == field
    assert detail is None or by_line.detail == detail
    if field != "custom":
        by_postback = postback({"click_id": TOKEN, "secret": SECRET, "txn_id": "t1", **fields})
        assert (by_postback.field, by_postback.detail) == (by_line.field, by_line.detail)


def test_custom_fields_have_one_limit() -> None:
    base = {"click_id": TOKEN, "secret": SECRET, "txn_id": "t1"}
    for count, name, value in ((CUSTOM_MAX + 1, "n", "v"), (1, "n" * 129, "v"), (1, "n\x02", "v"), (1, "n", "v" * 201)):
        custom = {f"{name}{number or ''}": value for number in range(count)}
        by_line = line(type="conversion", click_id=TOKEN, txn_id="t1", custom=custom)
        assert (by_line.field, by_line.reason) == ("custom", Reason.MALFORMED)
        by_postback = postback(base | custom)
        assert (by_postback.field, by_postback.reason) == (shortened(list(custom)[-1]), Reason.MALFORMED)
    most = {f"{'n' * 127}{number}": "v" * 200 for number in range(CUSTOM_MAX)}
    assert line(type="conversion", click_id=TOKEN, txn_id="t1", custom=most).custom == most
    assert postback(base | most).event.custom == most


def test_refunds_of_postbacks_and_lines_have_one_reader() -> None:
    for amount, currency in (("0", ""), ("-1", ""), ("x", ""), ("1.005", "USD")):
        by_line = line(type="adjustment", kind="refund", offer_id=101, txn_id="t1", amount=amount, currency=currency)
        fields = {"click_id": TOKEN, "secret": SECRET, "txn_id": "t1", "action": "refund", "refund_id": "r"}
        by_postback = postback(fields | {"amount": amount} | ({"currency": currency} if currency else {}))
        assert (by_postback.field, by_postback.detail) == (by_line.field, by_line.detail)
        assert by_line.field == "amount"


def test_custom_fields_that_hold_any_secret_of_the_program_are_not_stored() -> None:
    custom = {"a": API_KEY, "b": "x", "c": SECRET}
    for offer_id in (101, 102):  # the secret of offer 101 is a secret in conversions of every offer
        sold = line(type="conversion", offer_id=offer_id, txn_id="t1", user_id="u", custom=custom)
        assert sold.custom == {"b": "x"}
    by_postback = postback({"click_id": TOKEN, "secret": SECRET, "txn_id": "t1"} | custom)
    assert by_postback.event.custom == {"b": "x"}
