"""Traffic, a run of markov, its weights in the program, and new conversions that are credited and paid by them."""

import json
import os
import signal
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.values.timestamps import rfc3339
from tests import loopback
from tests.commands import fork
from tests.reference.kernels import allocate_one
from tests.reference.rules import fitted
from tests.serving import API_KEY, PROGRAM, Serving, serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PLAN = '\n[[plan]]\noffer = 101\npartner = {partner}\ngoal = "1"\npercent = "10"\nmodel = "fitted({fit})"\n'


def line(kind: str, name: str, second: int, **more: Any) -> dict[str, Any]:
    ts = f"2026-{more.pop('month', '01')}-02T10:{second // 60:02d}:{second % 60:02d}Z"
    return {"type": kind, "id": name, "ts": ts, "offer_id": 101, **more}


def send(server: Serving, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    answer = loopback.post(
        f"{server.url}/v1/events", content="\n".join(map(json.dumps, lines)), timeout=30,
        headers={"Authorization": f"Bearer {API_KEY}"},
    )  # fmt: skip
    found = [json.loads(said) for said in answer.text.splitlines()]
    assert [said["verdict"] for said in found] == ["accepted"] * len(lines), found
    return found


def january() -> list[dict[str, Any]]:
    """Sixty visitors. Whoever comes through 7 often buys, through 8 alone seldom; a third sees both."""
    lines = []
    for n in range(60):
        seen = ((7,), (8,), (8, 7))[n % 3]
        who = f"jan{n}"
        lines += [line("click", f"{who}-{p}", n + k, partner_id=p, visitor_id=who) for k, p in enumerate(seen)]
        if n % (5, 2, 3)[n % 3] == 0 or seen == (7,):
            lines.append(line("conversion", f"{who}-buys", n + 30, visitor_id=who, txn_id=who, amount="20.00"))
    return lines


def bought(name: str, seen: tuple[int, ...]) -> list[dict[str, Any]]:
    clicks = [line("click", f"{name}-{k}", k, month="02", partner_id=p, visitor_id=name) for k, p in enumerate(seen)]
    return [*clicks, line("conversion", name, 50, month="02", visitor_id=name, txn_id=name, amount="10.01")]


def reload(server: Serving, program: str) -> None:
    """Put the program in force, and wait until the edge and the engine have it."""
    loaded = server.log.read_text().count("program_loaded")
    server.program.write_text(program)
    assert server.parent is not None
    os.kill(server.parent.pid, signal.SIGHUP)
    deadline = time.monotonic() + 60
    while server.log.read_text().count("program_loaded") < loaded + 2:
        assert time.monotonic() < deadline, server.log.read_text()[-2000:]
        time.sleep(0.05)


def credited(server: Serving, run: str, model: str) -> list[tuple[Any, ...]]:
    rows = server.sql(
        "SELECT conversion_id, touch_id, partner_id, weight, value FROM credits "
        f"WHERE run_id = '{run}' AND model = '{model}' AND weight != 0 ORDER BY ALL"
    )
    return [tuple(row.values()) for row in rows]


def test_new_conversions_are_paid_by_the_weights_of_a_run(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        send(server, january())
        run = server.json("attribute", "--model", "markov,linear", "--from", "2026-01-01", "--to", "2026-02-01")
        fit = server.json("fit", run["run_id"][:8])
        known = {p["partner_id"]: p["weight_e12"] for p in run["shares"]["markov"]["partners"] if p["partner_id"]}
        weights = {int(partner): weight for partner, weight in fit["weights"].items()}
        assert weights == known and set(known) == {7, 8} and known[7] != known[8]
        count = run["shares"]["markov"]["touched"]
        assert (fit["conversions"], fit["run"], fit["unknown_partners"]) == (count, run["run_id"], [])

        model = f"fitted({fit['id']})"
        block = server.clew("fit", f"{run['run_id']}:markov")
        plans = "".join(PLAN.format(partner=p, fit=fit["id"]) for p in (7, 8))
        program = f"{PROGRAM}{plans}conversions_min = {count}\n\n{block}"
        demanding = tmp_path / "demanding.toml"
        demanding.write_text(program.replace(f"conversions_min = {count}", f"conversions_min = {count + 1}"))
        refused = fork.clew("check", str(demanding))
        assert refused.returncode == 1 and f"requires {count + 1} conversions" in refused.stdout + refused.stderr

        old = credited(server, "live", "last_click")
        reload(server, program)
        send(server, [*bought("both", (8, 7, 8, 7)), *bought("one", (8,))])
        server.settle()
        assert [row for row in credited(server, "live", "last_click") if row in old] == old
        check_paid(server, model, weights)

        # Late touches restate by the same weights; what January paid is as it was.
        send(server, [line("click", "late", 1, month="02", partner_id=7, visitor_id="one")])
        server.settle()
        live = credited(server, "live", model)
        assert len({row[0] for row in live}) == 2 and len(live) == 4

        month = ("--from", "2026-02-01", "--to", "2026-03-01")
        again = server.json("attribute", "--model", model, *month)
        assert credited(server, again["run_id"], model) == live
        (diff,) = {row["value_change"] for row in server.json("diff", f"live:{model}", again["run_id"])["rows"]}
        assert diff == "0.00"
        assert server.json("audit")["ok"] is True
        as_of = rfc3339(json.loads(again["parameters"])["as_of_us"])
        send(server, bought("afterwards", (7, 8)))
        assert server.stop() == 0

        # On a stopped directory, later: the same run is done, and what has come since is not in it.
        replay = server.json("attribute", "--model", model, *month, "--as-of", as_of)
        assert (replay["was_there"], replay["run_id"]) == (True, again["run_id"])
        assert server.json("repair")["repairs"] == [] and server.json("audit")["ok"] is True
        assert len(credited(server, "live", model)) == len(live) + 2
        check_partners_that_left(server, fit, tmp_path / "less.toml")


def check_partners_that_left(server: Serving, fit: dict[str, Any], program: Path) -> None:
    """Under a program without partner 8 the table is printed all the same, with what has to be done first."""
    left = '[[partner]]\nid = 8\nname = "Red Rock"\n', '[[link]]\ncode = "rr-shoes"\noffer = 101\npartner = 8\n'
    program.write_text(PROGRAM.replace(left[0], "").replace(left[1], ""))
    assert server.json("fit", f"{fit['run']}:markov", "--program", str(program)) == {**fit, "unknown_partners": [8]}
    told = fork.clew("fit", fit["run"], "--data", str(server.data), "--program", str(program))
    assert told.returncode == 0 and f'id = "{fit["id"]}"' in told.stdout
    assert "lacks partners 8; add them first" in told.stderr


def check_paid(server: Serving, model: str, weights: dict[int, int]) -> None:
    """The conversion of four clicks, to the cent, in the tables and in the explanation."""
    (row,) = server.sql("SELECT conversion_id FROM conversions WHERE txn_id = 'both'")
    split = fitted([8, 7, 8, 7], weights)
    cents = allocate_one(1001, split)
    answer = server.json("explain", row["conversion_id"])
    (pays,) = [one for one in answer["models"] if one["pays"]]
    assert pays["model"] == model and pays["fit"]["model"] == "markov"
    assert [(c["partner_id"], c["value"]) for c in pays["credits"]] == [
        (p, f"{c / 100:.2f}") for p, c in zip((8, 7), cents, strict=False)
    ]
    assert [touch["models"][model] for touch in answer["touches"]] == ["credited"] * 2 + ["repeated_partner"] * 2
    owed = server.sql(f"SELECT partner_id, amount FROM commissions WHERE conversion_id = '{row['conversion_id']}'")
    parts = allocate_one(100, split)  # 10 % of 10.01
    assert {one["partner_id"]: Decimal(one["amount"]) for one in owed} == {
        8: Decimal(parts[0]) / 100, 7: Decimal(parts[1]) / 100,
    }  # fmt: skip
    told = server.clew("explain", row["conversion_id"])
    assert f"Model {model} (pays): markov of run {pays['fit']['run']}, {pays['fit']['conversions']} conversions" in told
