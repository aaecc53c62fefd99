"""`clew attribute --model` and `clew diff`, beside a running engine and on a stopped directory."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.values.timestamps import rfc3339
from tests import loopback
from tests.commands import fork
from tests.serving import API_KEY, serving

pytestmark = [pytest.mark.slow]


def line(kind: str, number: int, minute: int, **more: Any) -> str:
    ts = f"2026-01-02T10:{minute:02d}:00Z"
    return json.dumps({"type": kind, "id": f"{kind[:2]}{number}", "ts": ts, "offer_id": 101, **more})


LINES = [
    *(line("click", n, n, partner_id=7, visitor_id="ann") for n in range(3)),
    line("conversion", 1, 30, visitor_id="ann", txn_id="t1", amount="10.00"),
    line("conversion", 2, 40, visitor_id="bob", txn_id="t2", amount="5.00"),
]


def test_runs_and_their_difference(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        answer = loopback.post(
            f"{server.url}/v1/events", content="\n".join(LINES), timeout=30,
            headers={"Authorization": f"Bearer {API_KEY}"},
        )  # fmt: skip
        assert answer.text.count("accepted") == len(LINES)
        month = ("--from", "2026-01-01", "--to", "2026-02-01")
        first = server.json("attribute", "--model", "linear, position(1,1,1)", *month)
        assert (first["was_there"], first["conversions"], first["values"]) == (False, 2, {"USD": "15.00"})
        as_of = json.loads(first["parameters"])["as_of_us"]
        rows = server.sql(
            "SELECT model, sum(weight) AS w, sum(value) AS v, count() AS n FROM credits "
            f"WHERE run_id = '{first['run_id']}' GROUP BY model ORDER BY model"
        )
        assert [(row["model"], float(row["w"]), float(row["v"]), row["n"]) for row in rows] == [
            ("linear", 2.0, 15.0, 4), ("position(1,1,1)", 2.0, 15.0, 4),
        ]  # fmt: skip
        fitted = server.json("attribute", "--model", "markov,shapley", *month)
        (kept,) = server.sql(f"SELECT shares FROM runs WHERE run_id = '{fitted['run_id']}'")
        assert json.loads(kept["shares"]) == fitted["shares"]
        assert [(one["partner_id"], one["share_e12"]) for one in fitted["shares"]["markov"]["partners"]] == [
            (7, 5 * 10**11), (0, 5 * 10**11),
        ]  # fmt: skip
        command = ("attribute", "--model", "markov", "--conversions-min", "2", *month)
        refused = fork.clew(*command, "--data", str(server.data), env=server.environment)
        assert refused.returncode == 1 and "fitted to 1 conversions with touches" in refused.stderr
        assert server.stop() == 0
        again = server.json("attribute", "--model", "position(2,2,2),linear", *month, "--as-of", rfc3339(as_of))
        assert again["was_there"] is True and again["run_id"] == first["run_id"]
        found = server.json("diff", "live:last_click", f"{first['run_id'][:8]}:linear", "--by", "partner")
        assert [(row["partner_id"], row["value_change"]) for row in found["rows"]] == [(0, "0.00"), (7, "0.00")]
        assert server.json("audit")["ok"] is True
