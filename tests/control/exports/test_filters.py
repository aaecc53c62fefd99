"""Filters: lists of the API, lists of the console and exports have the same ones, and find the same rows."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from control.accounts.actor import Actor, command_line
from control.accounts.roles import KeyScope
from control.audit.origin import ActorKind, acting
from control.errors import Invalid
from control.exports.registry import find_table
from control.imports.resources import RESOURCES
from control.partners.models import Partner
from control.partners.services import create_partner
from control.program.models import Link, Plan
from control.program.services.links import create_link
from control.program.services.program_settings import change_program_settings
from control.program.services.terms_rows import create_coupon
from tests.control.api.conftest import Api, api
from tests.control.program.sample import plan, shoes

__all__ = ["api"]
pytestmark = pytest.mark.usefixtures("database")
BOSS = command_line()
_MAY = datetime(2026, 5, 4, 22, 30, tzinfo=UTC)
"""In Berlin this is the 5th of May."""


@pytest.fixture
def rows(database: object) -> None:
    with acting(BOSS):
        _make_rows()


def _make_rows() -> None:
    change_program_settings(BOSS, {"timezone": "Europe/Berlin"})
    vip = {"tags": ["vip"], "group": "North", "external_ids": {"crm": "42"}, "custom": {"big": True}}
    blue = create_partner(BOSS, {"name": "Blue", "country": "DE", **vip}, "active")
    red = create_partner(BOSS, {"name": "Red", "country": "FR", "parent": blue}, "active")
    Partner.objects.filter(pk=blue.pk).update(created=_MAY)
    offer = shoes(allowed_hosts=["m.shop.example"])
    create_link(BOSS, offer.number, blue.number, "own", landing_url="https://shop.example/x?c={click_id}")
    create_link(BOSS, offer.number, red.number, "plain")
    Link.objects.filter(code="own").update(created=_MAY)
    plan(offer, percent_e6=8_000_000)
    plan(offer, partner=blue, goal="lead", fixed_minor=1_250, fixed_currency="USD")
    Plan.objects.filter(goal="lead").update(created=_MAY)
    for code, starts in (("SPRING", _MAY), ("LATER", datetime(2027, 1, 1, tzinfo=UTC))):
        create_coupon(BOSS, {"code": code, "partner": blue, "offer": offer, "starts": starts})


def exported(resource: str, filters: Mapping[str, Any], actor: Actor = BOSS) -> list[dict[str, Any]]:
    table = find_table(resource)
    opened = table.open(actor, table.check(actor, filters))
    return [dict(zip(opened.head, line, strict=True)) for line in opened.rows]


CASES: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("partners", {"tags": "vip"}, "name", ["Blue"]),
    ("partners", {"group": "North", "external_id": "42"}, "name", ["Blue"]),
    ("partners", {"external_ids[crm]": "42", "custom[big]": "true"}, "name", ["Blue"]),
    ("partners", {"external_ids.crm": "7"}, "name", []),
    ("partners", {"manager": "nobody", "country": "FR"}, "name", ["Red"]),
    ("partners", {"parent": 1}, "name", ["Red"]),
    ("partners", {"q": "lu"}, "name", ["Blue"]),
    ("partners", {"created_from": "2026-05-05", "created_to": "2026-05-06"}, "name", ["Blue"]),
    ("partners", {"created_to": "2026-05-05"}, "name", []),
    ("partners", {"created_from": "2026-05-04T22:30Z", "created_to": "2026-05-05T00:30:00.000001"}, "name", ["Blue"]),
    ("partners", {"created_from": "2026-05-06"}, "name", ["Red"]),
    ("offers", {"allowed_hosts": "m.shop.example", "goals": "lead", "published": False}, "name", ["Shoes"]),
    ("offers", {"reopen": "false"}, "name", []),
    ("links", {"landing_page": "own"}, "code", ["own"]),
    ("links", {"landing_page": "offer", "offer": 1}, "code", ["plain"]),
    ("links", {"created_to": "2026-06-01"}, "code", ["own"]),
    ("plans", {"percent_min": "8", "percent_max": "8.0"}, "goal", [""]),
    ("plans", {"percent_min": "8.000001"}, "goal", []),
    ("plans", {"fixed_min": "12.50 USD", "fixed_max": "12.50 USD"}, "goal", ["lead"]),
    ("plans", {"fixed_min": "12.51 USD"}, "goal", []),
    ("plans", {"fixed_min": "1 EUR"}, "goal", []),
    ("plans", {"goal": "lead", "created_from": "2026-05-05"}, "goal", ["lead"]),
    ("coupons", {"starts_from": "2027-01-01T00:00:00Z"}, "code", ["LATER"]),
    ("coupons", {"starts_to": "2027-01-01T00:00:00Z", "ends_from": ""}, "code", ["SPRING"]),
]  # fmt: skip


def test_a_list_and_an_export_find_the_same(rows: None, api: Callable[..., Api]) -> None:
    client = api("read")
    for resource, filters, column, expected in CASES:
        words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in filters.items()}
        status, listed, _ = client("GET", f"/{resource}?{urlencode(words)}")
        assert (status, sorted(item[column] for item in listed["items"])) == (200, expected), (resource, filters)
        assert sorted(row[column] for row in exported(resource, filters)) == expected, (resource, filters)
    assert [row["name"] for row in exported("partners", {"external_ids": {"crm": "42"}})] == ["Blue"]


def test_a_wrong_value_is_named(rows: None, api: Callable[..., Api]) -> None:
    client = api("read")
    wrong = {
        ("partners", "created_from"): "soon", ("links", "created_to"): "2026-02-30", ("plans", "percent_min"): "-1",
        ("plans", "fixed_max"): "12", ("coupons", "ends_to"): "9" * 41, ("links", "landing_page"): "x",
        ("offers", "reopen"): "perhaps", ("links", "offer"): "0", ("approvals", "created_from"): "2026-01-01T25:00",
        ("audit-events", "from"): "x", ("partners", "manager"): "me",
    }  # fmt: skip
    for (resource, name), value in wrong.items():
        status, problem, _ = client("GET", f"/{resource}?{urlencode({name: value})}")
        assert (status, [error["field"] for error in problem["errors"]]) == (422, [name]), (resource, name, problem)
        assert "Value error" not in str(problem)
        if resource in RESOURCES:
            body = {"resource": resource, "filters": {name: value, "nope": 1}}
            status, problem, _ = client("POST", "/exports", body)
            names = sorted(error["field"] for error in problem["errors"])
            assert (status, names) == (422, sorted([f"filters.{name}", "filters.nope"])), (resource, name)
    for query in ("created_from=2026-05-05&created_to=2026-05-05", "created_from=2027-01-01&created_to=2026-01-01"):
        assert [error["field"] for error in client("GET", f"/links?{query}")[1]["errors"]] == ["created_to"]
    both = {"percent_min": "9", "percent_max": "8"}
    assert client("GET", f"/plans?{urlencode(both)}")[1]["errors"][0]["field"] == "percent_max"
    assert client("POST", "/exports", {"resource": "plans", "filters": both})[1]["errors"][0]["field"] == (
        "filters.percent_max"
    )
    many = {f"custom[{number}]": "x" for number in range(21)}
    assert client("GET", f"/partners?{urlencode(many)}")[1]["errors"][0]["field"] == "custom"
    answer = client("POST", "/exports", {"resource": "partners", "filters": many})
    assert answer[1]["errors"][0]["field"] == "filters.custom"
    status, problem, _ = client("GET", f"/partners?{'&'.join(f'custom[{number}]=x' for number in range(1_200))}")
    assert status == 422 and "too many parameters" in problem["detail"]
    long = {"custom[size]": "x" * 201}
    assert client("GET", f"/partners?{urlencode(long)}")[1]["errors"][0]["field"] == "custom[size]"
    for wrong_type in ({"offer": True}, {"offer": [1]}, {"status": 7}, {"created_from": 5}, {"q": 1}):
        with pytest.raises(Invalid):
            find_table("links").check(BOSS, wrong_type)


def test_what_a_partner_may_not_see_finds_nothing_in_an_export(rows: None, api: Callable[..., Api]) -> None:
    client = api("read", 1)
    for filters in ({"tags": "vip"}, {"external_ids[crm]": "42"}, {"external_id": "42"}, {"manager": "nobody"}):
        assert client("GET", f"/partners?{urlencode(filters)}")[1]["items"] == []
        assert exported("partners", filters, Actor(ActorKind.API_KEY, "1", scope=KeyScope.READ, partner=1)) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_exports_have_the_parameters_of_the_lists(api: Callable[..., Api]) -> None:
    document = api("read")("GET", "/openapi.json")[1]
    for key, resource in RESOURCES.items():
        parameters = document["paths"][f"/api/v1/{key}"]["get"]["parameters"]
        listed = {one["name"] for one in parameters if one["in"] == "query"} - {"limit", "cursor", "order"}
        assert listed == {name.removesuffix("[…]") for name in resource.filters.names}, key
