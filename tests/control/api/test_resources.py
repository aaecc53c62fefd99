"""The resources of this part: users, invitations, the audit trail, jobs."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from control.accounts.actor import command_line
from control.accounts.models import ApiKey
from control.accounts.people import add_operator
from control.audit.models import AuditEvent
from control.audit.origin import acting
from control.jobs.models import Job, JobState
from control.mail.models import OutgoingMail
from tests.control.accounts.mails import last_mail
from tests.control.api.conftest import Api

pytestmark = pytest.mark.usefixtures("database")
MakeApi = Callable[..., Api]


def test_an_operator_is_added_changed_and_disabled(api: MakeApi) -> None:
    client = api()
    status, user, answer = client("POST", "/users", {"email": "Fay@Acme.example", "role": "finance", "name": "Fay"})
    assert status == 201
    assert {name: user[name] for name in ("email", "role", "name", "is_active", "partners", "last_sign_in")} == {
        "email": "fay@acme.example", "role": "finance", "name": "Fay", "is_active": True, "partners": [],
        "last_sign_in": None,
    }  # fmt: skip
    assert datetime.fromisoformat(user["created"]).utcoffset() is not None
    path = f"/users/{user['id']}"
    status, changed, answer = client("PATCH", path, {"is_active": False}, **{"If-Match": answer["ETag"]})
    assert (status, changed["is_active"]) == (200, False)
    assert client("GET", path)[1] == changed
    event = AuditEvent.objects.filter(action="updated").get()
    assert (event.actor_kind, event.actor_name, event.before, event.after) == (
        "api_key", "admin None", {"is_active": True}, {"is_active": False},
    )  # fmt: skip
    assert event.request_id == answer["X-Request-ID"]


def test_people_are_filtered_and_searched(api: MakeApi) -> None:
    for email, role, name in (("a@acme.example", "owner", "Ann"), ("b@acme.example", "finance", "Ben")):
        add_operator(command_line(), email, role, name)
    client = api()

    def found(query: str) -> list[str]:
        return [user["name"] for user in client("GET", f"/users?{query}")[1]["items"]]

    assert found("role=finance") == found("q=ben") == found("email=B@acme.example") == ["Ben"]
    assert found("is_active=false") == [] and found("is_active=true&order=-email") == ["Ben", "Ann"]


def test_an_invitation_is_sent_listed_and_revoked(api: MakeApi) -> None:
    client = api()
    status, made, _ = client("POST", "/invitations", {"email": "fay@acme.example", "role": "finance"})
    assert (status, made["status"], made["partner"]) == (201, "open", None)
    assert "/accounts/invitations/" in last_mail("fay@acme.example")
    assert client("GET", f"/invitations/{made['id']}")[1] == made
    assert client("POST", f"/invitations/{made['id']}/revoke")[1]["status"] == "revoked"
    assert client("POST", f"/invitations/{made['id']}/revoke")[0] == 409
    assert [item["status"] for item in client("GET", "/invitations?q=fay")[1]["items"]] == ["revoked"]
    assert OutgoingMail.objects.count() == 1


def test_a_repeated_invitation_sends_one_mail(api: MakeApi) -> None:
    client, body = api(), {"email": "fay@acme.example", "role": "finance"}
    for _ in range(2):
        assert client("POST", "/invitations", body, **{"Idempotency-Key": "k"})[0] == 201
    assert OutgoingMail.objects.count() == 1


def test_the_trail_is_searched(api: MakeApi) -> None:
    user = add_operator(command_line(), "fay@acme.example", "finance", "Fay")
    client = api()
    _, found, _ = client("GET", f"/audit-events?object_type=accounts.user&object_id={user.pk}")
    (event,) = found["items"]
    assert (event["actor"]["kind"], event["action"], event["after"]["name"]) == ("command", "created", "Fay")
    assert client("GET", f"/audit-events/{event['id']}")[1] == event
    assert client("GET", "/audit-events?q=fay")[1]["items"] == [event]
    assert client("GET", "/audit-events?from=2100-01-01T00:00:00Z")[1]["items"] == []
    assert client("GET", f"/audit-events/{10**30}")[0] == 404
    newest = client("GET", "/audit-events?limit=1")[1]
    assert newest["next"] and client("GET", f"/audit-events?limit=1&cursor={newest['next']}")[1]["items"] == [event]


def test_a_dead_job_is_replayed(api: MakeApi) -> None:
    job = Job.objects.create(task="mail.send", state=JobState.DEAD, error="line 1\nit broke", finished=timezone.now())
    client = api()
    (shown,) = client("GET", "/jobs?state=dead&task=mail.send")[1]["items"]
    assert (shown["id"], shown["error"]) == (str(job.pk), "it broke")
    status, replayed, _ = client("POST", f"/jobs/{job.pk}/replay")
    assert (status, replayed["state"], replayed["attempts"]) == (200, "ready", 0)
    assert client("POST", f"/jobs/{job.pk}/replay")[0] == 409
    event = AuditEvent.objects.filter(action="replayed").get()
    assert (event.object_id, event.actor_name) == (str(job.pk), "admin None")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_keys_are_made_used_and_refused(api: MakeApi) -> None:
    client = api()
    soon = (timezone.now() + timedelta(days=1)).isoformat()
    status, made, answer = client("POST", "/api-keys", {"name": "crm", "scope": "read", "expires": soon})
    assert (status, made["expired"], made["unused"]) == (201, False, False) and made["key"].startswith("clew_")
    other = Api(made["key"])
    assert other("GET", "/partners")[0] == 200 and other("GET", "/api-keys")[0] == 403
    shown = {name: value for name, value in made.items() if name not in ("key", "last_used")}
    read = client("GET", f"/api-keys/{made['id']}")[1]
    assert {name: read[name] for name in shown} == shown and read["last_used"] and "key" not in read
    assert [row["name"] for row in client("GET", "/api-keys?q=cr&scope=read")[1]["items"]] == ["crm"]
    with acting(command_line()):
        ApiKey.objects.filter(name="crm").update(expires=timezone.now())
    status, problem, answer = other("GET", "/partners")
    assert (status, answer["WWW-Authenticate"]) == (401, 'Bearer realm="clew"')
    assert "'crm' expired at" in problem["detail"]
    assert other("POST", "/partners", {"name": "x"}, **{"Idempotency-Key": "1"})[0] == 401
    assert client("GET", f"/api-keys/{made['id']}")[1]["expired"]
    assert client("POST", "/api-keys", {"name": "x", "scope": "read", "expires": "2020-01-01T00:00:00"})[0] == 422
    assert client("DELETE", f"/api-keys/{made['id']}")[0] == 204
    assert client("DELETE", f"/api-keys/{made['id']}")[0] == 404
    assert other("GET", "/partners")[1]["detail"].startswith("send the header")
