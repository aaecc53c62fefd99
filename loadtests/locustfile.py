"""A mixed profile for locust: clicks, impressions, postbacks of those clicks, repeated postbacks, refunds and batches.

`make load` runs it headless against a server that it starts. Against a server of your own, whose program has the
links, goal, secret and key of tests/serving.py: `locust -f loadtests/locustfile.py --host http://HOST:8080`.
"""

import json
import os
import random
from collections import Counter, deque
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from locust import FastHttpUser, constant, events, task

LINKS = ("bl-shoes", "rr-shoes")
SECRET = os.environ.get("CLEW_LOAD_SECRET", "s3cret")
API_KEY = os.environ.get("CLEW_LOAD_API_KEY", "test-key-for-events")
AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
)
OPEN_CLICKS_MAX = 1_000
LINES_OF_A_BATCH = 20

accepted: Counter[str] = Counter()
"""Accepted events by table; `make load` compares them with what is stored."""
_order_numbers = count(1)
_run = os.urandom(4).hex()


class Visitor(FastHttpUser):
    """Follows links; the shop behind them reports some of the sales."""

    wait_time = constant(0)

    def on_start(self) -> None:
        self.clicks: deque[str] = deque(maxlen=OPEN_CLICKS_MAX)
        self.sales: deque[dict[str, str]] = deque(maxlen=OPEN_CLICKS_MAX)

    @task(80)
    def click(self) -> None:
        with self.client.get(
            f"/c/{random.choice(LINKS)}?sub1=s{random.randrange(50)}", name="/c/{link}", headers={"User-Agent": AGENT},
            allow_redirects=False, catch_response=True,
        ) as response:  # fmt: skip
            if _is_accepted(response, 302):
                accepted["clicks"] += 1
                self.clicks.append(parse_qs(urlsplit(response.headers["location"]).query)["cid"][0])

    @task(8)
    def impression(self) -> None:
        name = random.choice(LINKS)
        with self.client.get(
            f"/i/{name}.gif", name="/i/{link}.gif", headers={"User-Agent": AGENT}, catch_response=True
        ) as response:
            if _is_accepted(response, 200):
                accepted["impressions"] += 1

    @task(8)
    def sale(self) -> None:
        if self.clicks:
            cents = random.randrange(100, 20_000)
            sale = {
                "click_id": self.clicks.pop(), "txn_id": f"{_run}-{next(_order_numbers)}", "secret": SECRET,
                "amount": f"{cents // 100}.{cents % 100:02d}",
            }  # fmt: skip
            if self._postback(sale, "/postback", "accepted"):
                accepted["conversions"] += 1
                self.sales.append(sale)

    @task(2)
    def sale_again(self) -> None:
        """The advertiser's server retries a postback that was answered."""
        if self.sales:
            self._postback(random.choice(self.sales), "/postback again", "duplicate")

    @task(1)
    def refund(self) -> None:
        if self.sales:
            sale = self.sales.pop()
            if self._postback(sale | {"action": "refund", "refund_id": "1"}, "/postback refund", "accepted"):
                accepted["adjustments"] += 1

    @task(1)
    def batch(self) -> None:
        click = {"type": "click", "ts": "2026-01-01T00:00:00Z", "offer_id": 101, "partner_id": 7}
        lines = [json.dumps(click | {"id": os.urandom(8).hex()}) for _ in range(LINES_OF_A_BATCH)]
        headers = {"Authorization": f"Bearer {API_KEY}"}
        with self.client.post("/v1/events", data="\n".join(lines), headers=headers, catch_response=True) as response:
            verdicts = [
                json.loads(line)["verdict"] for line in response.text.splitlines() if response.status_code == 200
            ]
            accepted["clicks"] += verdicts.count("accepted")
            if verdicts != ["accepted"] * LINES_OF_A_BATCH:
                response.failure(f"{response.status_code}: {Counter(verdicts)}")

    def _postback(self, fields: dict[str, str], name: str, verdict: str) -> bool:
        with self.client.post("/postback", data=fields, name=name, catch_response=True) as response:
            answer = response.json() if response.status_code == 200 else {}
            if answer.get("verdict") != verdict:
                response.failure(f"{response.status_code}: {answer.get('verdict')} instead of {verdict}")
                return False
            return True


def _is_accepted(response: Any, status: int) -> bool:
    verdict = response.headers.get("clew-verdict")
    if response.status_code != status or verdict != "accepted":
        response.failure(f"{response.status_code}, verdict {verdict}")
        return False
    response.success()
    return True


@events.quitting.add_listener
def write_accepted(**_: Any) -> None:
    """Leave the counts for the command that started the run."""
    if path := os.environ.get("CLEW_LOAD_ACCEPTED_FILE"):
        Path(path).write_text(json.dumps(accepted))
