"""Time from a postback's answer to its commission in a running `clew serve` under click load."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from benchmarks.measure import Result, quantile
from installation.directory import DataDir, read_address
from tests.serving import BROWSER, SECRET, Serving, serving

POSTBACKS = 30


def run(folder: Path) -> Iterator[Result]:
    """Measure p50 and p95 over single postbacks, polled every 20 ms."""
    with serving(folder) as server:
        seconds = [_one(server, n) for n in range(POSTBACKS)]
    yield Result("postback to commission, p50", quantile(seconds, 0.5), "s", note="target 5 s")
    yield Result("postback to commission, p95", quantile(seconds, 0.95), "s", note="target 5 s")


def _one(server: Serving, n: int) -> float:
    with httpx.Client(headers={"User-Agent": BROWSER}) as http:
        location = http.get(f"{server.url}/c/bl-shoes").headers["Location"]
        click_id = location.split("cid=")[1].split("&")[0]
        query = {"click_id": click_id, "txn_id": f"t{n}", "amount": "10.00", "secret": SECRET}
        conversion_id = http.get(f"{server.url}/postback", params=query).json()["conversion_id"]
        answered = time.perf_counter()
        address = read_address(DataDir(server.data).engine_file)
        assert address is not None
        statement = f"SELECT count() AS n FROM commissions WHERE conversion_id = '{conversion_id}'"
        while time.perf_counter() - answered < 60:
            reply = http.post(
                f"{address.url}/operator/sql",
                json={"sql": statement},
                headers={"Authorization": f"Bearer {address.key}"},
            )
            if int(reply.json()["rows"][0]["n"]):
                return time.perf_counter() - answered
            time.sleep(0.02)
    raise AssertionError("no commission within 60 s")
