"""An explanation contains every touch, weight, plan and cent, in JSON and as text."""

import json

from program.entries import Plan
from reporting.explain import explain
from reporting.explain_text import lines_of
from schemas.events import Kind
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import attributor, run
from warehouse.port import Warehouse

PROGRAM = program_of(
    (
        Plan(1, percent_e6=8_500_000, fixed_minor=120, fixed_currency="USD", hold_us=86_400_000_000),
        Plan(1, 2, percent_e6=20_000_000, model="linear"),
    )
)

LABELS = PROGRAM.labels


def filled(warehouse: Warehouse) -> str:
    log, event = FakeIngest(warehouse), conversion_of(1, visitor_id="ann", amount=1001)
    seconds = ((1, 1, {}), (2, 2, {}), (3, 1, {}), (4, 3, {"kind": Kind.IMPRESSION}), (4.5, 2, {"bot": True}))
    for number, (second, partner, more) in enumerate((*seconds, (-6, 1, {}), (7, 1, {}))):
        log.append(touch_of(number, second=second, partner=partner, visitor="ann", **more))  # type: ignore[arg-type]
    log.append(event)
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    log.append(adjustment_of(1, event, amount_e4=10_000))
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    return event.conversion_id.hex()


def test_explanation_lists_every_touch_and_amount(warehouse: Warehouse) -> None:
    explanation = explain(warehouse, LABELS, filled(warehouse))
    assert explanation is not None
    answer = json.loads(json.dumps(explanation.to_json()))
    assert (answer["conversion"]["amount"], answer["conversion"]["net_value"]) == ("10.01", "9.01")
    assert answer["is_current"] and answer["state"]["revision"] == 2
    verdicts = [(t["partner_id"], t["reason"], t["models"]["last_click"]) for t in answer["touches"]]
    assert verdicts == [
        (1, "outside_window", "outside_window"),
        (1, "", "not_last"),
        (2, "", "not_last"),
        (1, "", "credited"),
        (3, "", "lower_precedence"),
        (2, "bot", "bot"),
        (1, "after_conversion", "after_conversion"),
    ]
    assert answer["plans"][1] == {"partner_id": 2, "plan": "offer=1,partner=2", "losers": ["offer=1"]}
    shares = {share["plan"]: share for share in answer["shares"]}
    whole = shares["offer=1"]
    assert [whole[n] for n in ("percent_of_net", "fixed", "total")] == ["0.77", "1.20", "1.97"]
    assert [(p["partner_id"], p["amount"], p["paid"]) for p in shares["offer=1,partner=2"]["parts"]] == [
        (1, "0.45", False), (2, "0.45", True), (1, "0.45", False), (3, "0.45", False),
    ]  # fmt: skip
    assert [(r["revision"], r["partner_id"], r["amount"]) for r in answer["commissions"]] == [
        (1, 1, "2.05"), (1, 2, "0.50"), (2, 1, "-2.05"), (2, 2, "-0.50"), (2, 1, "1.97"), (2, 2, "0.45"),
    ]  # fmt: skip
    assert len(answer["ledger"]) == 12


def test_explanation_as_text(warehouse: Warehouse) -> None:
    explanation = explain(warehouse, LABELS, filled(warehouse))
    assert explanation is not None
    text = "\n".join(lines_of(explanation.to_json()))
    for said in (
        "refund of 1 USD", "now approved, worth 9.01 USD", "does not count: outside_window",
        "8.5% of 9.01 = 0.77 + fixed 1.20 = 1.97 USD, split by last_click", "Model last_click (pays)",
        "partner 2: offer=1,partner=2, before offer=1", "commission_expense partner 1 -2.05 USD",
    ):  # fmt: skip
        assert said in text, text


def test_unknown_and_uncredited_conversions(warehouse: Warehouse) -> None:
    assert explain(warehouse, LABELS, "00" * 16) is None
    log, event = FakeIngest(warehouse), conversion_of(1, click_ref="none")
    log.append(event)
    log.store()
    fresh = explain(warehouse, LABELS, event.conversion_id.hex())
    assert fresh is not None and "not credited yet" in list(lines_of(fresh.to_json()))[-1]
    run(attributor(warehouse, log, PROGRAM))
    nobody = explain(warehouse, LABELS, event.conversion_id.hex())
    assert nobody is not None
    text = "\n".join(lines_of(nobody.to_json()))
    assert "unattributed: 1 of it, 10.00 USD (no_touch)" in text and "Plans\n  none" in text
