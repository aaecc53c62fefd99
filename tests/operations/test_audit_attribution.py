"""The audit is silent over what attribution wrote, and finds any row that somebody touched."""

import pytest

from operations.audit.attribution import attribution_checks
from program.entries import Plan
from reporting.problems import list_problems
from schemas.events import CONVERSIONS
from tests.attribution.fake_ingest import FakeIngest
from tests.attribution.random_cases import BASE_US, adjustment_of, conversion_of, program_of, touch_of
from tests.attribution.test_live import attributor, run
from warehouse.port import Warehouse, scalar_of

PROGRAM = program_of((Plan(1, percent_e6=10_000_000, fixed_minor=5, fixed_currency="EUR"),))
NOW_US = BASE_US + 10**9


def failing(warehouse: Warehouse, now_us: int = NOW_US) -> list[str]:
    return [check.name for check in attribution_checks(warehouse, now_us) if not check.ok]


def filled(warehouse: Warehouse) -> FakeIngest:
    """Three conversions in two passes: one restated, one unattributed, one without a plan."""
    log = FakeIngest(warehouse)
    events = [
        conversion_of(1, visitor_id="ann"), conversion_of(2, click_ref="none"),
        conversion_of(3, offer=2, click_ref="t2"),
    ]  # fmt: skip
    for event in (touch_of(1, visitor="ann"), touch_of(2, offer=2), *events):
        log.append(event)
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    log.append(touch_of(3, second=1, partner=2, visitor="ann"))
    log.append(adjustment_of(1, events[0], amount_e4=33_300))
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    return log


def test_what_attribution_wrote_is_in_order(warehouse: Warehouse) -> None:
    filled(warehouse)
    checks = attribution_checks(warehouse, NOW_US)
    assert [(check.name, check.examples) for check in checks if not check.ok] == []
    assert all(check.to_json()["ok"] for check in checks)


@pytest.mark.parametrize("table", ["credits", "commissions", "ledger", "revisions", "joins", "passes"])
def test_any_row_deleted_or_doubled_is_found(warehouse: Warehouse, table: str) -> None:
    filled(warehouse)
    place = "(pass_id, 0)" if table == "passes" else "(_batch, _offset)"
    rows = warehouse.query(f"SELECT DISTINCT {place} AS p FROM clew.{table} ORDER BY p").column(0).to_pylist()
    assert len(rows) >= 2
    rows = [rows[0], rows[len(rows) // 2], rows[-1]]
    later_us = NOW_US + 10**9  # by then an intent without its pass is stale
    warehouse.execute(f"CREATE TABLE IF NOT EXISTS clew.backup AS clew.{table}")
    warehouse.execute(f"INSERT INTO clew.backup SELECT * FROM clew.{table}")
    try:
        for row in rows:
            key = f"{place} = ({', '.join(str(value) for value in row.values())})"
            warehouse.execute(f"DELETE FROM clew.{table} WHERE {key}")
            assert failing(warehouse, later_us), f"{row} of {table} deleted"
            again = f"INSERT INTO clew.{table} SELECT * FROM clew.backup WHERE {key} SETTINGS insert_deduplicate = 0"
            warehouse.execute(again)
            assert failing(warehouse, later_us) == []
            warehouse.execute(again)
            assert failing(warehouse, later_us), f"{row} of {table} doubled"
            warehouse.execute(f"TRUNCATE TABLE clew.{table}")
            warehouse.execute(f"INSERT INTO clew.{table} SELECT * FROM clew.backup SETTINGS insert_deduplicate = 0")
    finally:
        warehouse.execute("DROP TABLE clew.backup")


@pytest.mark.parametrize(
    ("table", "change", "named"),
    [
        ("credits", "value_minor = value_minor + 1", "credits that do not add up to the net value"),
        ("commissions", "amount_minor = amount_minor + 1", "commissions that the ledger does not match"),
        ("ledger", "amount_minor = amount_minor + 1", "journals that are not zero per currency"),
        ("revisions", "value_minor = value_minor + 1", "net values that are not amount less refunds"),
    ],
)
def test_a_changed_figure_is_found(warehouse: Warehouse, table: str, change: str, named: str) -> None:
    filled(warehouse)
    warehouse.execute(f"ALTER TABLE clew.{table} UPDATE {change} WHERE 1 SETTINGS mutations_sync = 2")
    assert named in failing(warehouse)


def test_conversions_that_nobody_credited_are_found(warehouse: Warehouse) -> None:
    log = filled(warehouse)
    log.append(conversion_of(4, click_ref="t1"))
    log.store((CONVERSIONS,))
    assert failing(warehouse, BASE_US) == []  # too fresh
    assert failing(warehouse) == ["conversions neither credited nor a problem"]
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    warehouse.execute("DELETE FROM clew.revisions WHERE revision = 1")
    assert "conversions neither credited nor a problem" in failing(warehouse, BASE_US)


def test_a_stale_intent_is_found(warehouse: Warehouse) -> None:
    filled(warehouse)
    warehouse.execute("DELETE FROM clew.passes WHERE pass_id = 2")
    assert "stale intents" in failing(warehouse, NOW_US + 10**9)


def test_problems_are_listed(warehouse: Warehouse) -> None:
    log = filled(warehouse)
    log.append(adjustment_of(2, conversion_of(9, visitor_id="x"), "status", status="declined"))
    log.append(adjustment_of(3, conversion_of(1, visitor_id="ann"), amount_e4=1, currency="EUR"))
    log.store()
    run(attributor(warehouse, log, PROGRAM))
    problems = list_problems(warehouse)
    assert sorted(problem["code"] for problem in problems) == ["adjustment_ignored", "adjustment_orphan", "no_plan"]
    assert problems[0]["ts"] == "2023-11-14T22:13:25.000000Z" and len(problems[0]["conversion_id"]) == 32
    assert scalar_of(warehouse.query("SELECT count() FROM clew.revisions WHERE revision = 3")) == 1
