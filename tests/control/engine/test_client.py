"""Client of the engine against a small HTTP server: bounds, errors, and what it sends."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from control.engine.client import EngineClient
from control.engine.scope import Scope
from control.errors import Invalid, NotFound, Refused, Unavailable
from runtime.clock import SystemClock
from runtime.control_settings import EngineSettings
from runtime.engine_key import MONEY_SHOWN, TOKEN_AGE_MAX_S, PartnerToken, partner_token, read_partner_token
from tests.serving import free_port

KEY = "key-of-the-engine-for-tests-is-long"
ANSWERS: dict[str, tuple[int, bytes]] = {
    "report": (200, b'{"report": "kpi"}'),
    "long": (200, b'{"x": "' + b"x" * 5_000 + b'"}'),
    "refused": (401, b'{"error": "wrong key"}'),
    "bad": (400, b'{"error": "by: wrong", "field": "by", "exit_code": 2}'),
    "missing": (404, b'{"error": "there is no conversion", "exit_code": 1}'),
    "other": (404, b"<html>"),
    "broken": (503, b'{"error": "the warehouse is gone", "exit_code": 4}'),
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    seen: list[tuple[str, Any]]
    hanging: threading.Event


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.removeprefix("/control/")
        self.server.seen.append((self.headers["Authorization"], json.loads(body)))
        if name == "hanging":
            self.server.hanging.wait(60)
            return
        status, content = ANSWERS[name]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as running:
        running.seen, running.hanging = [], threading.Event()
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.hanging.set()
        running.shutdown()
        thread.join()


def _client(port: int, key: str = KEY, **settings: Any) -> EngineClient:
    url = f"http://127.0.0.1:{port}" if port else ""
    return EngineClient(EngineSettings(url=url, **settings), key, SystemClock())


@pytest.mark.parametrize(
    ("name", "error", "part"),
    [
        ("long", Unavailable, "longer than 4,096 bytes"),
        ("refused", Unavailable, "CLEW_ENGINE__KEY_FILE"),
        ("bad", Invalid, "by: wrong"),
        ("missing", NotFound, "there is no conversion"),
        ("other", Unavailable, "CLEW_ENGINE__URL is not the address of an engine"),
        ("broken", Unavailable, "the warehouse is gone"),
        ("hanging", Unavailable, "did not answer within 1 s"),
    ],
)
def test_errors(server: _Server, name: str, error: type[Refused], part: str) -> None:
    client = _client(server.server_port, answer_bytes_max=4_096, answer_timeout_s=1 if name == "hanging" else 30)
    with pytest.raises(error, match=part) as caught:
        client.ask(name, {}, Scope())
    assert KEY not in str(caught.value)
    client.close()


@pytest.mark.parametrize(
    ("port", "key", "part"),
    [(0, KEY, "CLEW_ENGINE__URL"), (1, "", "CLEW_ENGINE__KEY_FILE"), (None, KEY, "the engine does not answer")],
)
def test_an_engine_that_is_not_there(port: int | None, key: str, part: str) -> None:
    client = _client(free_port() if port is None else port, key)
    with pytest.raises(Unavailable, match=part):
        client.ask("report", {}, Scope())
    client.close()


def test_an_answer_is_used_again_for_a_moment_but_never_for_another_scope(server: _Server) -> None:
    client = _client(server.server_port, answer_age_max_ms=60_000)
    server.seen.clear()
    for scope in (
        Scope(), Scope(), Scope(None, (7, 8)), Scope(7, (7,)), Scope(8, (8,)), Scope(8, (8,), MONEY_SHOWN)
    ):  # fmt: skip
        assert client.ask("report", {"name": "kpi", "by": None}, scope) == {"report": "kpi"}
    fields = [body for _, body in server.seen]
    assert fields == [
        {"name": "kpi", **more} for more in ({}, *({"partners": numbers} for numbers in ([7, 8], [7], [8], [8])))
    ]
    assert [header == f"Bearer {KEY}" for header, _ in server.seen] == [True, True, False, False, False]
    now_s = SystemClock().now_us() // 1_000_000
    tokens = [header.removeprefix("Bearer ") for header, _ in server.seen[2:]]
    assert [read_partner_token(token, KEY, now_s) for token in tokens] == [
        PartnerToken(7), PartnerToken(8), PartnerToken(8, MONEY_SHOWN)
    ]  # fmt: skip
    client.close()


def test_a_token_opens_one_partner_for_a_short_time() -> None:
    token = partner_token(KEY, 7, 1_000)
    assert read_partner_token(token, KEY, 1_000 + TOKEN_AGE_MAX_S) == PartnerToken(7)
    assert read_partner_token(token, KEY, 1_001 + TOKEN_AGE_MAX_S) is None
    assert read_partner_token(token, KEY + "x", 1_000) is None
    for forged in (token.replace(".7.", ".8."), "", ".", "partner.7.9999999999.", token + "é"):
        assert read_partner_token(forged, KEY, 1_000) is None


def test_only_the_key_adds_money_to_a_token() -> None:
    assert read_partner_token(partner_token(KEY, 7, 1_000, MONEY_SHOWN), KEY, 1_000) == PartnerToken(7, MONEY_SHOWN)
    plain, revenue = partner_token(KEY, 7, 1_000), partner_token(KEY, 7, 1_000, frozenset({"revenue"}))
    content, mac = plain.rpartition(".")[0], plain.rpartition(".")[2]
    for forged in (
        f"{content}.revenue.{mac}", f"{content}.revenue+profit.{mac}", f"{content}..{mac}",
        revenue.replace("revenue", "revenue+profit"), revenue.replace("revenue", "profit"),
        revenue.replace(".7.", ".8."), partner_token("x" * 32, 7, 1_000, MONEY_SHOWN),
    ):  # fmt: skip
        assert read_partner_token(forged, KEY, 1_000) is None, forged
    unknown = partner_token(KEY, 7, 1_000, frozenset({"everything"}))
    assert read_partner_token(unknown, KEY, 1_000) == PartnerToken(7)


def test_kept_answers_are_bounded_in_number_and_length(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*offsets: int) -> int:
        """Return how many of some questions reach the engine."""
        before = len(server.seen)
        for offset in offsets:
            client.ask("report", {"offset": offset}, Scope(partner=7, partners=(7,)))
        return len(server.seen) - before

    client = _client(server.server_port, answer_age_max_ms=60_000)
    length = len(ANSWERS["report"][1])
    monkeypatch.setattr("control.engine.client._KEPT_BYTES_MAX", 3 * length)
    assert asked(1, 2, 3) == 3 and asked(1, 2, 3) == 0
    assert asked(4) == 1 and asked(2, 3, 4) == 0, "the oldest one made room"
    assert asked(1) == 1, "which is asked again"
    monkeypatch.setattr("control.engine.client._KEPT_ANSWERS_MAX", 2)
    assert asked(5) == 1 and asked(1, 5) == 0 and asked(4) == 1
