"""A row deleted or doubled by hand: the audit says so, whichever table it was, whether the first row or the last."""

import json
from pathlib import Path

import pytest

from tests import loopback
from tests.commands import fork
from tests.serving import BROWSER, SECRET, serving

TABLES = ("clicks", "conversions", "credits", "commissions", "ledger")


def _installation(folder: Path) -> Path:
    """The data directory of a stopped server with a few paid conversions."""
    with serving(folder) as running:
        for n in range(3):
            answer = loopback.get(f"{running.url}/c/bl-shoes", headers={"User-Agent": BROWSER})
            click_id = answer.headers["Location"].split("cid=")[1].split("&")[0]
            query = {"click_id": click_id, "txn_id": f"o{n}", "amount": "10", "secret": SECRET}
            assert loopback.get(f"{running.url}/postback", params=query).json()["verdict"] == "accepted"
        running.settle()
        assert running.stop() == 0
        return running.data


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Failed checks by what was done. The engine allows one directory per process, so this is one of its own."""
    folder = tmp_path_factory.mktemp("tamper")
    data = _installation(folder)
    done = fork.run(["tests.faults.tamper", str(data), *TABLES], 200)
    assert done.returncode == 0, done.stderr[-3000:]
    results: dict[str, list[str]] = json.loads(done.stdout)
    return results


def test_an_untouched_installation_is_fine(found: dict[str, list[str]]) -> None:
    assert found["untouched"] == []


@pytest.mark.parametrize("what", ["deleted", "doubled"])
@pytest.mark.parametrize("which", ["first", "last"])
@pytest.mark.parametrize("table", TABLES)
def test_audit_finds_a_row_that_was_touched(found: dict[str, list[str]], table: str, which: str, what: str) -> None:
    assert found[f"{table} {which} {what}"], f"the {which} row of {table} was {what} and nothing was found"
    assert found[f"{table} restored"] == []
