"""Real histories through the whole of Clew, against numbers that are worked out here from the raw files by other means.

The files are not part of the project; without ../shared/data these tests skip. Lines are shuffled, since no order
may matter.
"""

import csv
import gzip
import json
import os
import random
import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from crawleruseragents import is_crawler

from tests.commands import fork
from tests.serving import Serving, serving

pytestmark = pytest.mark.timeout(400)
ROOT = Path(__file__).resolve().parents[2]


def shuffled(source: Path, target: Path, *, header: bool, part: float = 1.0) -> Path:
    """The lines of a gzipped file in another order, or some of them."""
    with gzip.open(source, "rt", encoding="utf-8", errors="surrogateescape", newline="") as file:
        lines = [line + "\n" for line in file.read().rstrip("\n").split("\n")]
    head, body = (lines[:1], lines[1:]) if header else ([], lines)
    chance = random.Random(3)
    chance.shuffle(body)
    with gzip.open(target, "wt", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.writelines(head + body[: int(len(body) * part)])
    return target


class Replay:
    """One example mapping over one file: infer, serve, replay."""

    def __init__(self, folder: Path, example: str, file: Path) -> None:
        self.folder, self.file = folder, file
        self.mapping = ROOT / "examples" / f"{example}.toml"
        self.program = folder / "inferred.toml"
        self.run("program", "infer", str(file), "--mapping", str(self.mapping), "--out", str(self.program))

    def run(self, *words: str) -> str:
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}
        done = fork.clew(*words, timeout_s=300, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def into(self, server: Serving) -> dict[str, Any]:
        words = ("--mapping", str(self.mapping), "--program", str(self.program), "--to", server.url, "--json")
        report: dict[str, Any] = json.loads(self.run("replay", str(self.file), *words))
        server.settle(300)
        return report


def rows_of(file: Path) -> list[dict[str, str]]:
    with gzip.open(file, "rt", newline="") as text:
        return list(csv.DictReader(text))


def kpi(server: Serving) -> dict[tuple[int, int], dict[str, Any]]:
    rows = server.json("report", "kpi", "--by", "partner,offer")["rows"]
    return {(row["partner_id"], row["offer_id"]): row for row in rows}


@pytest.mark.parametrize("part", [1.0, 0.2])
def test_talkingdata_per_partner_and_offer(shared_data: Path, tmp_path: Path, part: float) -> None:
    file = shuffled(shared_data / "talkingdata_clicks.csv.gz", tmp_path / "clicks.csv.gz", header=True, part=part)
    raw = rows_of(file)
    installs = [row for row in raw if row["attributed_time"]]
    replay = Replay(tmp_path, "talkingdata", file)
    with serving(tmp_path, program=replay.program.read_text()) as server:
        first = replay.into(server)
        assert first["verdicts"] == {"accepted": len(raw) + len(installs)}
        report = kpi(server)
        again = replay.into(server)
        assert again["verdicts"] == {"duplicate": len(raw) + len(installs)}
        assert kpi(server) == report
        assert server.json("audit")["ok"]
    if part == 1.0:
        assert (len(raw), len(installs)) == (100_000, 227)
    clicks = Counter((int(row["channel"]), int(row["app"])) for row in raw)
    installed = Counter((int(row["channel"]), int(row["app"])) for row in installs)
    visitors: dict[tuple[int, int], set[tuple[str, str, str]]] = defaultdict(set)
    for row in raw:
        visitors[int(row["channel"]), int(row["app"])].add((row["ip"], row["device"], row["os"]))
    assert {key: row["clicks"] for key, row in report.items()} == clicks
    assert {key: row["unique_clicks"] for key, row in report.items()} == {k: len(v) for k, v in visitors.items()}
    assert {key: row["conversions"] for key, row in report.items() if row["conversions"]} == installed
    paid = {key: Decimal(row["payout"]) for key, row in report.items() if Decimal(row["payout"])}
    assert paid == {key: Decimal(count) for key, count in installed.items()}


def journeys_by_hand(raw: list[dict[str, str]]) -> tuple[dict[str, int], dict[str, Fraction], int]:
    """Cents by channel under last click, exact shares under linear, and how many conversions had no touch."""
    window_s = 31 * 86_400
    touches: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for row in raw:
        if row["interaction"] == "impression":
            touches[row["customer_id"]].append((_seconds(row["time"]), row["channel"]))
    last, linear, nobody = defaultdict(int), defaultdict(Fraction), 0  # type: ignore[var-annotated]
    for row in raw:
        if row["interaction"] != "conversion":
            continue
        cents, at = int(Decimal(row["conversion_value"]) * 100), _seconds(row["time"])
        found = sorted(t for t in touches[row["customer_id"]] if 0 <= at - t[0] <= window_s)
        nobody += not found
        # Names are numbered in their order, and of two touches at one instant the higher number comes later.
        last[found[-1][1] if found else "unattributed"] += cents
        for _, channel in found:
            linear[channel] += Fraction(cents, len(found))
        linear["unattributed"] += 0 if found else cents
    return dict(last), dict(linear), nobody


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_journeys_by_last_click_and_linear(shared_data: Path, tmp_path: Path) -> None:
    file = shuffled(shared_data / "journeys_2018.csv.gz", tmp_path / "journeys.csv.gz", header=True)
    raw = rows_of(file)
    last, linear, nobody = journeys_by_hand(raw)
    replay = Replay(tmp_path, "journeys", file)
    with serving(tmp_path, program=replay.program.read_text()) as server:
        assert replay.into(server)["verdicts"] == {"accepted": len(raw)}
        names = {row["partner_id"]: row["partner"] for row in kpi(server).values()}
        sums = server.sql("SELECT model, partner_id, sum(value) AS value FROM credits GROUP BY model, partner_id")
        [alone] = server.sql("SELECT countIf(partner_id = 0) AS n FROM credits WHERE model = 'linear'")
        counts = server.sql(
            "SELECT conversion_id, count() AS n, max(value) - min(value) AS spread FROM credits "
            "WHERE model = 'linear' GROUP BY conversion_id"
        )
    got = {(row["model"], names[row["partner_id"]]): Decimal(row["value"]) for row in sums}
    assert (nobody, int(alone["n"])) == (238, 238)
    assert {name: int(value * 100) for (model, name), value in got.items() if model == "last_click"} == last
    for model in ("last_click", "linear"):
        assert sum(value for (of, _), value in got.items() if of == model) == Decimal("11423.50")
    # Largest remainder puts each touch within a cent of its exact share, and no conversion's parts further apart.
    assert all(Decimal(row["spread"]) <= Decimal("0.01") for row in counts)
    for name, share in linear.items():
        assert abs(Fraction(got["linear", name]) * 100 - share) < 1_000


def test_access_log_scores_robots(shared_data: Path, tmp_path: Path) -> None:
    file = shuffled(shared_data / "apache_access_log.gz", tmp_path / "access.log.gz", header=False)
    with gzip.open(file, "rt", encoding="utf-8", errors="replace") as text:
        lines = text.read().rstrip("\n").split("\n")
    agents = [_agent(line) for line in lines]
    replay = Replay(tmp_path, "access_log", file)
    with serving(tmp_path, program=replay.program.read_text()) as server:
        assert replay.into(server)["verdicts"] == {"accepted": len(lines)}
        stored = server.sql("SELECT user_agent, is_bot, count() AS n FROM clicks GROUP BY user_agent, is_bot")
        addresses = server.sql("SELECT ip, count() AS n FROM clicks GROUP BY ip")
        assert server.json("audit")["ok"]
    assert len(lines) == sum(int(row["n"]) for row in stored) == 10_000
    assert {row["ip"]: int(row["n"]) for row in addresses} == Counter(line.split(" ", 1)[0] for line in lines)
    people = Counter(row["user_agent"] for row in stored if not int(row["is_bot"]))
    assert not [agent for agent in people if is_crawler(agent)]
    robots = Counter({row["user_agent"]: int(row["n"]) for row in stored if int(row["is_bot"])})
    listed = Counter(agent for agent in agents if is_crawler(agent))
    assert robots >= listed
    # Robots that only Clew's own patterns know: each gives its site's address, or is a library's or service's name.
    added = set(robots) - set(listed)
    assert added
    assert all(
        re.search(r"\+ ?http|^Ruby$|^HTTP_Request2/|^Mozilla/5.0 \(compatible; |Office Protocol", agent)
        for agent in added
    )


def _agent(line: str) -> str:
    found = re.search(r'"([^"]*)"$', line)
    return found.group(1) if found else ""
