"""The views of analysts: ids as issued, exact amounts, the current state, and current credits only."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.columns import to_arrow
from schemas.ddl import views
from schemas.tables import Commission, Credit, Enrichment, Entry, Revision, Run, Source
from schemas.values.click_id import to_text
from tests.schemas.samples import NOW_US, conversion, refund, rejected, status, touch, touch_id
from warehouse.port import Warehouse, rows_of

SUBS = [f"sub{n}" for n in range(1, 31)]
TOUCHES = [
    "ts", "offer_id", "partner_id", "link", *SUBS, "ip", "country", "device", "os", "browser", "is_bot", "bot_reasons",
    "visitor_id", "user_id",
]  # fmt: skip
PROMISED = {
    "clicks": ["click_id", *TOUCHES],
    "impressions": ["impression_id", *TOUCHES],
    "conversions": ["conversion_id", "ts", "event_ts", "offer_id", "click_id", "goal", "txn_id", "amount", "currency",
                    "status", "refunded"],
    "adjustments": ["adjustment_id", "conversion_id", "ts", "event_ts", "kind", "status", "amount", "currency"],
    "rejected": ["ts", "kind", "reason"],
    "credits": ["run_id", "model", "conversion_id", "touch_id", "partner_id", "weight", "value", "currency", "reason"],
    "commissions": ["conversion_id", "partner_id", "plan", "rule", "amount", "currency", "status"],
    "ledger": ["entry_id", "journal_id", "ts", "account", "partner_id", "amount", "currency", "conversion_id",
               "reverses"],
    "runs": ["run_id", "as_of", "parameters"],
}  # fmt: skip
"""Contract, section 4."""


def source(offset: int) -> Source:
    return Source("ab" * 16, "conversions", 0, offset, 0)


def put(warehouse: Warehouse, table: str, *rows: Any) -> None:
    """Insert events, each with what its table has beside it."""
    full = [(*(row if isinstance(row, tuple) else (row,)), source(n)) for n, row in enumerate(rows)]
    warehouse.insert(table, to_arrow(table, full), f"{table}{rows!r}")


def ask(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    return rows_of(warehouse.query(sql))


@pytest.mark.parametrize("view", views())
def test_views_have_the_promised_columns(warehouse: Warehouse, view: str) -> None:
    found = warehouse.query(f"SELECT * FROM analyst.{view}").column_names
    assert set(PROMISED[view]) <= set(found)
    assert len(found) == len(set(found))
    assert not [name for name in found if name.endswith(("_minor", "_e4", "_e12", "ip_hash", "visitor_hash"))]


def test_no_promise_is_without_its_view() -> None:
    assert set(views()) == set(PROMISED)


def test_touches(warehouse: Warehouse) -> None:
    click = touch(1, link="bl", subs={"sub1": "a", "sub30": "z"}, visitor_id="v", ip_hash=5)
    put(warehouse, "clicks", (click, Enrichment(country="DE", is_bot=1, bot_reasons=3)))
    found = ask(warehouse, "SELECT * FROM analyst.clicks")[0]
    assert found["click_id"] == to_text(touch_id(1)) and len(found["click_id"]) == 36
    assert (found["sub1"], found["sub2"], found["sub30"], found["country"]) == ("a", "", "z", "DE")
    assert (found["is_bot"], found["bot_reasons"], found["offer_id"], found["link"]) == (1, 3, 101, "bl")
    assert found["ts"].timestamp() == (NOW_US + 1) / 1e6
    put(warehouse, "impressions", (click, Enrichment()))
    assert ask(warehouse, "SELECT impression_id FROM analyst.impressions")[0]["impression_id"] == found["click_id"]


@pytest.mark.parametrize(
    ("currency", "minor", "amount"),
    [
        ("USD", 750, "7.50"), ("USD", 1, "0.01"), ("JPY", 750, "750"), ("KRW", 1, "1"), ("KWD", 1_234, "1.234"),
        ("KWD", 1, "0.001"), ("CLF", 12_345, "1.2345"), ("USD", 10**15 + 1, "10000000000000.01"),
        ("JPY", 10**13, "10000000000000"), ("KWD", 10**15 - 1, "999999999999.999"), ("CLF", 10**15 - 1,
                                                                                        "99999999999.9999"),
    ],
)  # fmt: skip
def test_amounts_are_exact_in_every_currency(warehouse: Warehouse, currency: str, minor: int, amount: str) -> None:
    put(warehouse, "conversions", conversion("t", amount_minor=minor, currency=currency))
    found = ask(warehouse, "SELECT amount, refunded, currency FROM analyst.conversions")
    assert found == [{"amount": Decimal(amount), "refunded": Decimal(0), "currency": currency}]


@pytest.mark.parametrize(
    ("currency", "minor", "refunds", "refunded"),
    [
        ("USD", 750, [(20_000, ""), (5_000, "USD")], "2.50"),
        ("USD", 750, [(20_000, ""), (60_000, "")], "7.50"),  # early ones may be more than the amount
        ("USD", 750, [(20_000, "EUR"), (101, ""), (100, "")], "0.01"),  # what does not fit is ignored
        ("USD", 750, [(-1, "")], "7.50"),
        ("JPY", 750, [(20_000, ""), (5_000, "")], "2"),
        ("KWD", 1_234, [(10, ""), (1, "")], "0.001"),
        ("USD", 10**15, [(10**17 - 100, "")], "9999999999999.99"),
        ("JPY", 10**13, [(10**17, "")], "10000000000000"),
    ],
)
def test_refunds_are_taken_together(
    warehouse: Warehouse, currency: str, minor: int, refunds: list[tuple[int, str]], refunded: str
) -> None:
    sale = conversion("t", amount_minor=minor, currency=currency)
    put(warehouse, "conversions", sale, conversion("other", amount_minor=1))
    changes = [refund(sale.conversion_id, f"r{n}", e4, currency=code) for n, (e4, code) in enumerate(refunds)]
    put(warehouse, "adjustments", *changes)
    found = ask(warehouse, "SELECT txn_id, amount, refunded FROM analyst.conversions ORDER BY txn_id")
    assert [row["refunded"] for row in found] == [Decimal(0), Decimal(refunded)]


@pytest.mark.parametrize(
    ("first", "changes", "now"),
    [
        ("pending", [], "pending"), ("approved", [], "approved"), ("pending", ["hold"], "hold"),
        ("pending", ["approved", "hold"], "approved"), ("approved", ["declined"], "declined"),
        ("approved", ["pending"], "approved"),
    ],
)  # fmt: skip
def test_status_is_the_furthest_one(warehouse: Warehouse, first: str, changes: list[str], now: str) -> None:
    sale = conversion("t", status=first)
    put(warehouse, "conversions", sale)
    if changes:
        put(warehouse, "adjustments", *(status(sale.conversion_id, new) for new in changes))
    found = ask(warehouse, "SELECT conversion_id, status, refunded, click_id FROM analyst.conversions")
    expected = {"conversion_id": sale.conversion_id.hex(), "status": now, "refunded": Decimal(0), "click_id": ""}
    assert found == [expected]


def test_adjustments_and_rejected(warehouse: Warehouse) -> None:
    sale = conversion("t")
    put(warehouse, "adjustments", refund(sale.conversion_id, "r", 12_345))
    found = ask(warehouse, "SELECT conversion_id, kind, amount FROM analyst.adjustments")
    assert found == [{"conversion_id": sale.conversion_id.hex(), "kind": "refund", "amount": Decimal("1.2345")}]
    put(warehouse, "rejected", rejected(fields={"sub1": "x"}))
    found = ask(warehouse, "SELECT reason, link, fields['sub1'] AS sub1, conversion_id FROM analyst.rejected")
    assert found == [{"reason": "unknown_link", "link": "nowhere", "sub1": "x", "conversion_id": ""}]


def credit(revision: int, partner_id: int, **fields: Any) -> Credit:
    key = conversion("t").conversion_id
    given: dict[str, Any] = {
        "run_id": "live", "model": "linear", "conversion_id": key, "event_ts": NOW_US, "offer_id": 101,
        "revision": revision, "sign": 1, "touch_id": touch_id(partner_id), "partner_id": partner_id,
        "weight_e12": 500_000_000_000, "value_minor": 375, "currency": "USD",
    }  # fmt: skip
    return Credit(**(given | fields))


def test_credits_are_the_current_ones(warehouse: Warehouse) -> None:
    key = conversion("t").conversion_id
    revision: dict[str, Any] = {
        "conversion_id": key, "event_ts": NOW_US, "offer_id": 101, "program_hash": "", "paying_model": "linear",
        "status": "approved", "value_minor": 750, "currency": "USD",
    }  # fmt: skip
    put(warehouse, "credits", credit(1, 7), credit(1, 7, sign=-1), credit(2, 8), credit(2, 9),
        credit(1, 7, run_id="experiment"))  # fmt: skip
    partners = "SELECT partner_id FROM analyst.credits WHERE run_id = 'live' ORDER BY partner_id"
    put(warehouse, "revisions", Revision(revision=1, **revision))
    assert [row["partner_id"] for row in ask(warehouse, partners)] == [7]
    put(warehouse, "revisions", Revision(revision=2, **revision))  # written last: all change at once
    assert [row["partner_id"] for row in ask(warehouse, partners)] == [8, 9]
    everything = "SELECT * FROM analyst.credits ORDER BY partner_id"
    assert {row["run_id"] for row in ask(warehouse, everything)} == {"live"}
    run = Run(run_id="experiment", as_of=NOW_US, parameters="{}", slices=1, conversions=1, failed=0, rows=1, values={})
    warehouse.insert("runs", to_arrow("runs", [(run,)]), "run")  # written last: all its credits show at once
    found = ask(warehouse, everything)
    assert [(row["run_id"], row["weight"], row["value"]) for row in found] == [
        ("experiment", Decimal("0.5"), Decimal("3.75")),
        ("live", Decimal("0.5"), Decimal("3.75")),
        ("live", Decimal("0.5"), Decimal("3.75")),
    ]
    assert found[1]["touch_id"] == to_text(touch_id(8)) and found[1]["conversion_id"] == key.hex()


def commission(number: int, **fields: Any) -> Commission:
    given: dict[str, Any] = {
        "commission_id": bytes([number]) * 16, "conversion_id": bytes(15) + b"\1", "event_ts": NOW_US, "offer_id": 101,
        "goal": "1", "partner_id": 7, "plan": "offer=101", "rule": "8.5%", "model": "last_click", "amount_minor": 64,
        "currency": "USD", "conversion_status": "approved", "hold_until": NOW_US - 10**12, "program_hash": "",
        "revision": 1,
    }  # fmt: skip
    return Commission(**(given | fields))


def test_commissions_say_what_may_be_paid(warehouse: Warehouse) -> None:
    later = 4_000_000_000_000_000
    put(
        warehouse, "commissions", commission(1), commission(2, conversion_status="pending"),
        commission(3, conversion_status="hold"), commission(4, hold_until=later), commission(5),
        commission(6, amount_minor=-64, reverses=bytes([5]) * 16), commission(7, amount_minor=5, currency="JPY"),
    )  # fmt: skip
    found = ask(warehouse, "SELECT left(commission_id, 2) AS id, status FROM analyst.commissions ORDER BY id")
    assert [(row["id"], row["status"]) for row in found] == [
        ("01", "payable"), ("02", "pending"), ("03", "held"), ("04", "held"), ("05", "reversed"), ("06", "reversed"),
        ("07", "payable"),
    ]  # fmt: skip
    owed = ask(warehouse, "SELECT currency, sum(amount) AS owed FROM analyst.commissions GROUP BY currency ORDER BY 1")
    expected = [{"currency": "JPY", "owed": Decimal(5)}, {"currency": "USD", "owed": Decimal("2.56")}]
    assert owed == expected


def test_ledger(warehouse: Warehouse) -> None:
    entry: dict[str, Any] = {
        "ts": NOW_US,
        "partner_id": 7,
        "conversion_id": bytes(15) + b"\1",
        "commission_id": bytes(16),
    }
    put(
        warehouse, "ledger",
        Entry(entry_id=b"e" * 16, journal_id=b"j" * 16, account="commission_expense", amount_minor=64, currency="KWD",
              **entry),
        Entry(entry_id=b"f" * 16, journal_id=b"j" * 16, account="partner_payable", amount_minor=-64, currency="KWD",
              **entry),
    )  # fmt: skip
    found = ask(warehouse, "SELECT entry_id, journal_id, account, amount, reverses FROM analyst.ledger ORDER BY 1")
    assert [row["amount"] for row in found] == [Decimal("0.064"), Decimal("-0.064")]
    assert found[0]["entry_id"] == b"e".hex() * 16 and found[0]["reverses"] == ""
