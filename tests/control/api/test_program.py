"""Partners, offers, links and versions, as a system uses them."""

from collections.abc import Callable
from typing import Any

import pytest

from control.accounts.actor import command_line
from control.accounts.people import add_operator
from control.audit.models import AuditEvent
from control.program.models import SealedSecret
from tests.control.api.conftest import Api
from tests.control.program.sample import live_link, plan, shoes

pytestmark = pytest.mark.usefixtures("database")
MakeApi = Callable[..., Api]
SHOP = "https://shop.example/?cid={click_id}"


def _fields(answer: tuple[int, Any, Any]) -> tuple[int, list[str]]:
    return answer[0], [error["field"] for error in answer[1]["errors"]]


def test_a_partner_is_added_changed_and_suspended(api: MakeApi) -> None:
    client = api()
    manager = add_operator(command_line(), "max@acme.example", "partner_manager", "Max")
    body = {"name": "Blue Lagoon", "status": "active", "email": "hi@blue.example", "country": "DE", "tags": ["shoes"],
            "manager": str(manager.pk), "custom": {"segment": "A"}}  # fmt: skip
    status, made, answer = client("POST", "/partners", body)
    assert status == 201 and {name: made[name] for name in body} == body
    path = f"/partners/{made['id']}"
    status, changed, answer = client("PATCH", path, {"country": "FR", "manager": None}, **{"If-Match": answer["ETag"]})
    assert (status, changed["country"], changed["manager"], changed["tags"]) == (200, "FR", None, ["shoes"])
    assert client("GET", path)[1] == changed
    moved = client("POST", f"{path}/transitions", {"to": "suspended", "reason": "fraud"})
    assert (moved[0], moved[1]["status"]) == (200, "suspended")
    event = AuditEvent.objects.filter(object_type="partners.partner", action="updated").latest("id")
    assert (event.reason, event.actor_kind, event.partner) == ("fraud", "api_key", made["id"])
    assert client("POST", f"{path}/transitions", {"to": "invited"})[0] == 409
    assert _fields(client("POST", f"{path}/transitions", {"to": "offboarded"})) == (422, ["reason"])


def test_mistakes_of_partners_name_their_fields(api: MakeApi) -> None:
    client = api()
    status, fields = _fields(client("POST", "/partners", {"country": "Germany"}))
    assert (status, set(fields)) == (422, {"name", "country"})
    unknown = {"name": "A", "manager": "6b1d3c52-0b8f-4d44-a5b5-3b7d6a5b9c11", "parent": 99}
    assert _fields(client("POST", "/partners", unknown)) == (422, ["manager", "parent"])
    assert _fields(client("POST", "/partners", {"name": "A", "id": 7})) == (422, ["id"])
    for number in (0, -1, 2**32, 10**30):
        assert client("GET", f"/partners/{number}")[0] == 404


def test_partners_are_filtered_and_searched(api: MakeApi) -> None:
    client = api()
    for name, country in (("Ärger", "DE"), ("Blue", "FR")):
        client("POST", "/partners", {"name": name, "country": country, "status": "active"})

    def found(query: str) -> list[str]:
        return [item["name"] for item in client("GET", f"/partners?{query}")[1]["items"]]

    assert found("country=FR") == found("q=blu") == ["Blue"]
    assert found("q=%C3%A4rger") == ["Ärger"] and found("status=suspended") == []
    assert found("order=-name&limit=1") in (["Ärger"], ["Blue"])


def test_a_partner_sees_its_profile_and_nothing_internal(api: MakeApi) -> None:
    made = api()("POST", "/partners", {"name": "Blue", "status": "active", "tags": ["risky"], "custom": {"note": "x"}})[
        1
    ]
    own = api("admin", made["id"])
    shown = own("GET", f"/partners/{made['id']}")[1]
    assert (shown["name"], shown["tags"], shown["custom"], shown["manager"]) == ("Blue", [], {}, None)
    etag = {"If-Match": own("GET", f"/partners/{made['id']}")[2]["ETag"]}
    assert _fields(own("PATCH", f"/partners/{made['id']}", {"tags": []}, **etag)) == (422, ["tags"])
    assert own("PATCH", f"/partners/{made['id']}", {"website": "https://blue.example/"}, **etag)[0] == 200


def test_from_an_offer_to_a_link_that_edges_know(api: MakeApi) -> None:
    client = api()
    offer = {"name": "Shoes", "landing_url": SHOP, "status": "active", "click_window": "7d",
             "goals": [{"key": "1", "name": "Purchase"}], "postback_secret": "secret-of-the-shop"}  # fmt: skip
    status, made, _ = client("POST", "/offers", offer)
    assert status == 201 and "postback_secret" not in made
    assert (made["click_window"], made["published"]) == ("7d", False)
    assert b"secret-of" not in bytes(SealedSecret.objects.get().sealed_secret)
    partner = client("POST", "/partners", {"name": "Blue", "status": "active"})[1]
    status, published, answer = client("POST", "/program-versions/publish", {"reason": "first"})
    assert (status, published["reason"], answer["Clew-Program-Version"]) == (201, "first", str(published["seq"]))
    items = [
        {"offer": made["id"], "partner": partner["id"], "code": "blue"},
        {"offer": made["id"], "partner": partner["id"]},
    ]
    status, links, answer = client("POST", "/links", {"items": items})
    assert status == 201 and int(answer["Clew-Program-Version"]) > published["seq"]
    assert links["items"][0]["code"] == "blue" and len(links["items"][1]["code"]) >= 6
    assert live_link("blue") is not None
    etag = client("GET", "/links/blue")[2]["ETag"]
    status, one, answer = client("POST", "/links", {**items[1], "status": "inactive", "code": "red"})
    assert (status, one["code"], one["status"]) == (201, "red", "inactive") and int(answer["Clew-Program-Version"])
    assert client("GET", "/links/red")[1:][0] == one and client("GET", "/links/red")[2]["ETag"] == answer["ETag"]
    assert client("PATCH", "/links/red", {"status": "active"}, **{"If-Match": answer["ETag"]})[0] == 200
    assert client("PATCH", "/links/blue", {"status": "inactive"}, **{"If-Match": etag})[1]["status"] == "inactive"
    assert [link["code"] for link in client("GET", "/links?status=inactive")[1]["items"]] == ["blue"]
    newest = client("GET", "/program-versions?limit=1")[1]["items"][0]
    assert client("GET", f"/program-versions/{newest['seq']}")[1] == newest
    assert client("GET", f"/program-versions/diff?old={published['seq']}&new={newest['seq']}")[1]["diff"]


