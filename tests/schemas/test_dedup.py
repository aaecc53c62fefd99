"""Dedup decisions case by case (docs/contract.md, sections 2.1 and 2.2); test_dedup_model.py tests random sequences."""

from typing import Any

import pytest

from schemas.dedup import rules
from schemas.dedup.rules import Decision, decide, keys_of
from schemas.events import Adjustment, Conversion, Event, Given, Kind, Touch
from schemas.reasons import Reason
from schemas.wire import decode
from tests.schemas.samples import conversion, refund, rejected, status, touch, touch_id, wire

EVERYTHING = Given.AMOUNT | Given.CURRENCY | Given.STATUS | Given.CLICK_ID


class Keys:
    """The states of keys and the stored records of a log."""

    def __init__(self) -> None:
        self.states: dict[bytes, bytes] = {}
        self.stored: list[Event] = []

    def say(self, event: Event, kind: Kind | None = None) -> Decision:
        value, read = wire(event, kind), set[bytes]()

        def get(key: bytes) -> bytes | None:
            read.add(key)
            return self.states.get(key)

        decision = decide(get, value)
        assert read | decision.puts.keys() <= set(keys_of(*decode(value)))
        self.states.update(decision.puts)
        if decision.record is not None:
            self.stored.append(decode(decision.record)[1])
        assert (decision.record is not None) == (decision.verdict == "accepted")
        return decision

    def verdicts(self, *events: Event) -> list[str]:
        return [self.say(event).verdict for event in events]


@pytest.fixture
def keys() -> Keys:
    return Keys()


SALE = conversion("t1")


def test_first_and_again(keys: Keys) -> None:
    first = keys.say(SALE)
    assert (first.verdict, first.status, first.issued) == ("accepted", "approved", SALE.conversion_id)
    again = keys.say(SALE)
    assert (again.verdict, again.status, again.issued, again.puts) == ("duplicate", "approved", SALE.conversion_id, {})
    assert keys.stored == [SALE]


@pytest.mark.parametrize(
    ("again", "verdict", "field"),
    [
        ({"ts": 1, "event_ts": 2, "custom": {"a": "b"}, "sender_ip": "192.0.2.1"}, "duplicate", ""),
        ({"amount_minor": 0, "currency": "EUR", "given": 0}, "duplicate", ""),  # left out: not compared
        ({"given": Given.AMOUNT}, "duplicate", ""),
        ({"amount_minor": 751}, "conflict", "amount"),
        ({"currency": "EUR"}, "conflict", "currency"),
        ({"currency": "JPY", "amount_minor": 7, "given": Given.AMOUNT}, "conflict", "amount"),
        ({"currency": "KWD", "amount_minor": 7500, "given": Given.AMOUNT}, "duplicate", ""),  # 7.5 is 7.5
        ({"click_id": touch_id(2), "given": Given.CLICK_ID}, "conflict", "click_id"),
        ({"click_id": touch_id(1), "given": EVERYTHING}, "duplicate", ""),
        ({"status": "approved", "given": EVERYTHING, "click_id": touch_id(1)}, "duplicate", ""),
        ({"status": "declined", "given": EVERYTHING, "amount_minor": 1}, "conflict", "amount"),
    ],
)
def test_the_same_key_again(keys: Keys, again: dict[str, Any], verdict: str, field: str) -> None:
    keys.say(conversion("t1", click_id=touch_id(1)))
    before = dict(keys.states)
    decision = keys.say(conversion("t1", **{"click_id": touch_id(1), **again}))
    assert (decision.verdict, decision.field) == (verdict, field)
    assert decision.issued == SALE.conversion_id and keys.states == before and len(keys.stored) == 1
    assert decision.reason == (Reason.CONFLICT if verdict == "conflict" else None)
    assert bool(decision.detail) == (verdict == "conflict")


def with_status(new: str) -> Conversion:
    return conversion("t1", status=new, given=Given.STATUS)


