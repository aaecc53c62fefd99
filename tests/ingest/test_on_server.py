"""The queries of deduplication, audit and repair, on a ClickHouse server."""

import pytest

from operations.audit import log as audit_log
from tests.conftest import empty, warehouse_of
from tests.ingest.dedup_on_read import check
from tests.operations.test_audit_dedup_on_read import FOUND_BY, audit, failed, tamper
from tests.operations.test_repair_ingest import double, execute, filled, mend
from warehouse.port import Warehouse


@pytest.fixture(params=[pytest.param("clickhouse", marks=pytest.mark.server)])
def warehouse(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A server's, with every table empty."""
    monkeypatch.setattr(audit_log, "_WAIT_S", 0.1)
    opened = warehouse_of(request)
    empty(opened)
    return opened


def test_a_log_is_ingested_audited_and_repaired(warehouse: Warehouse) -> None:
    log, made = filled(warehouse, 61)
    check(warehouse, log, made)
    assert failed(warehouse, log) == set()
    for table, found_by in FOUND_BY.items():
        tamper(warehouse, table, "deleted" if table != "claims" else "doubled", "first")
        assert not audit(warehouse, log)[found_by].ok
    double(warehouse, "clicks", "_offset = (SELECT max(_offset) FROM clew.clicks)")
    execute(warehouse, "DELETE FROM clew.touches WHERE _offset % 2 = 0")
    assert not any(one.left for one in mend(log, warehouse).values())
    check(warehouse, log, made)
    assert failed(warehouse, log) == set() and mend(log, warehouse) == {}
