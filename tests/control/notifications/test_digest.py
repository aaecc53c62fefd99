"""The weekly summary comes to those who want it, once a week, with figures of the engine for their partner."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from control import configuration
from control.accounts.actor import command_line
from control.accounts.models import User
from control.accounts.people import new_user, store_with_seat
from control.accounts.roles import PartnerRole
from control.configuration import current_configuration
from control.engine import client as engine_client
from control.engine.client import EngineClient
from control.errors import Unavailable
from control.jobs.models import Job
from control.mail.models import OutgoingMail
from control.notifications import digest, tasks
from control.notifications.models import MailPreference
from control.notifications.preferences import change_preferences
from control.partners.services import create_partner
from control.program.publishing import publish
from control.program.services.terms_rows import create_coupon
from runtime.clock import SystemClock
from runtime.control_settings import EngineSettings
from runtime.engine_key import read_partner_token
from tests.control.program.sample import shoes
from tools import catalogues

BOSS = command_line()
KEY = "key-of-the-engine-for-tests-is-long"
MONDAY = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
pytestmark = [
    pytest.mark.usefixtures("database", "acting_test"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


class _Engine(ThreadingHTTPServer):
    daemon_threads = True
    payout = "0"
    held = "0"
    status = 200

    def answer(self, name: str, partner: int) -> dict[str, Any]:
        money = {"currency": "USD"}
        if name == "balances":
            row = {"partner_id": partner, "pending": "0", "held": self.held, "payable": "0", "next_payable": None}
            return {"balances": [row | money]}
        row = {"day": "2026-03-05", "clicks": 12 if self.payout != "0" else 0, "payout": self.payout}
        columns: list[Any] = []
        return {
            "report": "kpi", "columns": columns, "rows": [row | money], "total_rows": 1, "currency": "USD",
            "timezone": "UTC",
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server: _Engine

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = read_partner_token(self.headers["Authorization"].removeprefix("Bearer "), KEY, int(time.time()))
        partner = token.partner if token is not None else 0
        content = json.dumps(self.server.answer(self.path.rpartition("/")[2], partner) | {"asked": body}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture(autouse=True, scope="module")
def _compiled() -> None:
    catalogues.compile_all()


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Engine]:
    own = current_configuration()
    web = own.settings.web.model_copy(update={"url": "https://partners.example"})
    settings = own.settings.model_copy(update={"web": web})
    monkeypatch.setattr(configuration, "_set", [replace(own, settings=settings)])
    with _Engine(("127.0.0.1", 0), _Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{running.server_port}"
        client = EngineClient(EngineSettings(url=url, answer_age_max_ms=0), KEY, SystemClock())
        monkeypatch.setattr(engine_client, "_clients", [client])
        yield running
        client.close()
        running.shutdown()
        thread.join()


@pytest.fixture
def fay(engine: _Engine) -> User:
    blue = create_partner(BOSS, {"name": "Blue", "language": "de"}, "active")
    user = new_user("fay@blue.example", "Fay", "correct horse battery")
    store_with_seat(user, blue.number, PartnerRole.OWNER)
    change_preferences(BOSS, user, {"digest": True})
    return user


def _send(now: datetime = MONDAY) -> int:
    return sum(digest.send_digest(row.pk, now) for row in digest.due(now))


def test_the_summary_has_the_figures_in_the_readers_language(engine: _Engine, fay: User) -> None:
    engine.payout, engine.held = "1234.5", "20"
    offer = shoes()
    partner = fay.seats.get().partner
    create_coupon(BOSS, {"code": "SPRING10", "partner": partner, "offer": offer, "ends": MONDAY + timedelta(days=9)})
    publish(BOSS)
    assert _send() == 1
    message = message_from_bytes(bytes(OutgoingMail.objects.get().content), policy=policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "1.234,50 $" in str(message["Subject"]) and "List-Unsubscribe" in message
    for part in ("2. März 2026", "8. März 2026", "1.234,50\xa0$", "20,00\xa0$", "SPRING10", "18. März 2026", "12"):
        assert part in text
    assert "https://partners.example/portal/" in text


def test_it_comes_once_a_week_on_monday_morning_of_the_reader(engine: _Engine, fay: User) -> None:
    engine.held = "5"
    assert _send(MONDAY - timedelta(days=1)) == 0, "Sunday"
    assert _send(MONDAY.replace(hour=6)) == 0
    User.objects.filter(pk=fay.pk).update(time_zone="Asia/Tokyo")
    assert _send(MONDAY - timedelta(hours=13)) == 1, "Monday at 8 in Tokyo"
    assert _send() == _send(MONDAY + timedelta(hours=5)) == 0
    assert _send(MONDAY + timedelta(days=7) - timedelta(hours=13)) == 1


def test_without_figures_there_is_none(engine: _Engine, fay: User) -> None:
    assert _send() == 0 and not OutgoingMail.objects.exists()
    assert MailPreference.objects.get().sent == MONDAY, "not asked again until next week"


def test_an_engine_that_is_away_is_asked_again(engine: _Engine, fay: User) -> None:
    engine.status = 503
    with pytest.raises(Unavailable):
        _send()
    assert MailPreference.objects.get().sent is None


def test_nobody_gets_it_unasked(engine: _Engine, fay: User, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.payout = "5"
    monkeypatch.setattr("django.utils.timezone.now", lambda: MONDAY)
    tasks.ask_for_digests(None, {})  # type: ignore[arg-type]
    tasks.ask_for_digests(None, {})  # type: ignore[arg-type]
    assert Job.objects.filter(task=digest.TASK).count() == 1
    change_preferences(BOSS, fay, {"digest": False})
    tasks.send_digest(None, Job.objects.get(task=digest.TASK).arguments)  # type: ignore[arg-type]
    assert not OutgoingMail.objects.exists() and digest.due(MONDAY) == []
