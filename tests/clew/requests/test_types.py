"""Requests: fields are checked where they come in, and an error names the field."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from clew.requests.http_api import create_api
from clew.requests.types import REQUESTS, BadRequest, ReportRequest, Request, RunRequest, decode_request
from eventlog.memory import MemoryConsumer, MemoryLog
from ingest.loop import GROUP
from installation.address import find_address
from installation.engine import Engine
from installation.program_file import load_program
from runtime.clock import SystemClock
from runtime.engine_key import partner_token
from runtime.settings import Settings
from tests.serving import PROGRAM
from warehouse.port import Warehouse

KEY = "operator-key"
CONTROL_KEY = "key-of-the-control-plane-for-tests"


@pytest.mark.parametrize(
    ("name", "fields", "field", "detail"),
    [
        ("report", {}, "name", "missing; send it"),
        (
            "report",
            {"name": "kpi", "nope": 1},
            "nope",
            "report has no such field; it has name, by, from, to, partners, offers, filters, order, limit, offset",
        ),
        ("report", {"name": "kpi", "from": 20260101}, "from", "must be text, not a whole number"),
        ("explain", {"conversion_id": ""}, "conversion_id", "empty; give a value, or leave it out"),
        ("problems", {"by": "x"}, "by", "problems has no such field; it has none"),
        ("audit", {"timeout": "soon"}, "timeout", "must be a number, not text"),
        ("audit", {"timeout": 0}, "timeout", "must be greater than 0"),
        ("audit", {"timeout": 1e9}, "timeout", "must be at most 604800"),
        ("attribute", {"wait": 1}, "wait", "must be true or false, not a whole number"),
        ("run", {"models": "linear", "workers": 65}, "workers", "must be at most 64"),
        ("run", {"models": "linear", "workers": True}, "workers", "must be a whole number, not true or false"),
        ("run", {"models": "linear", "reuse": "never"}, "reuse", "must be one of reuse, consume, reset"),
        ("run", {"models": "linear", "conversions_min": -1}, "conversions_min", "must be at least 0"),
        ("diff", {"left": "a"}, "right", "missing; send it"),
        ("backup", {"to": None}, "to", "must be text, not null"),
    ],
)
def test_a_bad_field_is_named(name: str, fields: dict[str, Any], field: str, detail: str) -> None:
    with pytest.raises(BadRequest) as error:
        decode_request(REQUESTS[name], fields)
    assert error.value.field == field
    assert str(error.value) == f"{field}: {detail}"


@pytest.mark.parametrize(
    "request_",
    [
        ReportRequest(name="kpi", by="partner", from_="2026-01-01"),
        RunRequest(models="linear,markov", reuse="consume", stitch=True, workers=4, as_of="2026-01-01"),
    ],
)
def test_a_request_arrives_as_it_was_sent(request_: Request) -> None:
    body = request_.to_json()
    assert "from_" not in body and "from" in body
    assert decode_request(type(request_), body) == request_


@pytest.fixture
def api(warehouse: Warehouse, tmp_path: Path) -> TestClient:
    file = tmp_path / "program.toml"
    file.write_text(PROGRAM)
    address = find_address(None, "kafka://127.0.0.1:9", "clickhouse://127.0.0.1:9/clew", Settings())
    observer = MemoryConsumer(MemoryLog(), GROUP)
    engine = Engine(address, Settings(), load_program(file), SystemClock(), warehouse, observer, 1)
    return TestClient(create_api(engine, KEY, CONTROL_KEY), headers={"Authorization": f"Bearer {KEY}"})


@pytest.mark.parametrize(
    ("method", "path", "body", "error", "field"),
    [
        ("POST", "/operator/run", {"models": "linear", "workers": "4"},
         "workers: must be a whole number, not text", "workers"),
        ("POST", "/operator/run", {"workers": 4}, "models: missing; send it", "models"),
        ("POST", "/operator/attribute", {"wait": True, "running": True},
         "running: attribute has no such field; it has wait, timeout", "running"),
        ("GET", "/v1/reports/kpi?form=2026-01-01", None,
         "form: report has no such field; it has name, by, from, to, partners, offers, filters, order, limit, offset",
         "form"),
        ("GET", f"/v1/explain/{'0' * 32}?verbose=1", None,
         "verbose: explain has no such field; it has conversion_id, partners", "verbose"),
        ("POST", "/operator/nothing", {}, "there is no request 'nothing'; the server may be of another version", None),
        ("POST", "/operator/problems", [], "send one JSON object", None),
    ],
)  # fmt: skip
def test_the_api_answers_400_with_the_field(
    api: TestClient, method: str, path: str, body: Any, error: str, field: str | None
) -> None:
    answer = api.request(method, path, json=body)
    assert (answer.status_code, answer.json()["error"], answer.json().get("field")) == (400, error, field)


def test_the_api_answers_a_request_with_the_right_fields(api: TestClient) -> None:
    assert api.post("/operator/problems", json={}).json() == {"problems": []}
    report = api.get("/v1/reports/kpi", params={"by": "partner", "from": "2026-01-01", "to": "2026-02-01"})
    assert (report.status_code, report.json()["report"]) == (200, "kpi")
    missing = api.get(f"/v1/conversions/{'0' * 32}")
    assert (missing.status_code, "there is no conversion" in missing.json()["error"]) == (404, True)


def test_the_control_plane_asks_with_its_key_or_with_a_token_of_one_partner(api: TestClient) -> None:
    def ask(request: str, key: str, **fields: Any) -> tuple[int, Any]:
        answer = api.post(f"/control/{request}", json=fields, headers={"Authorization": f"Bearer {key}"})
        return answer.status_code, answer.json()

    assert ask("problems", KEY)[0] == ask("problems", "")[0] == 401
    assert ask("problems", CONTROL_KEY) == (200, {"problems": []})
    assert ask("backup", CONTROL_KEY, to="/tmp/x")[0] == 400, "it may only read"
    token = partner_token(CONTROL_KEY, 7, SystemClock().now_us() // 1_000_000)
    assert ask("problems", token)[0] == ask("sql", token, sql="SELECT 1")[0] == 400
    for fields in ({}, {"partners": [8]}):
        status, report = ask("report", token, name="kpi", by="partner", **fields)
        assert status == 200
        assert not {"revenue", "profit"} & {column["name"] for column in report["columns"]}
    for order in ("revenue", "-profit"):
        status, refused = ask("report", token, name="kpi", by="partner", order=order)
        assert (status, refused["field"]) == (400, "order"), "the order of rows would tell what is hidden"
    assert ask("report", token, name="kpi", by="partner", order="-payout")[0] == 200
    for field in ("shows", "show_revenue", "revenue"):  # what a request says about itself opens nothing
        assert ask("report", token, name="kpi", by="partner", **{field: True})[0] == 400
    assert ask("report", token.replace(".7.", ".7.revenue."), name="kpi")[0] == 401

    def money_columns(*shows: str) -> set[str]:
        opened = partner_token(CONTROL_KEY, 7, SystemClock().now_us() // 1_000_000, frozenset(shows))
        _, report = ask("report", opened, name="kpi", by="partner", order=f"-{shows[0]}")
        return {"revenue", "payout", "profit"} & {column["name"] for column in report["columns"]}

    assert money_columns("revenue") == {"revenue", "payout"}
    assert money_columns("revenue", "profit") == {"revenue", "payout", "profit"}
    assert ask("report", partner_token("x" * 32, 7, 0), name="kpi")[0] == 401