@pytest.mark.parametrize(
    ("first", "then", "verdicts", "now"),
    [
        ("pending", ["hold", "approved", "declined"], ["accepted"] * 3, "declined"),
        ("hold", ["pending", "hold", "approved"], ["accepted", "duplicate", "accepted"], "approved"),
        ("pending", ["declined", "pending", "approved", "declined"],
         ["accepted", "duplicate", "accepted", "duplicate"], "approved"),
        ("approved", ["declined", "approved", "pending"], ["accepted", "duplicate", "accepted"], "pending"),
        ("pending", ["approved", "hold", "approved", "pending"], ["accepted", "rejected", "duplicate", "duplicate"],
         "approved"),
        ("approved", ["approved", "pending", "hold", "declined"], ["duplicate", "rejected", "rejected", "accepted"],
         "declined"),
        ("declined", ["approved", "declined"], ["accepted", "duplicate"], "approved"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", ["postback", "adjustment"])
def test_statuses_move_as_the_contract_says(
    keys: Keys, first: str, then: list[str], verdicts: list[str], now: str, by: str
) -> None:
    keys.say(conversion("t1", status=first, given=Given.STATUS))
    events: list[Event] = [with_status(new) if by == "postback" else status(SALE.conversion_id, new) for new in then]
    decisions = [keys.say(event) for event in events]
    assert [decision.verdict for decision in decisions] == verdicts
    assert decisions[-1].status == now
    assert {decision.reason for decision in decisions if decision.verdict == "rejected"} <= {Reason.STATUS_NOT_PENDING}
    stored = [event for event in keys.stored[1:] if isinstance(event, Adjustment)]
    assert [event.status for event in stored] == [n for n, v in zip(then, verdicts, strict=True) if v == "accepted"]
    assert {event.adjustment_id for event in stored} == {
        rules.status_key(SALE.conversion_id, event.status) for event in stored
    }


def test_an_unsaid_status_is_not_compared(keys: Keys) -> None:
    keys.say(conversion("t1", status="pending", given=Given.STATUS))
    assert keys.say(conversion("t1", status="approved", given=0)).verdict == "duplicate"


@pytest.mark.parametrize(
    ("amounts_e4", "verdicts"),
    [
        ([20_000, 55_000, 100], ["accepted", "accepted", "rejected"]),
        ([75_001, 75_000], ["malformed", "accepted"]),
        ([75_100, 75_000], ["rejected", "accepted"]),
        ([20_000, rules.WHAT_REMAINS, rules.WHAT_REMAINS], ["accepted", "accepted", "rejected"]),
        ([0, -2], ["rejected", "malformed"]),
    ],
)
def test_refunds_never_go_beyond_the_amount(keys: Keys, amounts_e4: list[int], verdicts: list[str]) -> None:
    keys.say(SALE)
    events = [refund(SALE.conversion_id, f"r{n}", amount) for n, amount in enumerate(amounts_e4)]
    assert keys.verdicts(*events) == verdicts
    taken = sum(event.amount_e4 for event in keys.stored if isinstance(event, Adjustment))
    assert all(event.amount_e4 > 0 for event in keys.stored if isinstance(event, Adjustment)) and taken <= 75_000


def test_a_refund_is_paid_back_once(keys: Keys) -> None:
    keys.say(SALE)
    whole = refund(SALE.conversion_id, "r", rules.WHAT_REMAINS)
    part = refund(SALE.conversion_id, "r", 75_000)
    assert keys.verdicts(whole, whole, part) == ["accepted", "duplicate", "duplicate"]
    decision = keys.say(refund(SALE.conversion_id, "r", 10_000))
    assert (decision.verdict, decision.field) == ("conflict", "amount")
    assert len(keys.stored) == 2


def test_a_refund_in_another_currency_is_a_conflict(keys: Keys) -> None:
    keys.say(SALE)
    decision = keys.say(refund(SALE.conversion_id, "r", 10_000, currency="EUR"))
    assert (decision.verdict, decision.reason, decision.field) == ("conflict", Reason.CONFLICT, "currency")
    assert keys.say(refund(SALE.conversion_id, "r", 10_000, currency="USD")).verdict == "accepted"


def test_a_refund_of_nothing_known(keys: Keys) -> None:
    decision = keys.say(refund(SALE.conversion_id, "r", 10_000))
    assert (decision.verdict, decision.reason, decision.puts) == ("rejected", Reason.CONVERSION_NOT_FOUND, {})
    decision = keys.say(refund(SALE.conversion_id, "", rules.WHAT_REMAINS, ref="a1"))
    assert (decision.verdict, decision.puts) == ("rejected", {})


def line(ref: str, amount_e4: int, currency: str = "") -> Adjustment:
    """Build a refund line of /v1/events."""
    key = rules.line_key("adjustment", ref)
    return refund(SALE.conversion_id, "", amount_e4, adjustment_id=key, ref=ref, currency=currency, actor="api")


def test_adjustments_may_come_before_their_conversion(keys: Keys) -> None:
    early = [line("a1", 20_000), line("a2", 30_000, "USD"), status(SALE.conversion_id, "declined", ref="a3")]
    assert keys.verdicts(*early) == ["accepted"] * 3
    decision = keys.say(SALE)
    assert (decision.verdict, decision.status) == ("accepted", "declined")
    assert keys.verdicts(line("a4", 25_100), line("a5", 25_000)) == ["rejected", "accepted"]


def test_early_refunds_that_do_not_fit_take_nothing_off(keys: Keys) -> None:
    """Another currency, or more decimals than the conversion's has; attribution ignores such refunds, too."""
    assert keys.verdicts(line("a1", 50_000, "EUR"), line("a2", 10_001)) == ["accepted"] * 2
    keys.say(SALE)
    assert keys.say(line("a3", 75_000)).verdict == "accepted"


def test_early_refunds_may_be_more_than_the_amount(keys: Keys) -> None:
    """The amount was unknown when they arrived; the net value is 0."""
    keys.verdicts(line("a1", 70_000), line("a2", 70_000))
    assert keys.verdicts(SALE, line("a3", 100)) == ["accepted", "rejected"]


@pytest.mark.parametrize(
    "make",
    [
        lambda ref, n: touch(1, ref=ref, ts=n),
        lambda ref, n: conversion(f"t{n}", ref=ref, origin="api"),
        lambda ref, n: line(ref, 100 * n),
    ],
)
def test_the_id_of_a_line_stands_for_one_content(keys: Keys, make: Any) -> None:
    first = keys.say(make("a1", 1))
    assert first.verdict == "accepted"
    again = keys.say(make("a1", 1))
    assert (again.verdict, again.issued, again.puts) == ("duplicate", first.issued, {})
    changed = keys.say(make("a1", 2))
    assert (changed.verdict, changed.field, changed.puts) == ("conflict", "id", {})
    assert keys.say(make("a2", 1)).verdict == ("duplicate" if isinstance(make("a2", 1), Conversion) else "accepted")


def test_the_same_line_later_is_the_same(keys: Keys) -> None:
    """Time of receipt, sender address and signing key are not part of the content."""
    keys.verdicts(touch(1, ref="a1", received_ts=1, ip_hash=1), conversion("t", ref="b", ts=1, sender_ip="192.0.2.1"))
    assert keys.verdicts(
        touch(1, ref="a1", received_ts=2, ip_hash=2, touch_id=touch_id(9)),
        conversion("t", ref="b", ts=2, sender_ip="192.0.2.2"),
    ) == ["duplicate", "duplicate"]
    assert keys.say(touch(1, ref="a1", touch_id=touch_id(9))).issued == touch_id(1)


def test_ids_of_clicks_and_impressions_are_apart(keys: Keys) -> None:
    assert keys.say(touch(1, ref="a1"), Kind.CLICK).verdict == "accepted"
    assert keys.say(touch(2, ref="a1"), Kind.IMPRESSION).verdict == "accepted"


def test_a_line_with_a_key_that_came_before(keys: Keys) -> None:
    """Another line of the same transaction is a duplicate, and its id is used up as well."""
    assert keys.verdicts(conversion("t1", ref="a1"), conversion("t1", ref="a2")) == ["accepted", "duplicate"]
    assert keys.say(conversion("t2", ref="a2")).verdict == "conflict"


@pytest.mark.parametrize(
    "event",
    [
        conversion("t1", ref="a9", amount_minor=1),
        conversion("t1", ref="a9", status="pending", given=Given.STATUS),
        line("a9", 10**9),
        status(SALE.conversion_id, "pending", ref="a9"),
    ],
)
def test_what_is_refused_claims_nothing(keys: Keys, event: Event) -> None:
    keys.say(SALE)
    before = dict(keys.states)
    assert keys.say(event).verdict in ("conflict", "rejected")
    assert keys.states == before


def test_keys_of_conversions() -> None:
    by = rules.conversion_key
    found = [
        by(1, "1", txn_id="t"), by(2, "1", txn_id="t"), by(1, "2", txn_id="t"), by(1, "1", txn_id="u"),
        by(1, "1", click=b"t"), by(1, "1", click="t"), by(1, "1", ref="t"), by(11, "", txn_id="t"),
    ]  # fmt: skip
    assert len(set(found)) == len(found) and all(len(key) == 16 for key in found)
    assert by(1, "1", txn_id="t", click=b"c", ref="r") == by(1, "1", txn_id="t")
    assert by(1, "1", click=b"c", ref="r") == by(1, "1", click=b"c")
    assert by(1, "1", txn_id="t").hex() == "9368476dd929a88949b8c7bfc572f0c9"  # stored for ever


def test_rejected_hits_claim_no_key() -> None:
    with pytest.raises(TypeError, match="REJECTED"):
        decide(lambda key: None, wire(rejected()))


def test_states_of_older_logs_decode(keys: Keys) -> None:
    """Read a state that was written before its newest field was added."""
    keys.say(SALE)
    key = SALE.conversion_id
    assert keys.states[key][0] == 0x9A  # an array of ten
    keys.states[key] = bytes((0x96,)) + keys.states[key][1:-4]
    assert keys.say(SALE).verdict == "duplicate"
    assert isinstance(keys.stored[0], Conversion | Touch)
