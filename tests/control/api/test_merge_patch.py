"""PATCH is a JSON merge patch (RFC 7396) for every resource: null removes, objects are patched in parts."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from control.accounts.actor import command_line
from control.accounts.people import add_operator
from control.api.merge_patch import merged
from control.api.root import api as ninja_api
from tests.control.api.conftest import Api
from tests.control.program.sample import lagoon, shoes

MakeApi = Callable[..., Api]
_OFFER = {
    "name": "Hats", "status": "active", "access": "private", "description": "Warm.",
    "landing_url": "https://shop.example/?c={click_id}", "allowed_hosts": ["shop.example"], "click_window": "3d",
    "impression_window": "2h", "goals": [{"key": "lead", "name": "Lead"}], "reopen": False, "pass_through": True,
}  # fmt: skip


def _made(client: Api, path: str) -> dict[str, Any]:
    """Make an object whose fields all differ from their defaults."""
    offer, partner = shoes().number, lagoon().number
    manager = add_operator(command_line(), "max@acme.example", "partner_manager")
    bodies: dict[str, dict[str, Any]] = {
        "/partners": {
            "name": "Blue", "kind": "direct", "type": "agency", "email": "b@x.example", "company": "Blue Ltd",
            "country": "DE", "language": "de", "website": "https://blue.example", "traffic_sources": ["blog"],
            "tags": ["vip"], "group": "North", "tier": "Gold", "manager": str(manager.pk), "parent": partner,
            "custom": {"a": "1", "b": "2"}, "external_ids": {"crm": "42"},
        },
        "/offers": _OFFER,
        "/links": {"offer": offer, "partner": partner, "status": "inactive"},
        "/plans": {
            "offer": offer, "partner": partner, "goal": "1", "percent": "8.5", "hold": "30d", "model": "linear",
            "fixed": {"amount": "1.20", "currency": "USD"}, "click_window": "5d", "impression_window": "1h",
            "conversions_min": 5,
        },
        "/coupons": {
            "code": "SAVE", "partner": partner, "offer": offer, "starts": "2026-01-01T00:00:00Z",
            "ends": "2026-02-01T00:00:00Z",
        },
        "/leads": {
            "company": "Acme", "source": "fair", "contact": "Ann", "email": "ann@acme.example", "phone": "1",
            "country": "DE", "region": "Saxony", "postal": "04109", "segment": "SMB", "product": "Hats",
            "note": "Call", "value": {"amount": "5.00", "currency": "USD"}, "consent": True,
        },
        "/territories": {
            "name": "North", "rank": 7, "winners": 2, "rules": {"postal": ["10000-19999"]},
            "owners": [{"partner": partner, "weight": 2}], "starts": "2026-01-01T00:00:00Z",
            "ends": "2027-02-01T00:00:00Z",
        },
        "/application-forms": {
            "slug": "creators", "name": "Creators", "intro": {"en": "Hello"}, "color": "#0F6CBD", "group": "gold",
            "partner_type": "affiliate", "contract_template": "", "verify_email": False, "reapply": "never",
            "reapply_days": 5, "sla_h": 8, "referral_allowed": False, "countries": ["DE"], "words": ["shoes"],
            "weights": {"mail_verified": 5}, "embed_hosts": ["blog.example"],
        },
        "/users": {"email": "fay@acme.example", "role": "finance", "name": "Fay"},
        "/webhooks": {
            "url": "https://hooks.example/in", "description": "CRM", "events": ["offer.*"],
            "owner_email": "ops@acme.example", "status": "paused",
        },
    }  # fmt: skip
    if path in ("/modules", "/partner-settings"):  # they are there
        answer = client("GET", path)[1]
        return dict(answer["items"][0] if path == "/modules" else answer)
    if path == "/imports":
        columns = {"mapping": json.dumps({"name": "Who", "email": "Mail"}), "match": "email", "clear_empty": "true"}
        fields = {"type": "partners", "file": "Who;Mail\nBlue;b@x.example\n", "encoding": "latin-1", **columns}
        status, made, _ = client.upload(path, {**fields, "delimiter": ";"})
    elif path in ("/links", "/leads"):
        status, made, _ = client("POST", path, {"items": [bodies[path]]})
        made = made["items"][0]
    else:
        status, made, _ = client("POST", path, bodies[path])
    assert status == 201, made
    return dict(made)


_REQUIRED = {
    "/partners": {"name"}, "/offers": {"name", "status", "landing_url"}, "/links": {"status"}, "/plans": {"offer"},
    "/coupons": {"code", "partner", "offer"}, "/users": {"role", "is_active"}, "/webhooks": {"url", "events", "status"},
    "/application-forms": {"slug", "name"}, "/territories": {"name"}, "/leads": {"company"}, "/imports": set(),
    "/modules": {"on"}, "/partner-settings": {"show_revenue", "show_profit"},
}  # fmt: skip
_DEFAULTS = {
    "kind": "partner", "manager": None, "parent": None, "traffic_sources": [], "tags": [], "custom": {},
    "external_ids": {}, "subs": {}, "access": "open", "allowed_hosts": [], "click_window": "30d",
    "impression_window": "1d", "goals": [{"key": "1", "name": "Conversion"}], "reopen": True, "pass_through": False,
    "percent": "0", "fixed": None, "hold": "0s", "model": "last_click", "conversions_min": None,
    "value": None, "consent": False, "rank": 100, "winners": 1, "owners": [], "catch_all": False,
    "rules": {"countries": [], "regions": [], "postal": [], "segments": [], "products": [], "accounts": []},
    "intro": {}, "fields": [], "verify_email": True, "reapply": "days", "reapply_days": 30, "sla_h": 48,
    "referral_allowed": True, "countries": [], "words": [], "weights": {}, "embed_hosts": [],
    "starts": None, "ends": None, "mapping": {"email": "Mail"}, "match": "email", "clear_empty": False,
}  # fmt: skip
_PLAN_DEFAULTS = {"partner": None, "click_window": None, "impression_window": None}


def _patches() -> dict[str, dict[str, Any]]:
    """Return the properties of the body of every PATCH in the document, by the path of the list."""
    document = json.loads(json.dumps(ninja_api.get_openapi_schema(), default=str))
    found = {}
    for path, operations in document["paths"].items():
        if "patch" in operations:
            content = operations["patch"]["requestBody"]["content"]
            assert content["application/json"] == content["application/merge-patch+json"]
            name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
            found[path.removeprefix("/api/v1").partition("/{")[0]] = document["components"]["schemas"][name]
    return found


def _patch(client: Api, path: str, body: Any) -> tuple[int, Any]:
    read = client("GET", path)
    return client("PATCH", path, body, **{"If-Match": read[2]["ETag"]})[:2]


def test_every_patch_is_tried_here() -> None:
    assert _patches().keys() == _REQUIRED.keys()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("resource", sorted(_REQUIRED))
def test_null_removes_what_may_be_absent(resource: str, api: MakeApi) -> None:
    client, schema = api(), _patches()[resource]
    assert "required" not in schema
    made = _made(client, resource)
    key = made["code"] if resource == "/links" else made.get("id")
    path = f"{resource}/{key}" if key is not None else resource
    for name, field in schema["properties"].items():
        assert {"type": "null"} in field["anyOf"], name
        status, answer = _patch(client, path, {name: None})
        if name in _REQUIRED[resource]:
            assert (status, [error["field"] for error in answer["errors"]]) == (422, [name])
            assert "is required and cannot be removed" in answer["detail"]
            continue
        assert status == 200, (name, answer)
        wanted = {**_DEFAULTS, **(_PLAN_DEFAULTS if resource == "/plans" else {})}.get(name, "")
        if resource == "/imports" and name in ("encoding", "delimiter"):
            assert answer["form"][name] == {"encoding": "utf-8", "delimiter": ";"}[name]
        else:
            assert answer[name] == wanted, name
        assert client("GET", path)[1] == answer
    before = client("GET", path)[1]
    assert _patch(client, path, {}) == (200, before)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_objects_are_patched_in_parts(api: MakeApi) -> None:
    client = api()
    partner = _made(client, "/partners")
    path = f"/partners/{partner['id']}"
    status, answer = _patch(client, path, {"custom": {"a": None, "c": 3}, "external_ids": {"erp": "7"}})
    assert (status, answer["custom"]) == (200, {"b": "2", "c": 3})
    assert answer["external_ids"] == {"crm": "42", "erp": "7"}
    assert _patch(client, path, {"custom": {"none": None}})[1]["custom"] == {"b": "2", "c": 3}
    assert _patch(client, path, {"tags": ["new"]})[1]["tags"] == ["new"]  # lists are replaced as a whole
    offer, goals = f"/offers/{shoes().number}", [{"key": "1", "name": "Sale"}, {"key": "2", "name": "Lead"}]
    assert _patch(client, offer, {"goals": goals})[1]["goals"] == goals
    assert _patch(client, offer, {"goals": [{"key": "1"}]})[1]["errors"][0]["field"] == "goals[0].name"
    status, answer = _patch(client, path, {"name": None, "custom": "text", "kind": 3, "more": None})
    assert status == 422 and [error["field"] for error in answer["errors"]] == ["kind", "custom", "more"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_amount_is_patched_in_parts(api: MakeApi) -> None:
    client = api()
    path = f"/plans/{_made(client, '/plans')['id']}"
    assert _patch(client, path, {"fixed": {"amount": "2.50"}})[1]["fixed"] == {"amount": "2.50", "currency": "USD"}
    status, answer = _patch(client, path, {"fixed": {"currency": None}})
    assert (status, answer["errors"][0]["field"]) == (422, "fixed.currency")
    assert _patch(client, path, {"fixed": None})[1]["fixed"] is None
    status, answer = _patch(client, path, {"fixed": {"amount": "2.50"}})
    assert (status, answer["errors"][0]["field"]) == (422, "fixed.currency")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_both_media_types_are_taken_and_no_other(api: MakeApi) -> None:
    client = api()
    path = f"/partners/{_made(client, '/partners')['id']}"
    raw: Client = client._client
    for kind, wanted in (("application/json", 200), ("application/merge-patch+json", 200), ("text/plain", 415)):
        headers = {"If-Match": client("GET", path)[2].get("ETag", "")}
        answer = raw.generic("PATCH", f"/api/v1{path}", '{"tier": null}', kind, headers=headers)
        assert answer.status_code == wanted, kind
    new = raw.generic("POST", "/api/v1/partners", '{"name": "x"}', "application/merge-patch+json")
    assert new.status_code == 415
    assert _patch(client, path, [{"tier": None}])[0] == 422


@pytest.mark.parametrize(
    ("target", "patch", "wanted"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(target: Any, patch: Any, wanted: Any) -> None:
    assert merged(target, patch) == wanted
