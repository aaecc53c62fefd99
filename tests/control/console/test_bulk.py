"""Changes of many rows: the question, the change, its undoing, and jobs that are killed."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from control.accounts.actor import command_line
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.console.lists import bulk as bulk_module
from control.console.lists.bulk import run_bulk, start_bulk, undo_bulk, undo_refusal
from control.console.lists.spec import find_spec
from control.console.models import BulkChange
from control.console.tasks import change_rows
from control.errors import Conflict, Forbidden
from control.jobs.models import Job
from control.jobs.registry import GiveUp
from control.partners.models import Partner
from control.partners.services import change_partner, create_partner, transition
from tests.control.console.installation import Console

LIST = "/console/partners/"
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def add(count: int, status: str = "active") -> list[str]:
    with acting(command_line()) as boss:
        return [str(create_partner(boss, {"name": f"Partner {index}"}, status).number) for index in range(count)]


def states(numbers: Sequence[str]) -> list[str]:
    return list(Partner.objects.filter(number__in=numbers).order_by("number").values_list("status", flat=True))


def post(browser: Client, numbers: Sequence[str], **values: Any) -> Any:
    return browser.post(LIST, {"row": [*numbers], **values})


def test_suspend_with_a_question_and_undo(console: Console) -> None:
    browser, numbers = console.browser("owner"), add(3)
    asked = post(browser, numbers, do="suspend")
    assert asked.status_code == 200
    page = asked.content.decode()
    assert "Suspend: 3 partners" in page and "Partner 0" in page and "links stop" in page
    assert states(numbers) == ["active"] * 3
    without_reason = post(browser, numbers, do="suspend", sure="1", reason=" ")
    assert without_reason.status_code == 200 and states(numbers) == ["active"] * 3
    done = post(browser, numbers, do="suspend", sure="1", reason="Fraud")
    assert states(numbers) == ["suspended"] * 3
    page = browser.get(done["Location"]).content.decode()
    assert "3 partners suspended." in page and "Undo" in page
    event = AuditEvent.objects.filter(object_type="partners.partner", object_id=numbers[0]).order_by("-id").first()
    assert event is not None
    assert (event.actor_name, event.reason) == ("Owner Person", "Fraud")
    change = BulkChange.objects.exclude(pk=console.bulk.pk if console.bulk else None).get()
    assert browser.post(f"/console/changes/{change.pk}/").status_code == 302
    assert states(numbers) == ["active"] * 3
    assert (
        "Not undone: this change was undone already"
        in browser.post(f"/console/changes/{change.pk}/", follow=True).content.decode()
    )


@sqlite
def test_rows_that_do_not_allow_it_are_left(console: Console) -> None:
    browser, numbers = console.browser("owner"), [*add(1, "applied"), *add(1)]
    done = post(browser, numbers, do="suspend", sure="1", reason="Fraud")
    assert states(numbers) == ["applied", "suspended"]
    page = browser.get(done["Location"]).content.decode()
    assert "1 partner suspended, 1 left unchanged." in page
    change = BulkChange.objects.latest("created")
    page = browser.get(f"/console/changes/{change.pk}/").content.decode()
    assert "applied and cannot become suspended" in page


@sqlite
def test_all_of_a_filter(console: Console) -> None:
    browser, numbers = console.browser("owner"), add(14)
    asked = browser.post(f"{LIST}?q=Partner", {"do": "tag", "row": numbers[:2]}).content.decode()
    assert "All 14 partners of this list instead" in asked
    browser.post(f"{LIST}?q=Partner", {"do": "tag", "rows": "all", "sure": "1", "tag": "spring"})
    assert sum("spring" in partner.tags for partner in Partner.objects.all()) == 14


@pytest.mark.parametrize(
    ("rows", "wish"),
    [
        ([], "suspend"),
        (["999999"], "suspend"),
        (["x", "-1", "9" * 40, ""], "suspend"),
        (["1"], "invented"),
        (["1"], ""),
    ],
)
def test_senseless_requests_change_nothing(console: Console, rows: list[str], wish: str) -> None:
    answer = post(console.browser("owner"), rows, do=wish, sure="1", tag="x")
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    assert not BulkChange.objects.exclude(pk=console.bulk.pk if console.bulk else None).exists()


@sqlite
@pytest.mark.parametrize(
    ("action", "values", "field", "after"),
    [
        ("tier", {"tier": "Gold"}, "tier", "Gold"),
        ("tag", {"tag": "spring"}, "tags", ["old", "spring"]),
        ("manager", {}, "manager_id", None),
        ("activate", {"reason": ""}, "status", "active"),
    ],
)
def test_every_action_and_its_way_back(
    console: Console, action: str, values: dict[str, str], field: str, after: object
) -> None:
    browser = console.browser("owner")
    with acting(command_line()) as boss:
        partner = create_partner(boss, {"name": "A", "tags": ["old"], "tier": "Iron"}, "active")
        transition(boss, partner.number, "suspended", "x")
    if action == "manager":
        values, after = {"manager": str(console.people["admin"].pk)}, console.people["admin"].pk
    before = Partner.objects.filter(pk=partner.pk).values_list(field, flat=True).get()
    post(browser, [str(partner.number)], do=action, sure="1", **values)
    assert Partner.objects.filter(pk=partner.pk).values_list(field, flat=True).get() == after
    change = BulkChange.objects.latest("created")
    browser.post(f"/console/changes/{change.pk}/")
    assert Partner.objects.filter(pk=partner.pk).values_list(field, flat=True).get() == before


@sqlite
def test_undo_leaves_rows_that_somebody_has_changed_since(console: Console) -> None:
    browser, numbers = console.browser("owner"), add(3)
    post(browser, numbers, do="tier", sure="1", tier="Gold")
    with acting(command_line()) as boss:
        change_partner(boss, int(numbers[1]), {"tier": "Iron"})
    change = BulkChange.objects.latest("created")
    answer = browser.post(f"/console/changes/{change.pk}/", follow=True)
    page = answer.content.decode()
    assert "2 partners set back, 1 left unchanged" in page and "was changed meanwhile" in page
    tiers = Partner.objects.filter(number__in=numbers).order_by("number").values_list("tier", flat=True)
    assert list(tiers) == ["", "Iron", ""]


@sqlite
def test_undo_ends_after_a_day(console: Console) -> None:
    numbers = add(1)
    post(console.browser("owner"), numbers, do="tier", sure="1", tier="Gold")
    change = BulkChange.objects.latest("created")
    assert undo_refusal(change) == ""
    change.created = timezone.now() - timedelta(hours=25)
    assert undo_refusal(change) == "a change can be undone for 24 hours"
    with pytest.raises(Conflict, match="24 hours"):
        undo_bulk(console.actor("owner"), change)


def test_many_rows_are_a_job_that_goes_on_after_a_crash(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "AT_ONCE_ROWS_MAX", 4)
    monkeypatch.setattr(bulk_module, "BATCH_ROWS", 2)
    numbers, actor = add(5), console.actor("owner")
    action = next(action for action in _spec().bulk if action.key == "tag")
    change = start_bulk(actor, "partners", action, numbers, {"tag": "spring"})
    job = Job.objects.get(task="console.bulk")
    assert (change.state, change.position, job.arguments) == ("waiting", 0, {"bulk": str(change.pk)})

    class Killed(BaseException):
        pass

    def killed(done: int, _total: int) -> None:
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        run_bulk(change.pk, killed)
    seen: list[tuple[int, int]] = []

    class Run:
        job_id = "1"

        def progress(self, done: int, total: int) -> None:
            seen.append((done, total))

    change_rows(Run(), job.arguments)
    change.refresh_from_db()
    assert seen == [(4, 5)] and change.state == "done" and len(change.changed) == 5
    assert all(partner.tags == ["spring"] for partner in Partner.objects.filter(number__in=numbers))


def _spec() -> Any:
    spec = find_spec("partners")
    assert spec is not None
    return spec


@sqlite
def test_a_person_who_was_disabled_changes_nothing_more(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "AT_ONCE_ROWS_MAX", 1)
    numbers = add(2)
    action = next(action for action in _spec().bulk if action.key == "tag")
    change = start_bulk(console.actor("owner"), "partners", action, numbers, {"tag": "spring"})
    with acting(command_line()):
        type(console.people["owner"]).objects.filter(pk=console.people["owner"].pk).update(is_active=False)
    with pytest.raises(GiveUp):
        run_bulk(change.pk, lambda _done, _total: None)
    assert not any(partner.tags for partner in Partner.objects.filter(number__in=numbers))


@sqlite
def test_rights_and_limits(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    action = next(action for action in _spec().bulk if action.key == "tag")
    with pytest.raises(Forbidden):
        start_bulk(console.actor("analyst"), "partners", action, ["1"], {"tag": "x"})
    monkeypatch.setattr(bulk_module, "ROWS_MAX", 1)
    with pytest.raises(Conflict, match="at most 1 rows"):
        start_bulk(console.actor("owner"), "partners", action, ["1", "2"], {"tag": "x"})


@sqlite
def test_unknown_changes_are_not_there(console: Console) -> None:
    assert console.browser("owner").get(f"/console/changes/{uuid.uuid4()}/").status_code == 404
