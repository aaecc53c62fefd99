"""API of the webhooks: secrets are shown once, deliveries tell request and answer."""

import json

import pytest

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.api.models import IdempotentAnswer
from control.partners.services import create_partner
from control.webhooks.delivering import deliver_due
from control.webhooks.models import Webhook
from runtime.clock import SystemClock
from tests.control.api.conftest import Api
from tests.control.webhooks.conftest import Receiver

pytestmark = [
    pytest.mark.usefixtures("database"),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


def test_way_of_a_webhook(receiver: Receiver) -> None:
    api = Api(make_key(command_line(), "admin", "admin", None)[1])
    body, key = {"url": receiver.url, "events": ["partner.*"], "description": "CRM"}, {"Idempotency-Key": "k-1"}
    status, made, _ = api("POST", "/webhooks", body, **key)
    assert status == 201 and made["secret"].startswith("whsec_")
    assert api("POST", "/webhooks", body, **key)[1] == made and Webhook.objects.count() == 1
    assert made["secret"].encode() not in bytes(IdempotentAnswer.objects.get().body)
    path = f"/webhooks/{made['id']}"
    status, read, answer = api("GET", path)
    assert "secret" not in read and read == {name: value for name, value in made.items() if name != "secret"}
    status, changed, answer = api("PATCH", path, {"status": "paused"}, **{"If-Match": answer["ETag"]})
    assert (status, changed["status"]) == (200, "paused")
    assert api("POST", f"{path}/test")[0] == 409
    assert api("PATCH", path, {"status": "active"}, **{"If-Match": answer["ETag"]})[1]["status"] == "active"
    create_partner(command_line(), {"name": "Blue"}, "active")
    receiver.answers = [(418, {}, b"short and stout")]
    deliver_due(Webhook.objects.get().pk, SystemClock())
    listed = api("GET", f"{path}/deliveries?state=pending&type=partner.created")[1]["items"]
    assert api("GET", f"{path}/deliveries?from=2020-01-01&to=2999-01-01&type=partner.created")[1]["items"] == listed
    assert api("GET", f"{path}/deliveries?to=2020-01-01")[1]["items"] == []
    assert api("GET", f"{path}/deliveries?from=soon")[1]["errors"][0]["field"] == "from"
    assert [(row["attempts"], row["answer_status"]) for row in listed] == [(1, 418)]
    detail = api("GET", f"{path}/deliveries/{listed[0]['id']}")[1]
    assert detail["log"][0]["answer"] == "short and stout" and detail["log"][0]["answer_status"] == 418
    assert json.loads(detail["body"])["data"]["object"]["name"] == "Blue"
    assert detail["body"].encode() == receiver.received[0][2]
    assert api("POST", f"{path}/deliveries/{listed[0]['id']}/replay")[1]["attempts"] == 0
    assert api("POST", f"{path}/replay")[1] == {"replayed": 0}
    assert api("POST", f"{path}/rotate-secret")[1]["secret"] != made["secret"]
    assert api("DELETE", path)[0] == 204 and api("GET", path)[0] == 404
