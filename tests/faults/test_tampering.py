"""A row deleted or doubled by hand: the audit says so, whichever table it was."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving import BROWSER, SECRET, Serving, serving

# The engine allows one directory per process, so each tampering has a process of its own.
_TAMPER = """
import sys
from pathlib import Path
from runtime.settings import WarehouseSettings
from warehouse.chdb import ChdbWarehouse
warehouse = ChdbWarehouse(Path(sys.argv[1]), WarehouseSettings())
for statement in sys.argv[2:]:
    warehouse.execute(statement)
warehouse.close()
"""
TABLES = ("clicks", "conversions", "credits", "commissions", "ledger")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A stopped installation with a few paid conversions."""
    with serving(tmp_path_factory.mktemp("tamper")) as running:
        for n in range(3):
            answer = httpx.get(f"{running.url}/c/bl-shoes", headers={"User-Agent": BROWSER})
            click_id = answer.headers["Location"].split("cid=")[1].split("&")[0]
            query = {"click_id": click_id, "txn_id": f"o{n}", "amount": "10", "secret": SECRET}
            assert httpx.get(f"{running.url}/postback", params=query).json()["verdict"] == "accepted"
        running.settle()
        assert running.stop() == 0
        assert running.json("audit")["ok"]
        yield running


def tamper(server: Serving, *statements: str) -> None:
    subprocess.run(
        [sys.executable, "-c", _TAMPER, str(server.data / "warehouse"), *statements], check=True, timeout=120
    )


def restore(server: Serving, table: str, backup: Path) -> None:
    tamper(
        server,
        f"TRUNCATE TABLE clew.{table}",
        f"INSERT INTO clew.{table} SELECT * FROM file('{backup}', Native) SETTINGS insert_deduplicate = 0",
    )


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("which", ["first", "last"])
def test_audit_finds_a_row_that_was_touched(server: Serving, tmp_path: Path, table: str, which: str) -> None:
    backup = tmp_path / "rows.native"
    order = "ASC" if which == "first" else "DESC"
    key = f"(SELECT (_batch, _offset) FROM clew.{table} ORDER BY _batch {order}, _offset {order} LIMIT 1)"
    tamper(
        server,
        f"INSERT INTO FUNCTION file('{backup}', Native) SELECT * FROM clew.{table}",
        f"ALTER TABLE clew.{table} DELETE WHERE (_batch, _offset) = {key} SETTINGS mutations_sync = 2",
    )
    assert not server.json("audit", check=False)["ok"], f"a deleted row of {table} was not found"
    restore(server, table, backup)
    assert server.json("audit")["ok"]
    tamper(
        server,
        f"INSERT INTO clew.{table} SELECT * FROM clew.{table} WHERE (_batch, _offset) = {key} "
        "SETTINGS insert_deduplicate = 0",
    )
    assert not server.json("audit", check=False)["ok"], f"a doubled row of {table} was not found"
    restore(server, table, backup)
