"""Conventions of all resources: errors, lists, ETags, idempotent posts, the document."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from ninja import Schema

from control.accounts.actor import command_line
from control.accounts.keys import make_key, revoke_key
from control.accounts.models import Invitation, User
from control.accounts.people import add_operator
from control.api.models import IdempotentAnswer
from control.api.root import api as ninja_api
from control.audit.origin import acting
from tests.control.api.conftest import Api

MakeApi = Callable[..., Api]


def _problem(answer: tuple[int, Any, Any]) -> tuple[int, list[str]]:
    status, content, response = answer
    assert response["Content-Type"] == "application/problem+json" and content["status"] == status
    assert content["title"] and content["detail"] and content["request_id"]
    return status, [error["field"] for error in content["errors"]]


@pytest.mark.parametrize("key", ["", "nonsense", "clew_000000000000_" + "A" * 43])
def test_without_a_key_in_force_is_401(key: str, database: object) -> None:
    status, _, response = answer = Api(key)("GET", "/users")
    assert _problem(answer) == (401, []) and response["WWW-Authenticate"].startswith("Bearer")
    assert status == 401


def test_a_revoked_key_stops_at_once(api: MakeApi) -> None:
    client = api("admin")
    assert client("GET", "/users")[0] == 200
    revoke_key(command_line(), "admin None")
    assert client("GET", "/users")[0] == 401


def test_all_mistakes_of_a_body_are_told_at_once(api: MakeApi) -> None:
    client = api()
    assert _problem(client("POST", "/users", {"name": 1, "more": 2})) == (422, ["email", "role", "name", "more"])
    assert _problem(client("POST", "/users", {"email": "x", "role": "finance"})) == (422, ["email"])
    offer = {"name": "", "status": "x", "access": "x", "click_window": "x", "landing_url": "x", "postback_secret": ""}
    assert sorted(_problem(client("POST", "/offers", offer))[1]) == sorted(offer)
    partner = {"name": "", "status": "suspended", "kind": "x", "country": "x", "parent": 99}
    assert sorted(_problem(client("POST", "/partners", partner))[1]) == sorted(partner)
    assert "must be one of partner, direct" in str(client("POST", "/partners", {"name": "x", "kind": "x"}))
    broken = client._client.post("/api/v1/users", "{", content_type="application/json")
    assert broken.status_code == 422 and broken["Content-Type"] == "application/problem+json"
    assert _problem(client("GET", "/users?limit=501&is_active=perhaps")) == (422, ["limit", "is_active"])
    assert _problem(client("GET", "/users?nope=1&more=2")) == (422, ["more", "nope"])


@pytest.mark.parametrize("path", ["/nope", "/users/x/y/z", "/users/6b1d3c52-0b8f-4d44-a5b5-3b7d6a5b9c11"])
def test_absent_paths_and_objects_are_404(path: str, api: MakeApi) -> None:
    assert _problem(api()("GET", path)) == (404, [])


def test_lists_are_filtered_by_the_names_of_fields(api: MakeApi) -> None:
    client, boss = api(), add_operator(command_line(), "boss@x.example", "partner_manager", "Boss")
    _, blue, _ = client("POST", "/partners", {"name": "Blue", "email": "Blue@x.example", "language": "fr"})
    _, red, _ = client("POST", "/partners", {"name": "Red", "kind": "direct", "parent": blue["id"]})
    shoes = {"name": "Shoes", "landing_url": "https://shop.example/?c={click_id}", "allowed_hosts": ["shop.example"]}
    _, offer, _ = client("POST", "/offers", {**shoes, "goals": [{"key": "1", "name": "Sale"}]})
    client("POST", "/plans", {"offer": offer["id"], "goal": "1", "percent": "5"})
    client("POST", "/plans", {"offer": offer["id"], "percent": "4"})
    for code in ("SAVE1", "SAVE10"):
        client("POST", "/coupons", {"offer": offer["id"], "partner": blue["id"], "code": code})
    kinds = {"open": "a", "revoked": "b", "accepted": "c", "expired": "d"}
    for letter in kinds.values():
        client("POST", "/invitations", {"email": f"{letter}@x.example", "role": "support"})
    now = timezone.now()
    with acting(command_line()):
        for letter, column in (("b", "revoked"), ("c", "accepted"), ("d", "expires")):
            Invitation.objects.filter(email=f"{letter}@x.example").update(**{column: now})

    def found(path: str, name: str) -> list[Any]:
        return [item[name] for item in client("GET", path)[1]["items"]]

    assert found("/partners?email=blue@X.example", "id") == found("/partners?language=fr", "id") == [blue["id"]]
    assert found(f"/partners?parent={blue['id']}&kind=direct", "id") == [red["id"]]
    assert found("/plans?goal=1", "percent") == ["5"] and found("/coupons?code=SAVE1", "code") == ["SAVE1"]
    partner = {
        "tags": ["vip", "new"],
        "group": "North",
        "external_ids": {"crm": "42", "erp": 7},
        "custom": {"a.b": True},
    }
    _, green, _ = client(
        "POST", "/partners", {"name": "Green", "company": "Green Ltd", "manager": str(boss.pk), **partner}
    )
    for query in (
        "tags=vip", "group=North", "external_id=42", "external_id=7", "external_ids.crm=42", "external_ids[erp]=7",
        "custom[a.b]=true", "name=Green", "company=Green+Ltd", f"manager={boss.pk}", "tags=new&external_ids.erp=7",
    ):  # fmt: skip
        assert found(f"/partners?{query}", "id") == [green["id"]], query
    for query in (
        "tags=vi",
        "tags=North",
        "external_id=4",
        "external_ids.erp=42",
        "external_ids.none=42",
        "custom.a=1",
    ):
        assert found(f"/partners?{query}", "id") == [], query
    assert _problem(client("GET", "/partners?external_id.crm=1&nope[a]=1")) == (422, ["external_id.crm", "nope[a]"])
    own = api("read", green["id"])
    assert [item["id"] for item in own("GET", "/partners")[1]["items"]] == [green["id"]]
    for query in ("tags=vip", "group=North", "external_id=42", "external_ids.crm=42", f"manager={boss.pk}"):
        assert own("GET", f"/partners?{query}")[1]["items"] == [], "what a partner may not see finds nothing"
    assert found("/offers?goals=1&allowed_hosts=shop.example&reopen=true&published=false", "id") == [offer["id"]]
    assert found("/offers?goals=2", "id") == found("/offers?published=true", "id") == []
    assert found("/users?name=Boss", "email") == ["boss@x.example"]
    assert len(found("/audit-events?object_name=Green&action=created", "id")) == 1
    assert set(found(f"/audit-events?partner={green['id']}", "object_name")) == {"Green", f"read {green['id']}"}
    for status, letter in kinds.items():
        assert found(f"/invitations?status={status}", "email") == [f"{letter}@x.example"]
    assert found("/invitations?email=B@x.example", "status") == ["revoked"]
    assert found(f"/invitations?partner={blue['id']}", "email") == []


def test_lists_come_in_pages_that_stay_whole_while_rows_are_added(api: MakeApi) -> None:
    client = api()
    for letter in "bdfhj":
        add_operator(command_line(), f"{letter}@acme.example", "support")
    _, first, _ = client("GET", "/users?limit=2")
    assert [user["email"][0] for user in first["items"]] == ["b", "d"]
    add_operator(command_line(), "a@acme.example", "support")
    add_operator(command_line(), "e@acme.example", "support")
    seen, cursor = [], first["next"]
    while cursor:
        _, following, _ = client("GET", f"/users?limit=2&cursor={cursor}")
        seen += [user["email"][0] for user in following["items"]]
        cursor = following["next"]
    assert seen == ["e", "f", "h", "j"]


@pytest.mark.parametrize("order", ["email", "-email", "created", "-created"])
def test_orders_page_through_every_row_once(order: str, api: MakeApi) -> None:
    for number in range(5):
        add_operator(command_line(), f"u{number}@acme.example", "support")
    client, seen, cursor = api(), [], ""
    while cursor is not None:
        _, found, _ = client("GET", f"/users?limit=2&order={order}&cursor={cursor}")
        seen += [user["email"] for user in found["items"]]
        cursor = found["next"]
    expected = [f"u{number}@acme.example" for number in range(5)]
    assert seen == (expected[::-1] if order.startswith("-") else expected)


@pytest.mark.parametrize(
    "query",
    ["order=password", "order=nope", "cursor=nonsense", "cursor=W10", "cursor=eyJhIjoxfQ", "limit=0", "limit=x"],
)
def test_wrong_parameters_of_lists_are_422(query: str, api: MakeApi) -> None:
    assert _problem(api()("GET", f"/users?{query}"))[0] == 422


def test_a_cursor_of_another_order_is_refused(api: MakeApi) -> None:
    for number in range(3):
        add_operator(command_line(), f"u{number}@acme.example", "support")
    client = api()
    cursor = client("GET", "/users?limit=1")[1]["next"]
    assert _problem(client("GET", f"/users?order=created&cursor={cursor}")) == (422, ["cursor"])


def test_a_change_needs_the_etag_that_was_read(api: MakeApi) -> None:
    client = api()
    user = add_operator(command_line(), "fay@acme.example", "finance", "Fay")
    path = f"/users/{user.pk}"
    _, _, read = client("GET", path)
    etag = read["ETag"]
    assert _problem(client("PATCH", path, {"name": "F"})) == (412, [])
    assert _problem(client("PATCH", path, {"name": "F"}, **{"If-Match": '"other"'})) == (412, [])
    status, changed, answer = client("PATCH", path, {"name": "F"}, **{"If-Match": etag})
    assert (status, changed["name"], changed["role"]) == (200, "F", "finance") and answer["ETag"] != etag
    assert _problem(client("PATCH", path, {"name": "G"}, **{"If-Match": etag})) == (412, [])
    assert client("PATCH", path, {"role": "support"}, **{"If-Match": answer["ETag"]})[1]["role"] == "support"


def test_a_repeated_post_has_one_effect_and_the_same_answer(api: MakeApi) -> None:
    client, body = api(), {"email": "fay@acme.example", "role": "finance"}
    first = client("POST", "/users", body, **{"Idempotency-Key": "k-1"})
    again = client("POST", "/users", body, **{"Idempotency-Key": "k-1"})
    assert first[0] == again[0] == 201 and first[1] == again[1] and first[2]["ETag"] == again[2]["ETag"]
    assert again[2]["Idempotency-Replayed"] == "true" and User.objects.count() == 1
    other = client("POST", "/users", {**body, "role": "support"}, **{"Idempotency-Key": "k-1"})
    assert _problem(other) == (409, [])
    assert client("POST", "/users", body, **{"Idempotency-Key": "k-2"})[0] == 409  # the address is taken


def test_a_refused_post_may_be_corrected_under_its_key(api: MakeApi) -> None:
    client = api()
    assert client("POST", "/users", {"email": "x", "role": "finance"}, **{"Idempotency-Key": "k-1"})[0] == 422
    assert not IdempotentAnswer.objects.exists()
    body = {"email": "fay@acme.example", "role": "finance"}
    assert client("POST", "/users", body, **{"Idempotency-Key": "k-1"})[0] == 201


def test_stored_answers_belong_to_their_key(api: MakeApi) -> None:
    body = {"email": "fay@acme.example", "role": "finance"}
    assert api("admin")("POST", "/users", body, **{"Idempotency-Key": "k-1"})[0] == 201
    assert api("read")("POST", "/users", body, **{"Idempotency-Key": "k-1"})[0] == 403
    assert Api("")("POST", "/users", body, **{"Idempotency-Key": "k-1"})[0] == 401
    assert _problem(api("write")("POST", "/users", body, **{"Idempotency-Key": "k" * 300}))[0] == 422


@pytest.mark.usefixtures("committed_database")
def test_the_same_post_twice_at_once_has_one_effect() -> None:
    _, key = make_key(command_line(), "shop", "admin")
    answers: list[int] = []

    def post() -> None:
        try:
            body = {"email": "fay@acme.example", "role": "finance"}
            answers.append(Api(key)("POST", "/users", body, **{"Idempotency-Key": "k-1"})[0])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [201] * 4 and User.objects.count() == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_document_is_openapi_3_1_and_readable(api: MakeApi) -> None:
    client = Client(HTTP_HOST="localhost")
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path.startswith("/api/v1/apply/"):  # takes no key
                assert "security" not in operation and "404" in operation["responses"], (path, method)
                continue
            assert set(operation["responses"]) >= {"401", "403", "422"}, (path, method)
            assert "application/problem+json" in operation["responses"]["401"]["content"]
            assert operation["security"] and operation["summary"]
    page = client.get("/api/v1/docs")
    assert page.status_code == 200 and "/static/ninja/swagger-ui-bundle.js" in page.content.decode()
    assert "unsafe" not in page["Content-Security-Policy"] and "https://" not in page.content.decode()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_answer_is_as_the_document_says(api: MakeApi) -> None:
    client = api()
    add_operator(command_line(), "fay@acme.example", "finance")
    document = json.loads(json.dumps(ninja_api.get_openapi_schema()))
    for path in ("/users", "/invitations", "/audit-events", "/jobs"):
        _, content, _ = client("GET", path)
        schema = document["paths"][f"/api/v1{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        assert set(content) == set(document["components"]["schemas"][name]["properties"])


def test_two_schemas_never_have_one_name() -> None:
    """The document has each name once; of two classes with one name, one would be shown for both."""
    assert ninja_api.get_openapi_schema()
    pending, seen = [Schema], set[type[Schema]]()
    while pending:
        found = {kind for kind in pending.pop().__subclasses__() if kind.__module__.startswith("control.")} - seen
        seen |= found
        pending += found
    names = Counter(kind.__name__ for kind in seen)
    assert len(seen) > 100 and [name for name, count in names.items() if count > 1] == []
