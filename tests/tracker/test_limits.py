"""Limits of size, number, time and waiting, and a log that fails (docs/contract.md, sections 2.1 and 2.2)."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from eventlog.port import LogUnavailable
from program.program import Secrets
from runtime import metrics
from runtime.bounded_wait import BoundedWait, TooManyWaiting
from runtime.settings import HttpSettings, TrackerSettings
from tests.tracker.edge_fixture import API_KEY, SECRET, Answer, Stage, form, program, run, together
from tests.tracker.test_events import change, sale, touch
from tests.tracker.test_postbacks import token

AUTHORIZED = [(b"authorization", f"Bearer {API_KEY}".encode())]
SALE = f"/postback?click_id={token()}&secret={SECRET}&amount=5"


def small(**settings: int) -> Stage:
    return Stage(settings=TrackerSettings(**settings))  # type: ignore[arg-type]


# ----------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("announced", [True, False])
def test_long_bodies(announced: bool) -> None:
    stage = small(postback_body_bytes_max=100, batch_body_bytes_max=100)
    length = [(b"content-length", b"101")] if announced else []
    for path, headers, kind in (("/postback", length, "conversion"), ("/v1/events", length + AUTHORIZED, "event")):
        answer = run(stage.ask("POST", path, headers=headers, body=[b"x" * 60, b"x" * 41]))
        assert (answer.status, answer.json["field"]) == (413, "body")
        assert (stage.rejected[-1].kind, stage.rejected[-1].reason) == (kind, "too_large")
        assert run(stage.ask("POST", path, headers=AUTHORIZED, body=[b"x" * 50, b"x" * 50])).status != 413


def test_many_lines() -> None:
    stage = small(batch_lines_max=3)
    assert stage.events(*[touch(id=str(number)) for number in range(3)]).status == 200
    assert stage.events(*[touch(id=str(number)) for number in range(2)], b"").status == 200
    answer = stage.events(*[touch(id=f"n{number}") for number in range(4)])
    assert (answer.status, answer.json["field"]) == (413, "lines")
    assert len(stage.touches) == 3 and [event.field for event in stage.rejected] == ["lines"]
    assert stage.events(b"\n" * 5).status == 413


NAME = "n" * 4_000_000


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(touch(**{NAME: "x"})).encode(),
        json.dumps(touch(**{"a`" + NAME: "x"})).encode(),
        b'{"id":"a","' + NAME.encode() + b'":1,"' + NAME.encode() + b'":2}',
        json.dumps(sale(status=NAME)).encode(),
        json.dumps(change(kind="'" + NAME)).encode(),
    ],
    ids=["unknown", "with a quote", "twice", "value", "value with a quote"],
)
def test_names_and_values_in_refusals_of_lines_are_short(line: bytes) -> None:
    stage = small(batch_body_bytes_max=len(line))
    answer = stage.events(line)
    (refusal,) = answer.lines
    assert refusal["verdict"] == "malformed" and len(answer.body) < 3_000
    assert len(refusal["field"]) <= 128 and "n" * 129 not in refusal["detail"]
    (event,) = stage.rejected
    assert len(event.field) <= 128 and len(event.detail) <= 512


def test_names_in_refusals_are_shortened_with_an_ellipsis_and_keep_the_fix(stage: Stage) -> None:
    refusal = stage.line(touch(**{"é" * 129: "x"}))
    assert (refusal["field"], refusal["detail"]) == (
        "é" * 127 + "…", "Object contains unknown field `" + "é" * 127 + "…`",
    )  # fmt: skip
    assert stage.line(touch(**{"é" * 128: "x"}))["field"] == "é" * 128
    postback = stage.postback(click_id=token(), **{"p" * 4_000: "x"})
    assert (postback.status, postback.json["field"]) == (400, "p" * 127 + "…")
    assert postback.json["detail"].endswith("control characters")


def test_a_shortened_secret_is_not_stored() -> None:
    secret = "k" * 200
    stage = Stage(program=msgspec.structs.replace(program(), secrets=Secrets((API_KEY, secret), {})))
    stage.events(touch(**{secret: "x"}), sale(status=secret))
    assert len(stage.rejected) == 2 and "k" * 100 not in repr(stage.rejected)


def test_lines_with_many_names_are_read_in_linear_time() -> None:
    line = json.dumps(touch() | {f"a{number}": 1 for number in range(60_000)} | {"custom": {"a": "b"}}).encode()
    stage = small(batch_body_bytes_max=len(line))
    begun = time.process_time()
    assert stage.events(line).lines[0]["verdict"] == "malformed"
    assert time.process_time() - begun < 5.0  # comparing each name with each takes minutes


def test_slow_bodies() -> None:
    stage = small(body_timeout_ms=20)
    scope_headers = AUTHORIZED

    async def never() -> Any:
        await asyncio.Event().wait()

    async def ask(path: str) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": scope_headers, "client": ("203.0.113.9", 1), "scheme": "http", "root_path": "",
        }  # fmt: skip
        await stage.app(scope, never, send)
        return int(sent[0]["status"])

    assert [asyncio.run(ask(path)) for path in ("/postback", "/v1/events")] == [408, 408]
    assert stage.stored("hits") == [] and stage.stored("conversions") == []


# ------------------------------------------------------------------------------------------------- a log that fails


def test_a_redirect_always_redirects(stage: Stage) -> None:
    before = _count("clew_clicks_unrecorded_total")
    for error in (LogUnavailable("full"), RuntimeError("a bug"), OSError("disk")):
        stage.producer.failing, stage.producer.error = {"append"}, error
        answer = stage.click(sub1="a")
        assert (answer.status, answer.verdict) == (302, "unrecorded")
        refused = stage.get("/c/nope")
        assert (refused.status, refused.location, refused.verdict) == (302, "https://acme.example/none", "unrecorded")
        pixel = stage.get("/i/bl-shoes.gif")
        assert (pixel.status, pixel.verdict, len(pixel.body)) == (200, "unrecorded", 43)
    assert stage.stored("hits") == []
    assert _count("clew_clicks_unrecorded_total") - before == 9


def test_an_unrecorded_click_still_lands_with_a_signed_id(stage: Stage) -> None:
    stage.producer.failing = {"append"}
    click_id = stage.click().param("cid")
    stage.producer.failing = set()
    assert stage.postback(click_id=click_id).json["verdict"] == "accepted"


def test_a_hit_that_breaks_without_a_fallback_is_404() -> None:
    stage = Stage(program=program(fallback_url=""))
    stage.producer.failing, stage.producer.error = {"append"}, RuntimeError("a bug")
    assert (stage.click().status, stage.click().verdict) == (404, "unrecorded")


@pytest.mark.parametrize("failing", ["append", "decide:conversions"])
def test_a_postback_that_is_not_durable_is_503(stage: Stage, failing: str) -> None:
    stage.producer.failing = {failing}
    target = SALE if failing == "decide:conversions" else SALE + "&goal=nope"
    for more in ("", "&offer_id=101&test=0"):
        answer = stage.get(target + more)
        assert (answer.status, answer.headers["retry-after"]) == (503, "3")
        assert answer.json["error"] == "unavailable" and "verdict" not in answer.json
    assert stage.stored("hits") == [] and stage.stored("conversions") == []


@pytest.mark.parametrize("failing", ["append", "decide:conversions", "decide:hits"])
def test_a_batch_that_is_not_durable_is_503(stage: Stage, failing: str) -> None:
    stage.producer.failing = {failing}
    lines = [touch(), sale(), change(), touch(id="bad", offer_id=999)]
    answer = stage.events(*lines)
    assert (answer.status, answer.headers["retry-after"]) == (503, "3")
    stage.producer.failing = set()
    again = stage.events(*lines)
    assert again.status == 200 and again.lines[3]["verdict"] == "rejected"
    assert {line["verdict"] for line in again.lines[:3]} <= {"accepted", "duplicate"}


def test_a_log_that_hangs() -> None:
    stage = small(redirect_append_timeout_ms=40, append_timeout_ms=40)
    stage.producer.hanging = True
    click, pixel = stage.click(), stage.get("/i/bl-shoes.gif")
    assert (click.status, click.verdict, pixel.status, pixel.verdict) == (302, "unrecorded", 200, "unrecorded")
    assert stage.get(SALE).status == 503
    assert stage.events(touch()).status == 503
    stage.producer.hanging = False
    # Not at once on a busy machine: 40 ms may pass before the log is asked.
    assert any(stage.click().verdict == "accepted" for _ in range(50))


def test_crowds() -> None:
    stage = small(inflight_max=3, redirect_append_timeout_ms=30_000, append_timeout_ms=30_000)
    asks: list[Callable[[], Any]] = [lambda: stage.ask("GET", SALE)] * 2 + [lambda: stage.ask("GET", "/c/bl-shoes")] * 4
    answers: list[Answer] = together(*asks)
    assert [answer.status for answer in answers] == [200, 200, 302, 302, 302, 302]
    assert [answer.verdict for answer in answers[2:]] == ["accepted"] + ["unrecorded"] * 3
    crowd: list[Answer] = together(*([lambda: stage.ask("GET", SALE)] * 5))
    assert [answer.status for answer in crowd] == [200] * 3 + [503] * 2
    assert stage.get(SALE).status == 200


def test_patience() -> None:
    async def outline() -> None:
        bounded_wait = BoundedWait(2, 0.005)
        assert await bounded_wait.wait(lambda: asyncio.sleep(0, "done"), 60.0) == "done"
        with pytest.raises(TimeoutError):
            await bounded_wait.wait(lambda: asyncio.Event().wait(), 0.01)
        with pytest.raises(ValueError, match="mine"):
            await bounded_wait.wait(_raises, 60.0)
        waiting = [asyncio.create_task(_wait(bounded_wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaiting):
            await bounded_wait.wait(lambda: asyncio.sleep(0), 60.0)
        for task in waiting:
            task.cancel()
        assert await asyncio.gather(*waiting, return_exceptions=True) != []
        assert all(task.cancelled() for task in waiting)  # cancelled from outside is no timeout
        assert await bounded_wait.wait(lambda: asyncio.sleep(0, 1), 60.0) == 1
        await asyncio.sleep(0.02)
        assert await bounded_wait.wait(lambda: asyncio.sleep(0.012, 2), 60.0) == 2

    asyncio.run(outline())


async def _wait(bounded_wait: BoundedWait) -> None:
    await bounded_wait.wait(lambda: asyncio.Event().wait(), 60.0)


async def _raises() -> None:
    raise ValueError("mine")


# ---------------------------------------------------------------------------------------------------------- probes


def test_probes(stage: Stage) -> None:
    assert (stage.get("/healthz").status, stage.get("/healthz").body) == (200, b"ok")
    assert stage.get("/readyz").status == 200
    stage.producer.trouble = "the disk is full"
    assert (stage.get("/readyz").status, stage.get("/readyz").body) == (503, b"the disk is full")
    stage.producer.unusual = "records wait in the local log"
    assert (stage.get("/readyz").status, stage.get("/readyz").body) == (503, b"the disk is full")
    stage.producer.trouble = ""
    assert (stage.get("/readyz").status, stage.get("/readyz").body) == (200, b"ready: records wait in the local log")
    stage.click()
    shown = stage.get("/metrics", peer="127.0.0.1")
    assert shown.status == 200 and shown.headers["content-type"].startswith("text/plain")
    assert b'clew_http_requests_total{route="click",status="302"}' in shown.body


@pytest.mark.parametrize(
    ("peer", "header", "status"),
    [
        ("127.0.0.1", "", 200),
        ("::1", "", 200),
        ("::ffff:127.0.0.1", "", 200),
        ("203.0.113.9", "", 403),
        (None, "", 403),
        ("127.0.0.1", "x-forwarded-for: 203.0.113.9", 403),
        ("127.0.0.1", "x-forwarded-for: 127.0.0.1, 203.0.113.9", 403),
        ("127.0.0.1", "forwarded: for=203.0.113.9", 403),
        ("127.0.0.1", "x-forwarded-for: 127.0.0.2", 200),
    ],
)
def test_metrics_are_for_named_networks(stage: Stage, peer: str | None, header: str, status: int) -> None:
    name, _, value = header.partition(": ")
    headers = [(name.encode(), value.encode())] if name else []
    answer = stage.get("/metrics", peer=peer, headers=headers)
    assert answer.status == status
    if status == 403:
        assert answer.json["fix"] and b"clew_hits_total" not in answer.body


def test_other_networks_may_be_named() -> None:
    stage = Stage(http=HttpSettings(metrics_networks="10.0.0.0/8, 2001:db8::/32"))
    for peer, status in (("10.1.2.3", 200), ("2001:db8::1", 200), ("127.0.0.1", 403)):
        assert stage.get("/metrics", peer=peer).status == status
    with pytest.raises(ValueError, match="metrics_networks"):
        HttpSettings(metrics_networks="everybody")


@pytest.mark.parametrize("path", ["/postback/", "/v1/events/", "/healthz/", "/postback//"])
def test_a_trailing_slash_is_the_same_route_and_never_a_redirect(stage: Stage, path: str) -> None:
    answer = stage.get(f"{path}?secret=abc", headers=[(b"host", b"evil.example")])
    assert "location" not in answer.headers and answer.status == stage.get(path.rstrip("/")).status


def test_a_client_that_hangs_up_is_no_server_error(stage: Stage) -> None:
    label = {"route": "postback", "status": "499"}
    before = _count("clew_http_requests_total", **label)
    run(stage.hang_up("/postback"))
    assert _count("clew_http_requests_total", **label) == before + 1


def test_unknown_paths_and_methods(stage: Stage) -> None:
    assert (stage.get("/nothing").status, stage.get("/nothing").json["field"]) == (404, "path")
    assert (stage.get("/v1/events").status, stage.get("/v1/events").headers["allow"]) == (405, "POST")


def test_hits_and_answers_are_counted(stage: Stage) -> None:
    names: list[tuple[Any, dict[str, str]]] = [
        ("clew_hits_total", {"kind": "click", "verdict": "accepted"}),
        ("clew_hits_total", {"kind": "click", "verdict": "unknown_link"}),
        ("clew_hits_total", {"kind": "impression", "verdict": "accepted"}),
        ("clew_hits_total", {"kind": "conversion", "verdict": "accepted"}),
        ("clew_hits_total", {"kind": "conversion", "verdict": "duplicate"}),
        ("clew_hits_total", {"kind": "conversion", "verdict": "conflict"}),
        ("clew_hits_total", {"kind": "conversion", "verdict": "access_denied"}),
        ("clew_hits_total", {"kind": "event", "verdict": "malformed"}),
        ("clew_hits_total", {"kind": "adjustment", "verdict": "conversion_not_found"}),
        ("clew_http_requests_total", {"route": "postback", "status": "403"}),
        ("clew_http_requests_total", {"route": "events", "status": "200"}),
        ("clew_http_requests_total", {"route": "other", "status": "404"}),
    ]
    before = [_count(name, **labels) for name, labels in names]
    for target in (
        "/c/bl-shoes",
        "/c/nope",
        "/i/bl-shoes.gif",
        SALE,
        SALE,
        SALE + "1",
        f"/postback?click_id={token()}",
    ):
        stage.get(target)
    stage.get(f"{SALE}&txn_id=new&action=refund&refund_id=r")
    stage.events(b"x")
    stage.get("/nothing")
    assert [_count(name, **labels) for name, labels in names] == [value + 1 for value in before]


def _count(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


def test_an_unexpected_error_is_500(stage: Stage) -> None:
    stage.producer.failing, stage.producer.error = {"decide:conversions"}, RuntimeError("a bug")
    with pytest.raises(RuntimeError, match="a bug"):  # the server logs it
        stage.get(SALE)


def test_everything_over_json_is_well_formed(stage: Stage) -> None:
    for target in ("/postback", "/nothing", SALE, f"/postback?{form({'click_id': 'ü' * 40})}"):
        assert isinstance(json.loads(stage.get(target).body), dict)
