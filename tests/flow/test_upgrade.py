"""An installation of an earlier version, which stored whole programs, works on and prices alike.

The backup was taken by the last such version. Its program has plans with windows and a plan that pays by a fit, a
direct partner, coupons, goals, two currencies; one conversion has a refund.
"""

import json
import tarfile
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from attribution.live.pass_planner import PassPlanner
from attribution.store.programs import Programs, newest_program
from installation.program_file import load_program
from program.terms import from_canonical
from tests.serving import API_KEY, Serving
from warehouse.port import Warehouse

pytestmark = [pytest.mark.slow]
ARCHIVE = Path(__file__).parents[1] / "data/backup-0.1.tar.xz"
OLD_HASH = "c1144d9849eeab05f54dedb8b85f32a1"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "copy"


def column(backup: Path, table: str, name: str) -> list[Any]:
    values: list[Any] = pq.read_table(backup / "tables" / table / "all.parquet")[name].to_pylist()
    return values


def test_every_conversion_comes_to_the_same_cents(backup: Path, warehouse: Warehouse) -> None:
    for file in sorted((backup / "tables").rglob("*.parquet")):
        rows = pq.read_table(file)
        if rows.num_rows:
            warehouse.insert(file.parent.name, rows, file.name)
    program = load_program(backup / "program.toml")
    newest = newest_program(warehouse)
    assert newest is not None and newest.hash == OLD_HASH != program.hash
    assert from_canonical(newest.canonical).offers == program.terms.offers
    Programs(warehouse).load(program, newest.loaded_us + 1)
    ids = set(column(backup, "revisions", "conversion_id"))
    rows = PassPlanner(warehouse).recompute(ids, program, newest.loaded_us + 2)
    assert (rows.unchanged, rows.restated, rows.credited) == (len(ids), 0, 0) and len(ids) == 40


def send(url: str, *lines: dict[str, Any]) -> None:
    answer = httpx.post(
        f"{url}/v1/events", content="\n".join(map(json.dumps, lines)),
        headers={"Authorization": f"Bearer {API_KEY}"}, timeout=60,
    )  # fmt: skip
    assert [json.loads(line)["verdict"] for line in answer.text.splitlines()] == ["accepted"] * len(lines)


def test_it_works_on_and_only_new_conversions_have_the_new_price(backup: Path, tmp_path: Path) -> None:
    server = Serving(tmp_path, program=(backup / "program.toml").read_text())
    assert json.loads(server.clew("restore", str(backup), "--json"))["ok"]
    before = sorted(column(backup, "commissions", "amount_minor"))
    try:
        server.start()
        server.settle()
        server.json("backup", str(tmp_path / "restored"))
        assert sorted(column(tmp_path / "restored", "commissions", "amount_minor")) == before
        send(
            server.url,
            {"type": "adjustment", "id": "a2", "ts": "2026-02-02T00:00:00Z", "kind": "refund", "txn_id": "t2",
             "offer_id": 101, "amount": "1.00"},
            {"type": "conversion", "id": "new", "ts": "2026-01-12T10:00:00Z", "visitor_id": "v2", "offer_id": 101,
             "txn_id": "new", "amount": "100.00"},
        )  # fmt: skip
        server.settle()
        server.json("backup", str(tmp_path / "after"))
        assert_prices(tmp_path / "after", load_program(backup / "program.toml").hash)
        assert server.json("audit")["ok"]
        [row] = [row for row in server.json("report", "kpi", "--by", "partner")["rows"] if row["partner_id"] == 7]
        assert row["partner"] == "Blue Lagoon"
    finally:
        server.kill()


def assert_prices(backup: Path, new_hash: str) -> None:
    """Check that the refunded conversion keeps its price and that the new one has the new price."""
    revisions = zip(
        *(column(backup, "revisions", name) for name in ("conversion_id", "revision", "program_hash")), strict=True
    )
    [conversions] = (backup / "tables/conversions").iterdir()
    events = pq.read_table(conversions)
    ids = dict(zip(events["conversion_id"].to_pylist(), events["txn_id"].to_pylist(), strict=True))
    assert {(ids[key], revision, name) for key, revision, name in revisions if ids[key] in ("t2", "new")} == {
        ("new", 1, new_hash), ("t2", 1, OLD_HASH), ("t2", 2, OLD_HASH),
    }  # fmt: skip
    assert "Blue Lagoon" in column(backup, "labels", "name")
