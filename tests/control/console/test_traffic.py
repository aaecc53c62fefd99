"""Live view, rejected hits, problems, postback tester and health: what is asked of the engine, and what people see."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from control.audit.models import AuditEvent
from control.console.pages.hits import REFRESHES_MAX
from control.engine import client as engine
from control.engine.zone import zone
from control.jobs.models import Job
from runtime.clock import SystemClock
from runtime.control_settings import EngineSettings
from tests.control.console.installation import Console
from tests.control.ui.pages import injections

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
EVIL = "<script>alert(1)</script>"
HIT = {
    "ts": "2026-11-28T04:00:00.000000Z", "kind": "click", "verdict": "rejected", "reason": "unknown_link",
    "field": EVIL, "link": EVIL, "detail": EVIL, "offer_id": 0, "partner_id": 0,
}  # fmt: skip
SALE = {
    "ts": "2026-11-28T04:00:01.000000Z", "kind": "conversion", "verdict": "accepted", "txn_id": "SO-1",
    "amount": "12.50", "currency": "EUR", "status": "pending", "offer_id": 0, "partner_id": 0,
}  # fmt: skip
READ = {
    "topic": "conversion", "test": False, "mistakes": [], "offer_id": 0, "partner_id": 0, "goal": "1", "txn_id": "SO-1",
    "amount": "12.50", "currency": "EUR", "status": "pending", "coupon_reason": "", "conversion_id": "0f" * 16,
    "click": {"click_id": "x", "age_s": 7_200, "is_stored": True, "is_bot": False, "link": "bl", "in_window": True,
              "window_s": 60}, "stored": None,
    "fields": [{"name": "secret", "value": "", "known": True, "note": ""},
               {"name": "sku", "value": EVIL, "known": False, "note": ""}],
}  # fmt: skip
ZONE = "Pacific/Kiritimati"
"""Zone of the engine's program, 14 hours before UTC; the control plane's program has none yet."""
ANSWERS: dict[str, Any] = {
    "hits": {"hits": [SALE, HIT], "next": "2026-11-28T04:00:00.000000Z"},
    "rejected_reasons": {"reasons": [{"reason": "malformed", "hits": 3, "by_day": {}, "kinds": ["conversion"],
                                      "fields": [EVIL], "partners": 2, "last": HIT["ts"]}]},
    "rejected_examples": {"examples": [{**HIT, "method": "GET", "path": "/c/x", "sent": {"amount": EVIL}}]},
    "problems_by_code": {"problems": [{"code": "no_plan", "count": 2, "examples": [
        {"conversion_id": "0f" * 16, "detail": EVIL, "ts": HIT["ts"]}]}]},
    "postback": READ,
    "conversions": {"conversions": []},
    "program": {"timezone": ZONE, "currency": "USD"},
    "lag": {"ingest_records": 0, "attribution_records": 60_000, "unhealthy": None},
}  # fmt: skip


class _Engine(ThreadingHTTPServer):
    daemon_threads = True
    asked: list[tuple[str, dict[str, Any]]]


class _Handler(BaseHTTPRequestHandler):
    server: _Engine

    def do_POST(self) -> None:
        name = self.path.removeprefix("/control/")
        fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if name != "program":
            self.server.asked.append((name, fields))
        content = json.dumps(ANSWERS[name]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def open_engine() -> Iterator[_Engine]:
    """A server that answers as the engine does, with texts of strangers."""
    with _Engine(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def asked(open_engine: _Engine) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What the pages ask the engine."""
    settings = EngineSettings(url=f"http://127.0.0.1:{open_engine.server_port}", answer_age_max_ms=0)
    before = engine._clients[:]
    engine._clients[:] = [engine.EngineClient(settings, "key-of-the-engine-which-is-long-enough", SystemClock())]
    open_engine.asked = []
    zone.forget()
    yield open_engine.asked
    zone.forget()
    engine._clients[0].close()
    engine._clients[:] = before


def test_conversions_are_filtered_by_goal(console: Console, asked: list[tuple[str, dict[str, Any]]]) -> None:
    console.publish_program()
    page = shown(console, "owner", "/console/conversions/?goal=1")
    assert 'name="goal"' in page and asked[-1][1]["goal"] == "1"
    shown(console, "owner", "/console/conversions/?goal=nothing")
    assert not asked[-1][1].get("goal"), "no offer has this goal"
    console.browser("owner").get("/console/conversions/?goal=1&export=csv&status=pending")
    assert (asked[-1][1]["goal"], asked[-1][1]["status"]) == ("1", "pending")


def shown(console: Console, role: str, address: str, **post: str) -> str:
    browser = console.browser(role)
    answer = browser.post(address, post) if post else browser.get(address)
    assert answer.status_code == 200
    page: str = answer.content.decode()
    assert injections(page) == []
    return page


