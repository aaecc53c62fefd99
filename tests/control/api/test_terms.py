"""Plans, coupons and approvals, as a system uses them."""

from collections.abc import Callable
from typing import Any

import pytest

from control.program.models import Coupon, Plan
from tests.control.api.conftest import Api
from tests.control.program.sample import lagoon, live, shoes

pytestmark = pytest.mark.usefixtures("database")
MakeApi = Callable[..., Api]


def _fields(answer: tuple[int, Any, Any]) -> tuple[int, list[str]]:
    return answer[0], [error["field"] for error in answer[1]["errors"]]


def test_a_plan_is_drafted_changed_published_replaced_and_ended(api: MakeApi) -> None:
    client, offer, partner = api(), shoes().number, lagoon().number
    body = {"offer": offer, "partner": partner, "goal": "1", "percent": "8.5", "hold": "30d",
            "fixed": {"amount": "1.20", "currency": "USD"}}  # fmt: skip
    status, plan, answer = client("POST", "/plans", body)
    assert status == 201 and {name: plan[name] for name in body} == body
    assert (plan["state"], plan["model"], plan["click_window"]) == ("draft", "last_click", None)
    path = f"/plans/{plan['id']}"
    change = {"percent": "9", "fixed": None}
    status, changed, answer = client("PATCH", path, change, **{"If-Match": answer["ETag"]})
    assert (status, changed["percent"], changed["fixed"], changed["hold"]) == (200, "9", None, "30d")
    assert client("POST", "/program-versions/publish", {})[0] == 201
    assert [item.percent_e6 for item in live().terms.plans] == [9_000_000]
    published = client("GET", path)
    assert published[1]["state"] == "published" and published[1]["valid_from"] is not None
    assert client("PATCH", path, {"percent": "1"}, **{"If-Match": published[2]["ETag"]})[0] == 409
    assert client("DELETE", path)[0] == 409
    assert client("POST", f"{path}/end")[1]["ending"] is True
    client("POST", "/program-versions/publish", {})
    assert client("GET", path)[1]["state"] == "ended" and live().terms.plans == ()


def test_mistakes_of_plans_are_all_told(api: MakeApi) -> None:
    client, offer = api(), shoes().number
    wrong = {"offer": offer, "partner": 99, "percent": "8,5", "hold": "soon",
             "fixed": {"amount": "1.234", "currency": "USD"}}  # fmt: skip
    assert _fields(client("POST", "/plans", wrong)) == (422, ["partner", "percent", "fixed", "hold"])
    assert _fields(client("POST", "/plans", {"offer": offer})) == (422, ["percent"])
    assert _fields(client("POST", "/plans", {"offer": offer, "percent": "8", "goal": "nope"})) == (422, ["goal"])
    assert client("POST", "/plans", {"offer": offer, "percent": "8"})[0] == 201
    assert client("POST", "/plans", {"offer": offer, "percent": "9"})[0] == 409


def test_a_draft_is_discarded(api: MakeApi) -> None:
    client, offer = api(), shoes().number
    plan = client("POST", "/plans", {"offer": offer, "percent": "8"})[1]
    assert client("DELETE", f"/plans/{plan['id']}")[0] == 204
    assert client("GET", f"/plans/{plan['id']}")[0] == 404 and not Plan.objects.exists()


def test_a_coupon_credits_a_partner(api: MakeApi) -> None:
    client, offer, partner = api(), shoes().number, lagoon().number
    body = {"code": "SUMMER", "offer": offer, "partner": partner, "starts": "2027-06-01T00:00:00Z"}
    status, coupon, answer = client("POST", "/coupons", body)
    assert (status, coupon["code"], coupon["ends"]) == (201, "SUMMER", None)
    assert _fields(client("POST", "/coupons", {**body, "code": "summer"})) == (422, ["code"])
    path = f"/coupons/{coupon['id']}"
    wrong = client("PATCH", path, {"ends": "2027-01-01T00:00:00Z"}, **{"If-Match": answer["ETag"]})
    assert _fields(wrong) == (422, ["ends"])
    status, changed, _ = client("PATCH", path, {"ends": "2027-09-01T00:00:00Z"}, **{"If-Match": answer["ETag"]})
    assert status == 200 and changed["ends"].startswith("2027-09-01")
    assert [item["id"] for item in client("GET", f"/coupons?partner={partner}&q=summ")[1]["items"]] == [coupon["id"]]
    client("POST", "/program-versions/publish", {})
    assert [code.casefold() for code in live().terms.coupons] == ["summer"]
    assert client("POST", f"{path}/end")[1]["ending"] is True
    other = client("POST", "/coupons", {**body, "code": "WINTER"})[1]
    assert client("DELETE", f"/coupons/{other['id']}")[0] == 204 and Coupon.objects.count() == 1


def test_a_partner_sees_what_applies_to_it(api: MakeApi) -> None:
    client, offer = api(), shoes().number
    blue, red = lagoon().number, lagoon("Red Rock").number
    for partner, percent in ((None, "5"), (blue, "8"), (red, "20")):
        client("POST", "/plans", {"offer": offer, "partner": partner, "percent": percent})
    own = api("admin", blue)
    assert own("GET", "/plans")[1]["items"] == [], "drafts are the operators' own"
    client("POST", "/program-versions/publish", {})
    assert sorted(plan["percent"] for plan in own("GET", "/plans")[1]["items"]) == ["5", "8"]
    of_red = Plan.objects.get(partner=red)
    assert own("GET", f"/plans/{of_red.pk}")[0] == 404
    client("POST", "/coupons", {"code": "RED", "offer": offer, "partner": red})
    assert own("GET", "/coupons")[1]["items"] == []


def test_a_partner_asks_for_an_offer_and_is_approved(api: MakeApi) -> None:
    offer, blue, red = shoes(access="approval").number, lagoon().number, lagoon("Red Rock").number
    own, client = api("admin", blue), api()
    body = {"offer": offer, "partner": blue}
    status, asked, _ = own("POST", "/approvals", {**body, "reason": "we fit"})
    assert (status, asked["status"], asked["reason"]) == (201, "requested", "we fit")
    assert own("POST", "/approvals", body)[0] == 409
    assert own("POST", "/approvals", {**body, "status": "approved"})[0] == 403
    assert own("POST", "/approvals", {"offer": offer, "partner": red})[0] == 404
    assert client("POST", "/approvals", {**body, "status": "approved"})[1]["status"] == "approved"
    assert client("POST", "/approvals", {"offer": offer, "partner": red, "status": "rejected"})[0] == 201
    assert [item["partner"] for item in own("GET", "/approvals")[1]["items"]] == [blue]
    assert len(client("GET", "/approvals?status=rejected")[1]["items"]) == 1
    assert _fields(client("POST", "/approvals", {**body, "status": "perhaps"})) == (422, ["status"])