def test_landing_page_and_subs_of_a_link(api: MakeApi) -> None:
    client = api()
    shoes(allowed_hosts=["www.shop.example"])
    client("POST", "/partners", {"name": "Blue Lagoon", "status": "active"})
    page = "https://www.shop.example/summer?cid={click_id}"
    item = {"offer": 1, "partner": 1, "code": "bl", "landing_url": page, "subs": {"sub2": "b", "sub1": "a"}}
    status, made, _ = client("POST", "/links", {"items": [item]})
    assert status == 201 and made["items"][0]["landing_url"] == page
    assert made["items"][0]["subs"] == {"sub1": "a", "sub2": "b"}

    def patch(body: dict[str, Any]) -> tuple[int, Any, Any]:
        return client("PATCH", "/links/bl", body, **{"If-Match": client("GET", "/links/bl")[2]["ETag"]})

    status, link, _ = patch({"subs": {"sub2": None, "sub3": "c"}})
    assert (status, link["subs"], link["landing_url"], link["status"]) == (
        200,
        {"sub1": "a", "sub3": "c"},
        page,
        "active",
    )
    assert _fields(patch({"landing_url": "https://evil.example/", "subs": {"sub1": ""}})) == (
        422, ["landing_url", "subs.sub1"]
    )  # fmt: skip
    status, link, _ = patch({"landing_url": None, "subs": None, "status": "inactive"})
    assert (status, link["landing_url"], link["subs"], link["status"]) == (200, "", {}, "inactive")
    wrong = {"items": [{**item, "code": "b2", "subs": {"sub31": "x"}}]}
    assert _fields(client("POST", "/links", wrong)) == (422, ["items[0].subs.sub31"])


def test_mistakes_of_links_name_their_items(api: MakeApi) -> None:
    client = api()
    assert _fields(client("POST", "/links", {"items": []})) == (422, ["items"])
    assert _fields(client("POST", "/links", {"items": [{"offer": 1, "partner": 1}] * 1_001})) == (422, ["items"])
    assert _fields(client("POST", "/links", {"items": [{"offer": 1}], "offer": 1})) == (
        422,
        ["items[0].partner", "offer"],
    )
    assert _fields(client("POST", "/links", {})) == (422, ["offer", "partner"])
    assert _fields(client("POST", "/links", {"offer": 98, "partner": 99})) == (422, ["offer", "partner"])
    assert _fields(client("POST", "/links", [1]))[0] == 422
    wrong = {"items": [{"offer": 1, "partner": 2}, {"offer": 1, "partner": 2, "code": "a b"}]}
    status, fields = _fields(client("POST", "/links", wrong))
    assert status == 422
    assert fields == ["items[0].offer", "items[0].partner", "items[1].offer", "items[1].partner", "items[1].code"]
    assert client("GET", "/links/absent")[0] == 404


def test_an_offer_is_changed_and_its_secret_rotated(api: MakeApi) -> None:
    client, number = api(), shoes().number
    path = f"/offers/{number}"
    etag = client("GET", path)[2]["ETag"]
    assert _fields(client("PATCH", path, {"click_window": "long"}, **{"If-Match": etag})) == (422, ["click_window"])
    status, changed, _ = client("PATCH", path, {"click_window": "14d", "status": "paused"}, **{"If-Match": etag})
    assert (status, changed["click_window"], changed["status"], changed["name"]) == (200, "14d", "paused", "Shoes")
    first = client("POST", f"{path}/rotate-secret")[1]["postback_secret"]
    assert len(first) >= 24 and client("POST", f"{path}/rotate-secret")[1]["postback_secret"] != first
    assert first not in str(list(AuditEvent.objects.values()))


def test_a_version_is_rolled_back(api: MakeApi) -> None:
    client, offer = api(), shoes()
    plan(offer)
    first = client("POST", "/program-versions/publish", {})[1]
    assert client("POST", "/program-versions/publish", {})[0] == 409  # there is nothing new
    plan(offer, percent_e6=9_000_000)
    second = client("POST", "/program-versions/publish", {"reason": "raise"})[1]
    assert any("9" in line for line in second["diff"])
    status, back, _ = client("POST", "/program-versions/rollback", {"seq": first["seq"], "reason": "too dear"})
    assert (status, back["back_to"], back["terms_hash"]) == (201, first["seq"], first["terms_hash"])
    assert client("POST", "/program-versions/rollback", {"seq": 999})[0] == 404