def test_the_live_view_asks_for_what_the_address_says(console: Console, asked: list[Any]) -> None:
    page = shown(console, "owner", "/console/hits/?kind=click&verdict=bot&offer=7&partner=x&unknown=1")
    assert asked == [("hits", {"kind": "click", "verdict": "bot", "offer": 7, "limit": 50})]
    assert "Order SO-1" in page and "12.50 EUR, pending" in page and "Unknown link" in page
    assert 'hx-trigger="every 3s"' in page and "before=2026-11-28T04" in page
    assert 'hx-trigger="every 3s"' not in shown(console, "owner", "/console/hits/?paused=1")
    assert 'hx-trigger="every 3s"' not in shown(console, "owner", "/console/hits/?before=2026-11-28T04:00:00Z")
    browser = console.browser("owner")
    part = browser.get("/console/hits/?turn=7", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div id="hits"') and "turn=8" in part
    last = browser.get(f"/console/hits/?turn={REFRESHES_MAX}", headers={"HX-Request": "true"}).content.decode()
    assert "hx-get" not in last and "Paused after ten minutes" in last


def test_a_manager_sees_the_own_partners_and_a_reader_no_parameters(console: Console, asked: list[Any]) -> None:
    assert console.own is not None
    for address in ("hits/", "rejected/", "rejected/malformed/", "problems/"):
        shown(console, "partner_manager", f"/console/{address}")
    shown(console, "partner_manager", "/console/postback-tester/", pasted="?click_id=x")
    assert [fields["partners"] for _, fields in asked] == [[console.own.number]] * 5
    asked.clear()
    for role, personal in (("support", True), ("read_only", False)):
        page = shown(console, role, "/console/rejected/malformed/")
        assert asked.pop()[1]["personal"] is personal
        assert ("does not show the parameters" in page) is not personal


def test_rejected_hits_and_problems_say_what_to_do(console: Console, asked: list[Any]) -> None:
    page = shown(console, "support", "/console/rejected/?days=30&kind=conversion")
    days = {(datetime.now(ZoneInfo(ZONE)) - timedelta(days=ago)).date().isoformat() for ago in (29, 30)}
    assert asked[0][1]["kind"] == "conversion" and asked[0][1]["from"] in days, "in the zone of the program"
    assert "Malformed" in page and "Correct the field that is named" in page
    assert "/console/rejected/malformed/?kind=conversion&amp;days=30" in page
    assert "A-later-reason" in shown(console, "support", "/console/rejected/a-later-reason/")
    problems = shown(console, "support", "/console/problems/")
    assert "No plan" in problems and "it pays what comes later" in problems


def test_a_postback_is_read_and_recorded_only_when_it_is_sent(console: Console, asked: list[Any]) -> None:
    console.publish_program()
    page = shown(console, "support", "/console/postback-tester/")
    assert "/postback?click_id={click_id}&amp;txn_id={order_id}" in page and "value of cid" in page
    assert asked == []
    page = shown(
        console, "support", "/console/postback-tester/", pasted="https://x.example/postback?click_id=1&secret=s3"
    )
    assert asked == [("postback", {"query": "click_id=1&secret=s3"})]
    assert "Nothing is wrong with this postback" in page and "2 hours ago through the link bl" in page
    before = AuditEvent.objects.count()
    refused = shown(console, "support", "/console/postback-tester/", pasted="click_id=1", do="send", sure="1")
    assert "does not allow sending" in refused
    ask = shown(console, "owner", "/console/postback-tester/", pasted="click_id=1", do="send")
    assert "Send this postback for real?" in ask and 'name="sure" value="1"' in ask
    sent = shown(console, "owner", "/console/postback-tester/", pasted="click_id=1", do="send", sure="1")
    assert "CLEW_WEB__TRACKING_URL" in sent  # this process knows no edge, so nothing was sent
    assert AuditEvent.objects.count() == before
    assert "Paste a postback URL" in shown(console, "owner", "/console/postback-tester/", pasted=" ")


def test_health_names_each_fault_with_its_fix(console: Console, asked: list[Any]) -> None:
    page = shown(console, "owner", "/console/health/")
    assert "60,000 records behind" in page and "1 mail was not sent" in page and "Set CLEW_MAIL__SERVER, then" in page
    Job.objects.all().delete()
    assert "No mail server is set" in shown(console, "owner", "/console/health/")
    assert shown(console, "analyst", "/console/health/line/").startswith('<a class="cl-health cl-health-warn"')
    assert "cl-alert-warn" in shown(console, "analyst", "/console/health/line/?home=1")


def test_pages_say_that_the_engine_is_away(console: Console) -> None:
    for address in ("hits/", "rejected/", "rejected/malformed/", "problems/", "health/"):
        assert "CLEW_ENGINE__URL" in shown(console, "owner", f"/console/{address}")
    assert "CLEW_ENGINE__URL" in shown(console, "owner", "/console/postback-tester/", pasted="?click_id=x")
