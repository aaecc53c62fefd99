"""Exports in the console: lists that are long become the work of a job; the page shows, gives and deletes files."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse

from control.accounts.roles import Role
from control.audit.origin import acting
from control.console.lists import export as lists
from control.console.lists.spec import _specs
from control.errors import Forbidden, Invalid
from control.exports.models import Export, ExportState
from control.exports.registry import Opened, find_table
from control.exports.services import make_export, start_export
from tests.control.console.installation import Console

LIST = {"list": "partners", "query": "q=lagoon&columns=name,status"}


def _ask(console: Console, role: str, monkeypatch: pytest.MonkeyPatch) -> Export:
    monkeypatch.setattr(lists, "DIRECT_ROWS_MAX", 0)
    browser = console.browser(role)
    answer = browser.get(f"/console/partners/?{LIST['query']}&export=csv")
    given = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    assert json.loads(given["filters"])["list"] == "partners"
    question = browser.get(answer.headers["Location"]).content.decode()
    assert "Make the file" in question and Export.objects.count() == 0, "only a POST makes one"
    assert browser.post("/console/exports/new/list/csv/", given).headers["Location"] == "/console/exports/"
    return Export.objects.get()


def _page(console: Console, role: str) -> str:
    text: str = console.browser(role).get("/console/exports/").content.decode()
    return text


def test_a_long_list_is_exported_by_a_job(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _ask(console, "partner_manager", monkeypatch)
    waiting = _page(console, "partner_manager")
    assert "Waiting" in waiting and 'hx-trigger="every 3s"' in waiting
    address = f"/console/exports/{found.pk}/file/"
    browser = console.browser("partner_manager")
    assert browser.get(address).status_code == 404, "there is no file yet"
    actor = console.actor("partner_manager")
    with acting(actor):
        make_export(found.pk, actor)
    text = b"".join(browser.get(address)).decode("utf-8-sig")  # type: ignore[arg-type]
    assert console.own is not None and console.foreign is not None
    assert text.splitlines()[0] == "Partner,Status" and console.own.name in text and console.foreign.name not in text
    shown = _page(console, "partner_manager")
    assert "Ready" in shown and address in shown and 'hx-trigger="every 3s"' not in shown

    assert "No exports yet" in _page(console, "support")
    assert console.browser("support").get(address).status_code == 404
    assert "Partners" in _page(console, "owner") and address not in _page(console, "owner"), "others' files are closed"
    delete = {"do": "delete", "row": str(found.pk), "sure": "1"}
    console.browser("support").post("/console/exports/", delete)
    assert Export.objects.count() == 1
    console.browser("owner").post("/console/exports/", delete)
    assert Export.objects.count() == 0


def test_an_export_that_is_deleted_meanwhile_ends(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = console.actor("owner")
    with acting(actor):
        found = start_export(actor, "list", "csv", {"list": "partners", "query": ""})
    table = find_table("list")
    seen: list[str] = []

    def rows(*_arguments: Any) -> Opened:
        def values() -> Any:
            for number in range(5_000):
                if number == 3_000:
                    seen.append(Export.objects.get().state)
                    Export.objects.all().delete()
                assert number < 4_100, "it goes on"
                yield [str(number)]

        return Opened(["n"], values(), 5_000)

    monkeypatch.setattr(type(table), "open", rows)
    with acting(actor):
        make_export(found.pk, actor)
    assert seen == [ExportState.RUNNING] and not Export.objects.exists()


def test_who_may_export_what(console: Console) -> None:
    for role in Role.values:
        actor, table = console.actor(role), find_table("list")
        jobs = {"list": "jobs", "query": ""}
        if role not in ("analyst", "read_only"):
            assert table.check(actor, jobs) == jobs
        else:
            with pytest.raises(Forbidden):
                table.check(actor, jobs)
    boss = console.actor("owner")
    for resource, filters, field in (
        ("list", {"list": "moons"}, "filters.list"), ("list", {"list": "partners", "rows": 1}, "filters"),
        ("report", {"by": "moon"}, "by"), ("report", {"limit": 5}, "filters.limit"),
        ("report", {"by": "day", "filter": ["day=1"]}, "filter"), ("conversions", {"status": "sold"}, "filters.status"),
        ("moons", {}, "resource"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused, acting(boss):
            start_export(boss, resource, "csv", filters)
        assert refused.value.errors[0].field == field


def test_every_list_has_the_same_bound(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "DIRECT_ROWS_MAX", -1)
    browser, boss = console.browser("owner"), console.actor("owner")
    assert {"audit", "people", "offers", "plans", "coupons", "versions", "api-keys", "webhooks"} <= _specs.keys()
    for key, spec in _specs.items():
        answer = browser.get(f"{reverse(spec.url_name)}?export=csv")
        assert answer.status_code == 302 and "/exports/new/list/csv/" in answer.headers["Location"], key
        with acting(boss):
            made = start_export(boss, "list", "csv", {"list": key, "query": ""})
            make_export(made.pk, boss)
        made.refresh_from_db()
        assert (made.state, made.problem, made.label) == (ExportState.DONE, "", spec.title)
        assert made.rows_count == made.total_rows
