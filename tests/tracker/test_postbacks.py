"""Postbacks (docs/contract.md, section 2.1): every verdict and what is stored; nothing is paid twice."""

import json
from typing import Any

import pytest

from schemas.dedup.rules import conversion_key
from schemas.events import Given
from schemas.values.click_id import from_text, mint, to_text
from tests.tracker.edge_fixture import (
    API_KEY,
    KEYS,
    NOW_US,
    SECRET,
    Answer,
    Stage,
    form,
    program,
    run,
    together,
)  # fmt: skip

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def token(offer_id: int = 101, partner_id: int = 7, keys: Any = KEYS) -> str:
    return to_text(mint(keys, NOW_US // 1_000, offer_id, partner_id, b"12345"))


def said(answer: Answer) -> tuple[int, str, str | None, str | None]:
    """Status, verdict, reason and field."""
    return answer.status, answer.json["verdict"], answer.json.get("reason"), answer.json.get("field")


# ------------------------------------------------------------------------------------------------------- accepted


def test_a_conversion(stage: Stage) -> None:
    click_id = stage.click_id()
    stage.clock.step_us(5_000_000)
    answer = stage.postback(
        click_id=click_id, goal="lead", txn_id="T 1", amount="7.50", currency="EUR", status="pending", sku="4711"
    )
    raw = from_text(click_id)
    assert raw is not None
    key = conversion_key(101, "lead", txn_id="T 1", click=raw)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json == {"verdict": "accepted", "conversion_id": key.hex(), "status": "pending"}
    (conversion,) = stage.conversions
    assert (conversion.conversion_id, conversion.click_id, conversion.match_kind) == (key, raw, "click_id")
    assert conversion.ts == conversion.event_ts == NOW_US + 5_000_000
    assert (conversion.offer_id, conversion.goal, conversion.txn_id) == (101, "lead", "T 1")
    assert (conversion.amount_minor, conversion.currency, conversion.status) == (750, "EUR", "pending")
    assert conversion.custom == {"sku": "4711"} and conversion.sender_ip == "203.0.113.9"
    assert conversion.given == Given.AMOUNT | Given.CURRENCY | Given.STATUS | Given.CLICK_ID
    assert (conversion.origin, conversion.ref) == ("postback", "") and stage.rejected == []


def test_defaults(stage: Stage) -> None:
    answer = stage.postback(click_id=token())
    raw = from_text(token())
    assert raw is not None
    assert answer.json["conversion_id"] == conversion_key(101, "1", click=raw).hex()
    (conversion,) = stage.conversions
    assert (conversion.goal, conversion.amount_minor, conversion.currency) == ("1", 0, "USD")
    assert (conversion.status, conversion.given, conversion.txn_id) == ("approved", Given.CLICK_ID, "")


@pytest.mark.parametrize(("number", "status"), [("1", "approved"), ("2", "pending"), ("3", "declined"), ("5", "hold")])
def test_status_numbers(stage: Stage, number: str, status: str) -> None:
    assert stage.postback(click_id=token(), status=number).json["status"] == status


def test_empty_parameters_are_left_out(stage: Stage) -> None:
    answer = stage.get(f"/postback?click_id={token()}&goal=&txn_id=&amount=&currency=&status=&secret={SECRET}&x=")
    assert answer.json["verdict"] == "accepted"
    (conversion,) = stage.conversions
    assert (conversion.given, conversion.custom) == (Given.CLICK_ID, {})


def test_a_signed_click_that_was_never_stored_is_accepted(stage: Stage) -> None:
    assert stage.postback(click_id=token(102)).json["verdict"] == "accepted"


def test_inactive_offers_and_partners_still_get_their_conversions(stage: Stage) -> None:
    assert stage.postback(click_id=token(103, 8)).json["verdict"] == "accepted"


def test_an_offer_without_a_secret_needs_none(stage: Stage) -> None:
    assert stage.postback(click_id=token(102), secret="").json["verdict"] == "accepted"
    assert stage.postback(click_id=token(102), secret="any", txn_id="2").json["verdict"] == "accepted"


def test_money_by_currency(stage: Stage) -> None:
    for currency, amount, minor in (("JPY", "500", 500), ("KWD", "1.234", 1234), ("USD", "1.2", 120)):
        assert stage.postback(click_id=token(), txn_id=currency, amount=amount, currency=currency).status == 200
        assert stage.conversions[-1].amount_minor == minor


# ------------------------------------------------------------------------------------------------- forms and JSON


def test_form_and_json_bodies(stage: Stage) -> None:
    click_id = token()
    fields = {"click_id": click_id, "amount": "7.50", "secret": SECRET, "txn_id": "t+1 &", "note": "ä"}
    first = stage.post(form(fields), FORM)
    again = stage.post(json.dumps(fields), JSON)
    mixed = stage.post(
        json.dumps({"amount": "7.50", "txn_id": "t+1 &"}), JSON, form({"click_id": click_id, "secret": SECRET})
    )
    assert [answer.json["verdict"] for answer in (first, again, mixed)] == ["accepted", "duplicate", "duplicate"]
    assert stage.conversions[0].txn_id == "t+1 &" and stage.conversions[0].custom == {"note": "ä"}


@pytest.mark.parametrize(
    ("literal", "minor"), [("7.5", 750), ("7.50", 750), ("7", 700), ("0.1", 10), ("1234567890.12", 123456789012)]
)
def test_json_numbers_keep_their_text(stage: Stage, literal: str, minor: int) -> None:
    body = f'{{"click_id": "{token()}", "secret": "{SECRET}", "amount": {literal}, "status": 2, "x": true, "y": null}}'
    assert stage.post(body, JSON).json["verdict"] == "accepted"
    (conversion,) = stage.conversions
    assert (conversion.amount_minor, conversion.status, conversion.custom) == (minor, "pending", {"x": "true"})


@pytest.mark.parametrize("literal", ["1e2", "7.501", "NaN", "Infinity", "-1", "7.5e0", '"7,50"', '"٧"', "true"])
def test_json_amounts_that_are_none(stage: Stage, literal: str) -> None:
    body = f'{{"click_id": "{token()}", "secret": "{SECRET}", "amount": {literal}}}'
    assert said(stage.post(body, JSON)) == (400, "malformed", "malformed", "amount")


@pytest.mark.parametrize(
    ("body", "content_type", "field"),
    [
        ("{", JSON, "body"),
        ("[]", JSON, "body"),
        ('"x"', JSON, "body"),
        (b"\xff\xfe", JSON, "body"),
        ("[" * 50_000, JSON, "body"),
        ('{"txn_id": {"a": 1}}', JSON, "txn_id"),
        ('{"sku": [1]}', JSON, "sku"),
        ('{"txn_id": "a", "txn_id": "b"}', JSON, "txn_id"),
        ('{"txn_id": "\\ud800"}', JSON, "txn_id"),
        ("txn_id=a&txn_id=b", FORM, "txn_id"),
        (b"txn_id=%ff", FORM, "txn_id"),
        (b"txn_id=\xff", FORM, "txn_id"),
        ("amount=7", FORM, "amount"),
        ("a", "multipart/form-data; boundary=x", "content-type"),
        ("a", "text/plain", "content-type"),
    ],
)
def test_bodies_that_cannot_be_read(stage: Stage, body: str | bytes, content_type: str, field: str) -> None:
    query = form({"click_id": token(), "secret": SECRET, "amount": "8"})
    assert said(stage.post(body, content_type, query)) == (400, "malformed", "malformed", field)
    (event,) = stage.rejected
    assert (event.kind, event.reason, event.field) == ("conversion", "malformed", field)
    assert event.fields["click_id"] == token() and SECRET not in str(event)


def test_compressed_bodies_are_refused(stage: Stage) -> None:
    headers = [(b"content-type", JSON.encode()), (b"content-encoding", b"gzip")]
    answer = run(stage.ask("POST", "/postback", headers=headers, body=b"\x1f\x8b"))
    assert said(answer) == (400, "malformed", "malformed", "content-encoding")


def test_the_same_value_twice_is_once(stage: Stage) -> None:
    assert stage.get(f"/postback?click_id={token()}&secret={SECRET}&txn_id=a&txn_id=a&txn_id=").status == 200


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_allowed(stage: Stage, method: str) -> None:
    answer = run(stage.ask(method, f"/postback?click_id={token()}&secret={SECRET}"))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST")
    assert stage.stored("conversions") == [] and stage.stored("hits") == []


# ------------------------------------------------------------------------------------------------ again and again


def test_again_with_the_same_content(stage: Stage) -> None:
    first = stage.postback(click_id=token(), txn_id="t", amount="7.50", currency="USD")
    for more in (
        {"amount": "7.50"}, {"amount": "7.5", "currency": "USD"}, {}, {"status": "approved"}, {"x": "other"},
        {"sig": "1", "timestamp": "2", "nonce": "3"},
    ):  # fmt: skip
        again = stage.postback(click_id=token(), txn_id="t", **more)
        assert (again.status, again.json) == (200, first.json | {"verdict": "duplicate"})
    assert len(stage.conversions) == 1 and stage.rejected == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"amount": "7.51"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "7.50", "currency": "EUR"}, "currency"),
        ({"click_id": token(101, 9)}, "click_id"),
    ],
)
def test_again_with_other_content_is_a_conflict(stage: Stage, more: dict[str, str], field: str) -> None:
    first = stage.postback(click_id=token(), txn_id="t", amount="7.50")
    again = stage.postback(**{"click_id": token(), "txn_id": "t"} | more)
    assert said(again) == (409, "conflict", "conflict", field)
    assert again.json["conversion_id"] == first.json["conversion_id"]
    assert len(stage.stored("conversions")) == 1
    (event,) = stage.rejected
    assert (event.reason, event.field, event.offer_id) == ("conflict", field, 101)
    assert event.partner_id in (7, 9) and event.conversion_id.hex() == first.json["conversion_id"]


