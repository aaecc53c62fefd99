"""Territories in the console and the API."""

from collections.abc import Callable

import pytest
from django.test import Client

from control.accounts.actor import command_line
from control.audit.models import AuditEvent
from control.partners.services import create_partner
from control.territories.services import create_territory
from tests.control.api.conftest import Api, api
from tests.control.console.installation import Console

__all__ = ["api"]
BOSS = command_line()
MakeApi = Callable[..., Api]
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def _owners(client: Api, **point: str) -> list[str]:
    return [item["name"] for item in client("POST", "/territories/test", point)[1]["items"]]


def test_rank_decides_who_owns_a_postal_code(database: object, api: MakeApi) -> None:
    """The scenario of the specification: T1 and T2 overlap from 15000; with a smaller rank T2 owns what is its own."""
    client = api()
    seven = create_partner(BOSS, {"name": "P7"}, "active").number
    wide, narrow = (
        client("POST", "/territories", {"name": name, "rank": 2, "rules": {"postal": [text]}})[1]
        for name, text in (("T1", "10000-19999"), ("T2", "15000-16000"))
    )  # fmt: skip
    (conflict,) = client("GET", "/territories/conflicts")[1]["items"]
    assert (conflict["first"], conflict["second"]) == (wide["id"], narrow["id"])
    assert conflict["point"]["postal"] == "15000" and conflict["rank"] == 2

    path = f"/territories/{narrow['id']}"
    etag = client("GET", path)[2]["ETag"]
    body = {"rank": 1, "owners": [{"partner": seven, "weight": 3}]}
    status, changed, _ = client("PATCH", path, body, **{"If-Match": etag})
    assert (status, changed["owners"]) == (200, [{"partner": seven, "weight": 3}])
    assert client("GET", "/territories/conflicts")[1]["items"] == []
    assert _owners(client, postal="15500") == ["T2", "T1"] and _owners(client, postal="12000") == ["T1"]
    assert _owners(client, postal="20000") == []
    assert client("PATCH", path, {"rank": 5}, **{"If-Match": etag})[0] == 412

    # Its partner sees it, without knowing of others.
    own = api("read", seven)
    assert [item["name"] for item in own("GET", "/territories")[1]["items"]] == ["T2"]
    assert own("GET", f"/territories/{wide['id']}")[0] == 404
    client("PATCH", path, {"owners": []}, **{"If-Match": "*"})
    assert own("GET", "/territories")[1]["items"] == []
    owner_events = AuditEvent.objects.filter(object_type="territories.territoryowner", partner=seven)
    assert [event.action for event in owner_events.order_by("pk")] == ["created", "deleted"]


@sqlite
@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"name": "X", "rank": 0}, "rank", "greater than or equal to 1"),
        ({"name": "X", "rules": {"postal": ["9-1"]}}, "rules", "ends before it starts"),
        ({"name": "X", "owners": [{"partner": 99}]}, "owners", "there is no partner 99"),
        ({"name": "X", "catch_all": True, "rules": {"countries": ["DE"]}}, "catch_all", "remove the rules"),
        ({"name": "X", "starts": "2026-02-01T00:00:00Z", "ends": "2026-01-01T00:00:00Z"}, "ends", "later than"),
        ({"name": "Taken"}, "name", "already exists"),
    ],
)
def test_bad_territories_are_refused_with_their_field(
    database: object, api: MakeApi, body: dict[str, object], field: str, message: str
) -> None:
    create_territory(BOSS, {"name": "Taken"}, {})
    status, problem, _ = api()("POST", "/territories", body)
    assert status == 422 and [error["field"] for error in problem["errors"]] == [field], problem
    assert message in problem["errors"][0]["message"]


@sqlite
def test_pages_of_territories(console: Console) -> None:
    assert console.own and console.foreign
    browser: Client = console.browser("owner")
    values = {"name": "North", "owners": f"{console.own.number}", "rank": "2", "winners": "1", "postal": "10-19"}
    assert "is not a range" in browser.post("/console/territories/new/", {**values, "postal": "a b.c"}).content.decode()
    assert "no partner 999" in browser.post("/console/territories/new/", {**values, "owners": "999"}).content.decode()
    for name in ("North", "Second"):
        assert browser.post("/console/territories/new/", {**values, "name": name}).status_code == 302
    listed = browser.get("/console/territories/").content.decode()
    assert "for example 10" in listed and console.own.name in listed
    asked = browser.get("/console/territories/test/?postal=15").content.decode()
    assert asked.index("North") < asked.index("Second")
    assert "No territory matches" in browser.get("/console/territories/test/?postal=99").content.decode()

    # A manager sees the territories of the own partners, and changes none.
    create_territory(BOSS, {"name": "Elsewhere"}, {console.foreign.number: 1})
    manager = console.browser("partner_manager")
    own = manager.get("/console/territories/").content.decode()
    assert "North" in own and "Elsewhere" not in own
    refused = manager.post("/console/territories/new/", {**values, "name": "Mine"}).content.decode()
    assert "only those who see all partners" in refused.lower()
