"""Whole replays against a fake Clew: answers, retries, stops, second runs."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.files.replay import run
from integrations.files.replay.replay import ReplayOrder, replay
from integrations.files.replay.report import ReplayProgress, ReplayReport
from integrations.files.replay.send import ReplayError
from runtime.clock import ManualClock
from tests.integrations.histories import ACCESS_LOG, API_KEY, CLICKS, JOURNEYS, mapping_of, parsed, program_of, written


class FakeClew:
    """A Clew that records lines and hits, and fails on demand."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], str] = {}
        self.hits: list[Request] = []
        self.batches: list[int] = []
        self.failures: Iterator[int] = iter(())
        self.lines_max = 10_000
        self.installation = "one"
        self.verdict = "accepted"
        routes = [
            Route("/readyz", self._ready),
            Route("/v1/events", self._events, methods=["POST"]),
            Route("/c/{code}", self._hit),
            Route("/i/{code}.gif", self._hit),
        ]
        self.transport = httpx.ASGITransport(Starlette(routes=routes))

    async def _ready(self, _request: Request) -> Response:
        return Response(headers={"clew-installation": self.installation})

    async def _events(self, request: Request) -> Response:
        status = next(self.failures, 200)
        if status != 200:
            return Response("no", status, {"retry-after": "7"})
        if request.headers["authorization"] != f"Bearer {API_KEY}":
            return Response("no", 401)
        texts = (await request.body()).split(b"\n")
        if len(texts) > self.lines_max:
            return Response("no", 413)
        self.batches.append(len(texts))
        answers = []
        for number, text in enumerate(texts, 1):
            body = json.loads(text)
            key = (body["type"], body["id"])
            verdict = "duplicate" if self.lines.get(key) == text.decode() else "accepted"
            self.lines[key] = text.decode()
            answers.append({"line": number, "verdict": verdict, "click_id": "x" * 36})
        return Response("\n".join(map(json.dumps, answers)))

    async def _hit(self, request: Request) -> Response:
        status = next(self.failures, 302)
        if status != 302:
            return Response("no", status)
        self.hits.append(request)
        return Response(status_code=302, headers={"clew-verdict": self.verdict, "set-cookie": "clew_v=1"})


