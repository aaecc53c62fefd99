"""Pages of webhooks: the secret once, pause, test, deliveries with answers, replay."""

import re

import pytest
from django.test import Client

from control.accounts.actor import command_line
from control.accounts.people import add_operator
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.partners.services import create_partner
from control.webhooks.delivering import deliver_due
from control.webhooks.models import Delivery, Webhook
from control.webhooks.services import create_webhook, send_test
from runtime.clock import SystemClock
from tests.control.console.installation import signed_in
from tests.control.webhooks.conftest import Receiver

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_way_through_the_pages(database: object, receiver: Receiver) -> None:
    browser = signed_in(Client(HTTP_HOST="localhost"), add_operator(command_line(), "ann@acme.example", "owner"))
    wrong = browser.post("/console/webhooks/new/", {"url": "http://10.0.0.1/", "events": "*"})
    assert "not a public address" in wrong.content.decode() and not Webhook.objects.exists()
    made = browser.post("/console/webhooks/new/", {"url": receiver.url, "events": "partner.*, offer.created"})
    assert re.search(r"whsec_[\w+/=]{44}", made.content.decode()) and made["Cache-Control"] == "no-store"
    webhook = Webhook.objects.get()
    assert webhook.events == ["partner.*", "offer.created"] and webhook.owner_email == "ann@acme.example"
    place = f"/console/webhooks/{webhook.pk}/"
    assert "whsec_" not in browser.get(place).content.decode()
    create_partner(command_line(), {"name": "<b>Blue</b>"}, "active")
    receiver.answers = [(418, {}, b"<script>stout</script>")]
    deliver_due(webhook.pk, SystemClock())
    row = Delivery.objects.get()
    shown = browser.get(f"{place}deliveries/{row.pk}/").content.decode()
    assert "Answer 418" in shown and "&lt;script&gt;stout" in shown and "<script>stout" not in shown
    assert "Failing" in browser.get("/console/webhooks/").content.decode()
    link = f"{place}deliveries/{row.pk}/"
    assert link in browser.get(f"/console/webhooks/deliveries/?webhook={webhook.pk}").content.decode()
    assert link not in browser.get("/console/webhooks/deliveries/?state=failed").content.decode()
    browser.post(f"{place}deliveries/{row.pk}/")
    assert deliver_due(webhook.pk, SystemClock()) == 1 and Delivery.objects.get().state == "delivered"
    assert browser.get(f"{place}nope/").status_code == 404
    again = {"do": "replay", "row": str(row.pk), "sure": "1"}
    sent = browser.post("/console/webhooks/deliveries/?from=2020-01-01", again, follow=True).content.decode()
    assert "1 delivery sent again" in sent and deliver_due(webhook.pk, SystemClock()) == 1
    Delivery.objects.update(state="failed")
    assert "1 delivery of this webhook failed" in browser.get(f"{place}replay/").content.decode()
    late = browser.post(f"{place}replay/", {"since": "2999-01-01T00:00"}, follow=True).content.decode()
    assert "0 failed deliveries are sent again" in late
    for act, status in (("test", "active"), ("replay", "active"), ("pause", "paused"), ("activate", "active")):
        assert browser.get(f"{place}{act}/").status_code == 200
        assert browser.post(f"{place}{act}/").status_code == 302
        webhook.refresh_from_db()
        assert webhook.status == status
    assert "whsec_" in browser.post(f"{place}secret/").content.decode()
    browser.post(f"{place}edit/", {"url": receiver.url, "events": "*", "description": "CRM"})
    assert Webhook.objects.get().description == "CRM"
    assert browser.post(f"{place}delete/").status_code == 302
    assert browser.get(place).status_code == 404 and place not in browser.get("/console/webhooks/").content.decode()


def test_many_deliveries_are_sent_again_with_one_entry_in_the_audit_trail(database: object) -> None:
    boss = command_line()
    browser = signed_in(Client(HTTP_HOST="localhost"), add_operator(boss, "ann@acme.example", "owner"))
    webhook, gone = (create_webhook(boss, {"url": f"https://{name}.example/", "events": ["*"]})[0] for name in "ab")
    rows = [send_test(boss, webhook.pk).pk for _ in range(3)]
    last = send_test(boss, gone.pk).pk
    Delivery.objects.update(state="failed")
    with acting(boss):
        Webhook.objects.filter(pk=gone.pk).update(status="deleted")
    again = {"do": "replay", "row": [*map(str, rows), str(last)], "sure": "1"}
    browser.post("/console/webhooks/deliveries/", again)
    (event,) = AuditEvent.objects.filter(action="replayed")
    assert (event.object_id, event.after) == (str(webhook.pk), {"deliveries": 3, "ids": rows})
    assert Delivery.objects.filter(pk__in=rows, state="pending").count() == 3
    assert Delivery.objects.get(pk=last).state == "failed"
