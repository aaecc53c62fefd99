"""Events are stored in the transaction of the change, for those who have subscribed, as the API shows objects."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.invitations import invite
from control.accounts.people import add_operator, change_person
from control.accounts.roles import Role
from control.applications.deciding import reject
from control.audit.event_resources import event_types
from control.audit.origin import ActorKind, acting
from control.contracts.services import send_contract
from control.exports.models import Export
from control.exports.services import make_export, start_export
from control.imports.models import Import
from control.imports.services import start_apply, start_dry_run, start_undo, upload
from control.jobs.models import Job
from control.jobs.queue import enqueue, fail, take
from control.leads.services import create_leads
from control.partners.models import Partner
from control.partners.services import change_partner, create_partner, transition
from control.program.publishing import publish
from control.program.services.approvals import request_access
from control.program.services.links import create_link, set_link_status
from control.program.services.offers import change_offer, rotate_postback_secret
from control.program.services.publish_requests import (
    approve_request,
    ask_to_publish,
    decline_request,
    withdraw_request,
)
from control.program.services.terms_rows import create_coupon, create_plan, discard
from control.scheduled.services import cancel_change, run_change, schedule_status
from control.territories.services import create_territory
from control.timeline.services import add_note
from control.webhooks import outbox
from control.webhooks.models import Delivery, Webhook, WebhookEvent, WebhookStatus
from control.webhooks.services import create_webhook, is_subscription
from tests.control.applications.sample import applied as waiting_application
from tests.control.contracts.sample import published
from tests.control.program.sample import shoes

pytestmark = pytest.mark.usefixtures("database", "acting_test")
BOSS = command_line()
URL = "https://crm.example/hook"


def _subscribe(*events: str) -> Webhook:
    return create_webhook(BOSS, {"url": URL, "events": list(events)})[0]


def _types() -> list[str]:
    return list(WebhookEvent.objects.order_by("sequence").values_list("type", flat=True))


def _newest(kind: str) -> dict[str, Any]:
    event = WebhookEvent.objects.filter(type=kind).latest("sequence")
    return dict(event.data)


def test_without_subscribers_nothing_is_stored() -> None:
    create_partner(BOSS, {"name": "Blue"}, "active")
    _subscribe("offer.*")
    create_partner(BOSS, {"name": "Red"}, "active")
    webhook = _subscribe("*")
    Webhook.objects.filter(pk=webhook.pk).update(status=WebhookStatus.DISABLED)
    create_partner(BOSS, {"name": "Green"}, "active")
    assert not WebhookEvent.objects.exists()


def test_an_event_is_there_if_its_change_is_and_for_each_subscriber() -> None:
    for events in (("partner.created",), ("partner.*", "offer.created"), ("*",), ("partner.changed",)):
        _subscribe(*events)
    with pytest.raises(RuntimeError), transaction.atomic():
        create_partner(BOSS, {"name": "Blue"}, "active")
        raise RuntimeError
    assert not WebhookEvent.objects.exists()
    create_partner(BOSS, {"name": "Blue"}, "active")
    assert _types() == ["partner.created"] and Delivery.objects.count() == 3


def test_every_resource_has_its_events() -> None:
    _subscribe("*")
    blue = create_partner(BOSS, {"name": "Blue"}, "active")
    change_partner(BOSS, blue.number, {"country": "FR"})
    offer = shoes()
    change_offer(BOSS, offer.number, {"click_window_us": 86_400_000_000})
    rotate_postback_secret(BOSS, offer.number)
    plan = create_plan(BOSS, {"offer": offer, "percent_e6": 8_000_000})
    discard(BOSS, type(plan), plan.pk)
    create_plan(BOSS, {"offer": offer, "percent_e6": 9_000_000})
    create_coupon(BOSS, {"code": "BLUE10", "partner": blue, "offer": offer})
    request_access(BOSS, shoes(access="approval").number, blue.number, "asked")
    publish(BOSS, "opening")
    link = create_link(BOSS, offer.number, blue.number, "bl")
    set_link_status(BOSS, link.code, "inactive")
    transition(BOSS, blue.number, "suspended", "fraud")
    ann = add_operator(BOSS, "ann@acme.example", "support")
    change_person(BOSS, ann.pk, {"name": "Ann"})
    invite(BOSS, "bob@acme.example", "support", None, lambda token: f"https://x.example/{token}")
    made = upload(BOSS, "partners", "a.csv", [b"name\nGreen\n"])
    start_dry_run(BOSS, made.pk)
    start_apply(BOSS, made.pk)
    start_undo(BOSS, made.pk)
    make_export(start_export(BOSS, "partners", "csv", {}).pk, BOSS)
    change_offer(BOSS, offer.number, {"click_window_us": 2 * 86_400_000_000})
    ask_to_publish(_person("ivy"))
    schedule_status(BOSS, "offer", str(offer.number), "paused", timezone.now() + timedelta(hours=1))
    create_territory(BOSS, {"name": "North"}, {})
    published()
    send_contract(BOSS, blue.number, "creators")
    create_leads(BOSS, [{"company": "Acme", "consent": True}])
    add_note(BOSS, blue.number, "Pays late.")
    application = waiting_application()
    reject(BOSS, application.pk, "off_topic")
    seen = set(_types())
    assert {"application.submitted", "application.rejected"} <= seen
    assert {"import.checked", "import.completed", "import.undone", "export.completed"} <= seen
    done = _newest("import.completed")["object"]
    assert (done["id"], done["state"], done["counts"]["applied"]) == (str(made.pk), "applied", 1)
    assert _newest("export.completed")["object"]["rows"] == 1
    assert seen <= set(event_types())
    assert {kind.partition(".")[0] for kind in event_types()} == {kind.partition(".")[0] for kind in seen}
    assert {"partner.status_changed", "plan.deleted", "plan.status_changed", "link.status_changed"} <= seen
    assert WebhookEvent.objects.filter(type="offer.changed").earliest("sequence").data["changed"] == ["click_window"]
    changed = _newest("partner.status_changed")
    assert changed["previous"] == {"status": "active"} and changed["object"]["status"] == "suspended"
    assert changed["reason"] == "fraud" and changed["actor"]["kind"] == "command"
    assert _newest("plan.created")["object"]["percent"] == "9" and _newest("program.published")["object"]["seq"] == 1
    text = str(list(WebhookEvent.objects.values_list("data", flat=True)))
    assert "secret" not in text and "digest" not in text and "https://x.example/" not in text


def _person(name: str) -> Actor:
    user = add_operator(BOSS, f"{name}@acme.example", "admin", name.capitalize())
    return Actor(ActorKind.PERSON, str(user.pk), name.capitalize(), role=Role.ADMIN)


def test_requests_and_scheduled_changes_tell_how_they_end() -> None:
    ivy, bob, offer = _person("ivy"), _person("bob"), shoes()
    publish(BOSS, "opening")
    _subscribe("publish_request.*", "scheduled_change.*")
    create_plan(BOSS, {"offer": offer, "percent_e6": 8_000_000})
    ask_to_publish(ivy, "first")
    withdraw_request(ivy, ask_to_publish(ivy, "again").pk)
    decline_request(bob, ask_to_publish(ivy).pk, "too much")
    approve_request(bob, ask_to_publish(ivy).pk)
    asked, ends = "publish_request.requested", ("replaced", "withdrawn", "declined", "approved")
    replaced, withdrawn, declined, approved = (f"publish_request.{kind}" for kind in ends)
    assert sorted(_types()) == sorted([asked] * 4 + [replaced, withdrawn, declined, approved])
    told = _newest(declined)
    assert (told["object"]["decision_reason"], told["previous"]) == ("too much", {"state": "open"})
    assert told["actor"]["name"] == "Bob" and _newest(approved)["object"]["state"] == "approved"

    WebhookEvent.objects.all().delete()
    later = timezone.now() + timedelta(hours=1)
    run_change(schedule_status(ivy, "offer", str(offer.number), "paused", later).pk)
    cancel_change(bob, schedule_status(ivy, "offer", str(offer.number), "active", later).pk)
    run_change(schedule_status(ivy, "offer", str(offer.number), "draft", later).pk)
    scheduled = "scheduled_change.scheduled"
    applied, cancelled, failed = (f"scheduled_change.{kind}" for kind in ("applied", "cancelled", "failed"))
    assert _types() == [scheduled, applied, scheduled, cancelled, scheduled, failed]
    assert _newest(failed)["object"]["result"] and _newest(applied)["previous"] == {"state": "scheduled"}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_work_that_failed_is_told() -> None:
    _subscribe("import.*", "export.failed")
    bad = upload(BOSS, "partners", "a.csv", [b"name\nGreen\n"])
    start_dry_run(BOSS, bad.pk)
    Import.objects.filter(pk=bad.pk).update(state="applying", total_rows=1)
    export = start_export(BOSS, "partners", "csv", {})
    now = timezone.now()
    for task, arguments in (("imports.run", {"import": str(bad.pk)}), ("exports.make", {"export": str(export.pk)})):
        Job.objects.all().delete()
        enqueue(task, arguments)
        job = take("test", now + timedelta(seconds=1), 30)
        assert job is not None and fail(job, now, "Traceback\nDiskFull: no room", None)
    assert _types() == ["import.checked", "import.failed", "export.failed"]
    told = _newest("import.failed")
    assert told["object"]["problem"] == "was not finished: DiskFull: no room" and told["actor"]["kind"] == "job"
    assert _newest("export.failed")["object"]["problem"] == "the job failed: DiskFull: no room"
    # A worker that dies in every attempt ends a job too.
    Job.objects.update(state="running", attempts=99, lease_until=now - timedelta(days=1))
    Export.objects.update(state="waiting")
    assert take("test", now, 30) is None and _types().count("export.failed") == 2


def test_one_change_of_status_and_fields_is_two_events() -> None:
    _subscribe("partner.*")
    blue = create_partner(BOSS, {"name": "Blue"}, "applied")
    with acting(BOSS):
        blue.status, blue.name = "active", "Blue Lagoon"
        blue.save()
        blue.search = "internal"
        blue.save()
    assert _types() == ["partner.created", "partner.status_changed", "partner.changed"]
    assert _newest("partner.changed")["changed"] == ["name"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_changes_of_many_rows_need_few_queries() -> None:
    _subscribe("partner.*")
    for number in range(30):
        create_partner(BOSS, {"name": f"P{number}"}, "active")
    with CaptureQueriesContext(connection) as queries:
        Partner.objects.update(country="FR")
    assert _types().count("partner.changed") == 30
    assert len([query for query in queries if "partners_partner" in query["sql"]]) < 10


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_large_objects_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "OBJECT_BYTES_MAX", 100)
    _subscribe("partner.created")
    blue = create_partner(BOSS, {"name": "Blue"}, "active")
    data = _newest("partner.created")
    assert data["object"] == {"id": blue.number} and data["shortened"] is True


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("entry", "known"),
    [
        ("*", True),
        ("partner.*", True),
        ("partner.created", True),
        ("partner", False),
        ("partner.x", False),
        ("", False),
    ],
)
def test_names_of_subscriptions(entry: str, known: bool) -> None:
    assert is_subscription(entry) is known