class Waits(list[float]):
    """A sleep that advances a clock instead of waiting."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        self._clock.step_us(int(seconds * 1e6))
        await asyncio.sleep(0)


class Scene:
    """A fake Clew, a clock and an order."""

    def __init__(self, folder: Path, text: str, name: str) -> None:
        self.clew = FakeClew()
        self.clock = ManualClock(1_764_000_000_000_000)
        self.waits = Waits(self.clock)
        self.told: list[ReplayProgress] = []
        self.order = ReplayOrder(
            file=written(folder, text),
            mapping=mapping_of(name),
            to="http://clew.example/",
            api_key=API_KEY,
            state_dir=folder / "state",
        )

    def run(self, **changes: Any) -> ReplayReport:
        order = replace(self.order, **changes)
        return asyncio.run(replay(order, self.clock, self.told.append, transport=self.clew.transport, sleep=self.waits))


@pytest.fixture
def clicks(tmp_path: Path) -> Scene:
    return Scene(tmp_path, CLICKS, "talkingdata")


@pytest.fixture
def log(tmp_path: Path) -> Scene:
    return Scene(tmp_path, ACCESS_LOG, "access_log")


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH_LINES_MAX", 2)
    monkeypatch.setattr(run, "BATCHES_IN_FLIGHT_MAX", 1)
    monkeypatch.setattr(run, "WINDOW_HITS_MAX", 2)


def test_all_lines_are_sent_once_and_answered(clicks: Scene) -> None:
    report = clicks.run()
    assert report.as_json() == {
        "lines": 5,
        "sent": 7,
        "verdicts": {"accepted": 7},
        "problems": 0,
        "problem_lines": [],
        "resumed_from": 0,
        "was_finished": False,
    }
    assert [kind for kind, _ in clicks.clew.lines].count("conversion") == 2
    assert clicks.told[-1].bytes_done == clicks.told[-1].bytes_total


def test_a_second_replay_changes_nothing(clicks: Scene) -> None:
    clicks.run()
    seen = dict(clicks.clew.lines)
    assert clicks.run().as_json()["verdicts"] == {"duplicate": 7}
    assert clicks.run(state_dir=None, rate=1_000.0).as_json()["verdicts"] == {"duplicate": 7}
    assert clicks.clew.lines == seen


@pytest.mark.usefixtures("small_windows")
def test_a_stopped_replay_continues(clicks: Scene) -> None:
    clicks.clew.failures = iter([200, 200, *[503] * 1_000])
    with pytest.raises(ReplayError, match="answers 503; when it runs again, the same command continues"):
        clicks.run()
    assert 100 < sum(clicks.waits) <= 120 and max(clicks.waits) == 7.0
    assert 0 < len(clicks.clew.lines) < 7
    clicks.clew.failures, clicks.clew.batches = iter(()), []
    report = clicks.run()
    assert report.resumed_from > 0
    assert (report.lines, report.sent, dict(report.verdicts)) == (5, 7, {"accepted": 7})
    assert sum(clicks.clew.batches) < 7, "what was done is not sent again, but for one row that asks"
    assert len(clicks.clew.lines) == 7


@pytest.mark.usefixtures("small_windows")
def test_a_stopped_replay_restarts_for_new_data(clicks: Scene) -> None:
    clicks.clew.failures = iter([200, 200, *[503] * 1_000])
    with pytest.raises(ReplayError):
        clicks.run()
    clicks.clew.failures = iter(())
    clicks.clew.lines.clear()
    report = clicks.run()
    assert report.resumed_from == 0
    assert (report.lines, report.sent, dict(report.verdicts)) == (5, 7, {"accepted": 7})
    assert len(clicks.clew.lines) == 7


def test_temporary_failures_are_retried(clicks: Scene) -> None:
    clicks.clew.failures = iter([503, 429, 500])
    assert clicks.run().as_json()["verdicts"] == {"accepted": 7}
    assert clicks.waits == [7.0, 7.0, 7.0]
    assert clicks.told[-1].retries == 3


def test_a_smaller_limit_of_lines_is_obeyed(clicks: Scene) -> None:
    clicks.clew.lines_max = 2
    assert clicks.run().as_json()["verdicts"] == {"accepted": 7}
    assert max(clicks.clew.batches) <= 2
    clicks.clew.lines_max = 0
    report = clicks.run()
    assert dict(report.verdicts) == {"too_large": 7}
    assert report.problems == 7


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"api_key": ""}, "needs an API key"),
        ({"api_key": "another"}, "refuses the API key"),
        ({"rate": 0.0}, "--rate must be"),
        ({"rate": float("inf")}, "--rate must be"),
        ({"rate": float("nan")}, "--rate must be"),
        ({"to": "127.0.0.1:8080"}, "--to must be the tracking URL"),
        ({"to": "ftp://clew.example"}, "--to must be the tracking URL"),
        ({"to": "https://clew.example/?a=b"}, "--to must be the tracking URL"),
    ],
)
def test_replays_that_cannot_run_say_why(clicks: Scene, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ReplayError, match=says) as error:
        clicks.run(**changes)
    assert API_KEY not in str(error.value)
    assert clicks.clew.lines == {}


def test_an_unreachable_server_is_reported_soon(clicks: Scene) -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused")

    clicks.clew.transport = httpx.MockTransport(refuse)  # type: ignore[assignment]
    with pytest.raises(ReplayError, match=r"clew\.example cannot be reached: connection refused"):
        clicks.run()
    assert sum(clicks.waits) <= 10


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (404, "Not Found", "answered 404: Not Found"),
        (200, '{"verdict":"accepted"}', "answered 1 of 7"),
        (200, "x\n" * 7, "other than a verdict"),
    ],
)
def test_another_server_is_reported(clicks: Scene, status: int, body: str, says: str) -> None:
    clicks.clew.transport = httpx.MockTransport(lambda _request: httpx.Response(status, text=body))  # type: ignore[assignment]
    with pytest.raises(ReplayError, match=says):
        clicks.run()


def test_the_rate_is_limited(clicks: Scene) -> None:
    begin_s = clicks.clock.monotonic_s()
    clicks.run(rate=2.0)
    assert max(clicks.clew.batches) <= 2
    assert 2.5 <= clicks.clock.monotonic_s() - begin_s <= 4


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"verdict": "malformed", "reason": "malformed", "field": "goal"}, "malformed: goal"),
        (
            {"verdict": "malformed", "reason": "malformed", "field": "ts", "detail": "it is before 1970"},
            "malformed: ts: it is before 1970",
        ),
        ({"verdict": "rejected", "reason": "bad_status", "detail": "declined"}, "rejected: bad_status: declined"),
        ({"verdict": "conflict"}, "conflict"),
    ],
)
def test_refused_events_are_listed_with_line_and_reason(clicks: Scene, answer: dict[str, str], message: str) -> None:
    text = "\n".join(map(json.dumps, [{"verdict": "accepted"}] * 6 + [answer]))
    clicks.clew.transport = httpx.MockTransport(lambda _request: httpx.Response(200, text=text))  # type: ignore[assignment]
    report = clicks.run()
    assert dict(report.verdicts) == {"accepted": 6, answer["verdict"]: 1}
    assert [(problem.line, problem.message) for problem in report.shown] == [(6, message)]


def test_access_log_lines_are_gets_of_a_link(log: Scene) -> None:
    report = log.run()
    assert (report.lines, report.sent, dict(report.verdicts), report.problems) == (5, 4, {"accepted": 4}, 1)
    assert report.shown[0].line == 3
    first = next(hit for hit in log.clew.hits if hit.headers.get("x-forwarded-for") == "192.0.2.1")
    assert parse_qs(first.url.query)["sub1"] == ["/a?b=c%20d&e"]
    assert first.headers["referer"] == 'http://r.test?q="x"'
    assert sorted("user-agent" in hit.headers for hit in log.clew.hits) == [False, False, True, True]
    assert not any("cookie" in hit.headers for hit in log.clew.hits), "every hit is another visitor"


def test_hits_are_sent_again_only_with_again(log: Scene) -> None:
    log.run()
    report = log.run()
    assert (report.was_finished, report.lines, report.sent, len(log.clew.hits)) == (True, 5, 0, 4)
    assert log.run(again=True).sent == 4 and len(log.clew.hits) == 8
    log.clew.installation = "two"
    assert log.run().sent == 4, "another installation has seen none of them"
    assert log.run(api_key="of another program").sent == 4


@pytest.mark.usefixtures("small_windows")
def test_a_stopped_replay_of_hits_continues(log: Scene) -> None:
    log.clew.failures = iter([302, 302, *[503] * 1_000])
    with pytest.raises(ReplayError):
        log.run()
    log.clew.failures = iter(())
    report = log.run()
    assert (report.lines, report.sent, report.problems, len(log.clew.hits)) == (5, 4, 1, 4)


def test_an_unrecorded_click_is_retried(log: Scene) -> None:
    log.clew.verdict = "unrecorded"
    report = log.run()
    assert dict(report.verdicts) == {"unrecorded": 4}
    assert report.problems == 5 and len(log.waits) > 4


def test_impressions_are_pixels(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "l,u\na,x y\n", "access_log")
    text = '[source]\nmode = "clicks"\n[[event]]\ntype = "impression"\nlink = "{l}"\nuser_id = "{u}"\n'
    scene.run(mapping=parsed(text), api_key="")
    assert [(hit.url.path, hit.url.query) for hit in scene.clew.hits] == [("/i/a.gif", "user_id=x+y")]


def test_progress_that_cannot_be_saved_stops_the_replay_first(log: Scene, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(ReplayError, match="progress cannot be saved"):
        log.run(state_dir=tmp_path / "a file")
    assert log.clew.hits == []


def test_offers_by_name_have_numbers_without_a_program(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "t,o\n2018-01-02,Shoes\n2018-01-01,Hats\n", "journeys")
    text = (
        '[source]\n[[event]]\ntype = "conversion"\nts = "{t}"\noffer = "{o}"\nuser_id = "u"\n'
        '[program]\ncurrency = "USD"\nlanding_url = "https://shop.example/"\n'
    )
    scene.run(mapping=parsed(text))
    sent = dict(scene.clew.lines)
    assert [json.loads(line)["offer_id"] for line in sent.values()] == [2, 1]
    program = program_of(scene.order.file, parsed(text))
    scene.run(mapping=parsed(text), program=program)
    assert scene.clew.lines == sent


def test_journeys_with_their_program(tmp_path: Path) -> None:
    scene = Scene(tmp_path, JOURNEYS, "journeys")
    program = program_of(scene.order.file, scene.order.mapping)
    assert scene.run(program=program).as_json()["verdicts"] == {"accepted": 5}
    assert scene.run().as_json()["verdicts"] == {"duplicate": 5}
