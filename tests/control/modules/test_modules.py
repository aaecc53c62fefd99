"""The switch of modules: what it does to pages, the API, lists, jobs and events, and who may use it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from control.accounts.actor import command_line
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.errors import Conflict, NotFound
from control.exports.services import start_export
from control.jobs.models import Job
from control.jobs.queue import enqueue, schedule, take
from control.jobs.registry import find_task
from control.modules.config import ModuleConfig, modules
from control.modules.models import ModuleSwitch
from control.modules.services import switch_module
from control.modules.states import STATES_AGE_MAX_S, Switches, is_on, module_of_page, module_of_route, switches
from control.partners.services import create_partner
from control.webhooks.models import Delivery
from control.webhooks.services import create_webhook
from runtime.clock import ManualClock
from tests.control.api.conftest import Api, api  # noqa: F401 - a fixture
from tests.control.console.installation import Console

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BOSS = command_line()
PLACES = {
    "applications": ("/console/applications/", "/applications"),
    "contracts": ("/console/contracts/", "/contracts"),
    "exports": ("/console/exports/", "/exports"),
    "territories": ("/console/territories/", "/territories"),
    "leads": ("/console/leads/", "/leads"),
    "imports": ("/console/imports/new/?type=partners", "/imports"),
    "webhooks": ("/console/webhooks/new/", "/webhooks/event-types"),
}
FOR_PARTNERS = {"portal"}
"""Modules whose pages are in the portal; its tests switch it off."""
ON_OTHER_PAGES = {"timeline"}
"""Modules without a list of their own: what they add is on the pages of others."""


def test_every_module_says_what_it_is() -> None:
    assert {module.label for module in modules()} == {*PLACES, *FOR_PARTNERS, *ON_OTHER_PAGES}
    for module in modules():
        assert module.text.endswith(".") and module.text.count(".") == 1 and module.title.istitle(), module
        assert module.users() and {*module.needs} <= {*PLACES}
        assert (module.page_patterns() and module.api_routers) or module.portal_patterns()


def test_pages_and_resources_know_their_module() -> None:
    assert module_of_route("api/v1/webhooks/<webhook_id>/test") == "webhooks"
    assert module_of_route("api/v1/webhooks-of-others") is None and module_of_route("api/v1/jobs") is None
    assert module_of_route("console/imports/<uuid:import_id>/") == "imports"
    assert module_of_route("portal/more/") == module_of_page("portal_home") == "portal"
    assert module_of_page("console_export_file") == "exports" and module_of_page("console_home") is None


@sqlite
@pytest.mark.parametrize("label", PLACES)
def test_pages_and_resources_of_a_module_that_is_off(console: Console, label: str) -> None:
    page, place = PLACES[label]
    browser, client = console.browser("owner"), Api(_key())
    listed = f'href="{page.partition("new/")[0]}"'
    assert browser.get(page).status_code == client("GET", place)[0] == 200
    assert listed in browser.get("/console/settings/" if label == "webhooks" else "/console/").content.decode()

    for other in modules():
        if label in other.needs:
            switch_module(BOSS, other.label, False)
    switch_module(BOSS, label, False)
    gone, title = browser.get(page), label.capitalize()
    assert gone.status_code == 404 and f"<h1>{title} is off</h1>" in gone.content.decode()
    assert f'href="/console/settings/modules/{label}/"' in gone.content.decode()
    other = console.browser("partner_manager").get(page)
    assert other.status_code == (403 if label == "webhooks" else 404)
    assert "An owner or administrator can switch it on" in other.content.decode() or label == "webhooks"
    status, problem, _ = client("GET", place)
    assert (status, problem["detail"]) == (
        404, f"the module {title} is off; an owner or administrator can switch it on under Settings, Modules"
    )  # fmt: skip
    assert Client(HTTP_HOST="localhost").get(page).status_code == 302
    assert Api()("GET", place)[0] == Api("wrong")("GET", place)[0] == 401
    for shown in ("/console/", "/console/settings/", "/console/search/?q=port"):
        assert listed not in browser.get(shown).content.decode(), shown


@sqlite
def test_lists_offer_no_files_without_exports_and_imports(console: Console) -> None:
    browser = console.browser("owner")
    before = browser.get("/console/partners/").content.decode()
    assert "?export=csv" in before and "/console/imports/new/?type=partners" in before
    switch_module(BOSS, "exports", False)
    switch_module(BOSS, "imports", False)
    after = browser.get("/console/partners/").content.decode()
    assert "export=csv" not in after and "imports/new" not in after and "Blue Lagoon" in after
    for address in ("/console/partners/", "/console/reports/", "/console/conversions/", "/console/audit/"):
        answer = browser.get(f"{address}?export=csv")
        assert answer.status_code == 404 and "Exports is off" in answer.content.decode(), address


@sqlite
def test_jobs_of_a_module_wait_while_it_is_off(database: object) -> None:
    start_export(BOSS, "partners", "csv", {})
    now = timezone.now()
    switch_module(BOSS, "exports", False)
    with acting(BOSS):
        enqueue("exports.drop_old")
    taken = take("worker", now + timedelta(minutes=1), 30)
    assert taken is not None and taken.task == "exports.drop_old"  # what is too old goes, whatever is off
    assert take("worker", now + timedelta(minutes=1), 30) is None
    assert Job.objects.get(task="exports.make").attempts == 0
    switch_module(BOSS, "exports", True)
    made = take("worker", now + timedelta(minutes=1), 30)
    assert made is not None and made.task == "exports.make"


@sqlite
def test_no_event_is_stored_or_sent_without_webhooks(database: object) -> None:
    create_webhook(BOSS, {"url": "https://crm.example/", "events": ["*"]})
    create_partner(BOSS, {"name": "Blue"}, "active")
    waiting = Delivery.objects.count()
    switch_module(BOSS, "webhooks", False)
    create_partner(BOSS, {"name": "Red"}, "active")
    assert Delivery.objects.count() == waiting == 1
    start = find_task("webhooks.start")
    with acting(BOSS):
        assert start.is_needed() and not schedule(start, timezone.now())
    switch_module(BOSS, "webhooks", True)
    create_partner(BOSS, {"name": "Green"}, "active")
    assert Delivery.objects.count() == 2
    with acting(BOSS):
        assert schedule(start, timezone.now() + timedelta(seconds=2))


def test_a_switch_is_audited_and_repeated_without_effect(database: object) -> None:
    switch_module(BOSS, "imports", True)  # it is on already
    assert not ModuleSwitch.objects.exists()
    switch_module(BOSS, "imports", False, "Too risky")
    switch_module(BOSS, "imports", False)
    event = AuditEvent.objects.get(object_type="modules.moduleswitch")
    assert (event.object_id, event.action, event.reason, event.after["is_on"]) == (
        "imports", "created", "Too risky", False
    )  # fmt: skip
    switch_module(BOSS, "imports", True)
    assert is_on("imports")
    assert AuditEvent.objects.filter(object_type="modules.moduleswitch").latest("pk").before == {"is_on": False}


@sqlite
def test_a_module_that_another_one_needs(database: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(_module("imports")), "needs", ("exports", "webhooks"))
    with pytest.raises(Conflict, match="Exports is needed by Imports; switch off Imports first"):
        switch_module(BOSS, "exports", False)
    switch_module(BOSS, "imports", False)
    switch_module(BOSS, "exports", False)
    switch_module(BOSS, "webhooks", False)
    with pytest.raises(Conflict, match="Imports needs Exports and Webhooks; switch on Exports and Webhooks first"):
        switch_module(BOSS, "imports", True)
    with acting(BOSS):  # two people at once, on a database without locks of rows that are not there
        ModuleSwitch.objects.filter(module="imports").update(is_on=True)
    switches.forget()
    assert not is_on("imports")


@sqlite
def test_unknown_modules(database: object) -> None:
    for label in ("nowhere", "partners", "x" * 200):
        with pytest.raises(NotFound, match="there is no module"):
            switch_module(BOSS, label, False)


@sqlite
def test_another_process_follows_within_seconds(database: object) -> None:
    clock = ManualClock(0)
    other = Switches(clock)
    assert other.stored() == {}
    switch_module(BOSS, "imports", False)
    assert not is_on("imports")
    assert other.stored() == {}
    clock.step_us(int(STATES_AGE_MAX_S * 1_000_000))
    assert other.stored() == {"imports": False}


@sqlite
def test_requests_share_one_query(console: Console) -> None:
    browser = console.browser("owner")
    browser.get("/console/")
    with CaptureQueriesContext(connection) as queries:
        for _ in range(3):
            browser.get("/console/people/")
    assert len([query for query in queries if "moduleswitch" in query["sql"]]) <= 1


@sqlite
def test_api(api: Callable[..., Api]) -> None:  # noqa: F811
    client = api()
    status, listed, _ = client("GET", "/modules")
    assert status == 200 and [item["id"] for item in listed["items"]] == [
        "applications",
        "contracts",
        "exports",
        "imports",
        "leads",
        "timeline",
        "portal",
        "territories",
        "webhooks",
    ]
    assert listed["items"][3]["users"] == ["Owner", "Administrator", "Partner manager"]
    status, shown, answer = client("GET", "/modules/imports")
    assert (status, shown["on"], shown["needs"]) == (200, True, [])
    assert client("PATCH", "/modules/imports", {"on": False})[0] == 412
    status, shown, _ = client("PATCH", "/modules/imports", {"on": False}, **{"If-Match": answer["ETag"]})
    assert (status, shown["on"]) == (200, False)
    assert client("PATCH", "/modules/imports", {"on": True}, **{"If-Match": answer["ETag"]})[0] == 412
    assert client("PATCH", "/modules/imports", {}, **{"If-Match": "*"})[1]["on"] is False
    assert client("PATCH", "/modules/imports", {"on": "perhaps"}, **{"If-Match": "*"})[0] == 422
    assert client("PATCH", "/modules/nowhere", {"on": True}, **{"If-Match": "*"})[0] == 404
    assert client("PATCH", "/modules/imports", {"on": True}, **{"If-Match": "*"})[1]["on"] is True


def _key() -> str:
    from control.accounts.keys import make_key

    return make_key(BOSS, "all", "admin")[1]


def _module(label: str) -> ModuleConfig:
    return next(module for module in modules() if module.label == label)