def test_an_amount_may_repeat_without_its_currency() -> None:
    stage = Stage(program=program(currency="JPY"))
    fields = {"click_id": token(), "txn_id": "t", "amount": "7.50"}
    assert said(stage.postback(**fields)) == (400, "malformed", "malformed", "amount")
    assert stage.postback(**fields, currency="USD").json["verdict"] == "accepted"
    assert stage.postback(**fields).json["verdict"] == "duplicate"
    assert said(stage.postback(**fields | {"amount": "7.51"})) == (409, "conflict", "conflict", "amount")
    assert stage.postback(**fields, status="declined").json["verdict"] == "accepted"
    assert (len(stage.conversions), len(stage.adjustments)) == (1, 1)


def test_fifty_at_once_are_one(stage: Stage) -> None:
    target = f"/postback?click_id={token()}&txn_id=t&amount=5&secret={SECRET}"
    answers = together(*([lambda: stage.ask("GET", target)] * 50))
    verdicts = [answer.json["verdict"] for answer in answers]
    assert (verdicts.count("accepted"), verdicts.count("duplicate")) == (1, 49)
    assert len({answer.json["conversion_id"] for answer in answers}) == 1
    assert len(stage.stored("conversions")) == 1 and stage.rejected == []


# ------------------------------------------------------------------------------------------------------- by txn_id


def test_offer_and_txn_id_name_only_what_is_known(stage: Stage) -> None:
    by_txn = {"offer_id": "101", "txn_id": "t"}
    assert said(stage.postback(**by_txn)) == (400, "malformed", "malformed", "click_id")
    assert stage.conversions == []
    stage.postback(click_id=token(), txn_id="t", amount="5", status="pending")
    assert stage.postback(**by_txn).json["verdict"] == "duplicate"
    assert stage.postback(**by_txn, status="approved").json["verdict"] == "accepted"
    assert said(stage.postback(**by_txn, amount="6")) == (409, "conflict", "conflict", "amount")
    assert (len(stage.conversions), len(stage.adjustments)) == (1, 1)
    assert said(stage.postback(offer_id="101")) == (400, "malformed", "malformed", "click_id")


@pytest.mark.parametrize("offer_id", ["x", "0", "-1", "1.0", "4294967296", "1" * 30, "١٠١"])
def test_offer_numbers_that_are_none(stage: Stage, offer_id: str) -> None:
    assert said(stage.postback(offer_id=offer_id, txn_id="t")) == (400, "malformed", "malformed", "offer_id")
    assert said(stage.postback(click_id=token(), offer_id=offer_id)) == (400, "malformed", "malformed", "offer_id")


def test_click_and_offer_must_agree(stage: Stage) -> None:
    assert stage.postback(click_id=token(), offer_id="101").json["verdict"] == "accepted"
    assert said(stage.postback(click_id=token(), offer_id="102")) == (400, "malformed", "malformed", "offer_id")


# ----------------------------------------------------------------------------------------------------------- tests


def test_a_test_changes_nothing(stage: Stage) -> None:
    sale = {"click_id": token(), "txn_id": "t", "amount": "7.50"}
    tried = stage.postback(**sale, test="1")
    real = stage.postback(**sale)
    assert tried.json == real.json | {"test": True}
    before = len(stage.stored("hits")), len(stage.stored("conversions"))
    tries: list[tuple[dict[str, str], tuple[int, str]]] = [
        (sale, (200, "duplicate")),
        (sale | {"amount": "8"}, (409, "conflict")),
        (sale | {"status": "declined"}, (200, "accepted")),
        (sale | {"status": "pending"}, (409, "rejected")),
        (sale | {"action": "refund", "refund_id": "r"}, (200, "accepted")),
        (sale | {"secret": "wrong"}, (403, "rejected")),
        (sale | {"click_id": "x"}, (404, "rejected")),
        (sale | {"amount": "x"}, (400, "malformed")),
        ({"offer_id": "101", "txn_id": "new"}, (400, "malformed")),
    ]
    for fields, expected in tries:
        answer = stage.postback(**fields | {"test": "1"})
        assert (answer.status, answer.json["verdict"], answer.json["test"]) == (*expected, True)
    assert (len(stage.stored("hits")), len(stage.stored("conversions"))) == before


def test_an_unreadable_test_changes_nothing(stage: Stage) -> None:
    assert stage.post("{", JSON, form({"test": "1"})).json["test"] is True
    assert stage.stored("hits") == []


# --------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": SECRET},
        {"click_id": "x", "secret": SECRET, "sig": "hush", "token": "hush", "SECURE": "hush", "password": "hush"},
        {"click_id": SECRET},
        {"click_id": token(), "secret": SECRET, "amount": SECRET},
        {"click_id": token(), "secret": SECRET, "currency": SECRET, "note": SECRET},
        {"click_id": token(), "secret": SECRET, "goal": "nope", "key": API_KEY},
        {"click_id": token(), "secret": "hush", SECRET: "x"},
    ],
)
def test_secrets_are_never_stored(stage: Stage, fields: dict[str, str]) -> None:
    for answer in (
        stage.get(f"/postback?{form(fields)}"),
        stage.post(form(fields), FORM),
        stage.post(json.dumps(fields), JSON),
        stage.get(f"/postback?{form(fields)}&secret=hush&secret=hush2"),
    ):
        assert answer.status in (400, 403, 404)
    stored = repr(stage.rejected)
    assert len(stage.rejected) == 4
    assert "hush" not in stored and API_KEY not in stored
    assert SECRET not in stored


def test_a_secret_in_a_custom_field_is_not_stored(stage: Stage) -> None:
    stage.postback(click_id=token(), secure=SECRET, sku="1")
    assert stage.conversions[0].custom == {"sku": "1"}


# -- a log that is away for a while


def test_an_answer_that_is_not_final_says_so(stage: Stage) -> None:
    stage.producer.final = False
    click_id = token()
    first, again = (stage.postback(click_id=click_id, txn_id="t", amount="5") for _ in range(2))
    other = stage.postback(click_id=click_id, txn_id="t", amount="6")
    assert (first.status, first.json["verdict"], first.json["final"]) == (200, "accepted", False)
    assert [(answer.status, "final" in answer.json) for answer in (again, other)] == [(200, False), (409, False)]
    assert "final" not in stage.postback(click_id=click_id, txn_id="u", test="1").json


def test_a_final_answer_says_nothing_of_it(stage: Stage) -> None:
    assert "final" not in stage.postback(click_id=token(), txn_id="t").json


def test_what_may_be_known_elsewhere_is_not_refused_for_good(stage: Stage) -> None:
    """Decimals that fit no USD fit a conversion in another currency, which another edge may have heard of."""
    target = {"click_id": token(), "txn_id": "t", "amount": "1.2345"}
    assert stage.postback(**target).json["verdict"] == "malformed"
    stage.producer.final = False
    answer = stage.postback(**target)
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
