"""From a click and a postback to reports, conversions and explanations of the API and the console: real processes."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import loopback
from tests.flow.operator import Operator, wait_until
from tests.serving import BROWSER, Serving, serving

SHOP = "https://shop.example/?cid={click_id}"
SECRET = "s3cret-of-shoes"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass
class Sold:
    """An installation in which two partners have sold something."""

    server: Serving
    operator: Operator
    offer: int
    blue: int
    red: int
    keys: dict[str, str]
    conversions: dict[str, str]
    """Conversion ids by order number."""
    clicks: dict[str, str]
    sessions: dict[str, str]
    """Cookies of people by role, and of the owners of the two partners."""
    codes: dict[str, str]
    """Codes of links by partner."""

    def page(self, path: str, role: str = "owner") -> str:
        """Return a page of the console; it must open."""
        cookies = {"sessionid": self.sessions[role]}
        answer = loopback.get(f"{self.server.web}/console/{path}", cookies=cookies, timeout=30)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def api(self, path: str, key: str = "operator", **query: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.keys[key]}"}
        answer = loopback.get(f"{self.server.web}/api/v1{path}", params=query, headers=headers, timeout=30)
        return answer.status_code, answer.json()


def _click(server: Serving, code: str) -> str:
    answer = loopback.get(f"{server.url}/c/{code}", headers={"User-Agent": BROWSER})
    return parse_qs(urlsplit(answer.headers["Location"]).query)["cid"][0] if answer.status_code == 302 else ""


def _postback(server: Serving, **fields: str) -> str:
    answer = loopback.get(f"{server.url}/postback", params={"secret": SECRET, "currency": "USD", **fields}, timeout=20)
    assert answer.status_code == 200, answer.text
    conversion_id: str = answer.json()["conversion_id"]
    return conversion_id


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sold]:
    folder, lead = tmp_path_factory.mktemp("figures"), {"CLEW_TERMS_LEAD_S": "0", "CLEW_ENGINE__ANSWER_AGE_MAX_MS": "0"}
    with serving(folder, program=None, environment=lead, web=True) as server:
        operator = Operator(server.data, server.environment)
        offer = operator("offer", SHOP, SECRET)
        operator("plan", offer, 10_000_000)
        operator("publish")
        blue, red = operator("partner", "Blue Lagoon"), operator("partner", "Red Rock")
        codes = {name: operator("link", offer, number) for name, number in (("blue", blue), ("red", red))}
        for code in codes.values():
            wait_until(lambda code=code: _click(server, code), 5, "the link does not work")
        clicks = {name: _click(server, code) for name, code in codes.items()}
        conversions = {
            "b-1": _postback(server, click_id=clicks["blue"], txn_id="b-1", amount="50.00"),
            "b-2": _postback(server, click_id=clicks["blue"], txn_id="b-2", amount="30.00", status="pending"),
            "r-1": _postback(server, click_id=clicks["red"], txn_id="r-1", amount="70.00", mail="buyer@mail.example"),
        }
        server.settle()
        keys = {name: operator("key", scope) for name, scope in (("operator", "read"), ("admin", "admin"))}
        keys |= {"blue": operator("key", "read", blue)}
        sessions = {role: operator("session", f"{role}@acme.example", role) for role in ("owner", "partner_manager")}
        sessions |= {
            name: operator("seat", f"{name}@x.example", number) for name, number in (("blue", blue), ("red", red))
        }
        yield Sold(server, operator, offer, blue, red, keys, conversions, clicks, sessions, codes)
        operator.close()


def test_an_operator_reads_all(sold: Sold) -> None:
    status, report = sold.api("/reports/kpi", by="partner", order="-revenue", limit=1)
    assert (status, report["total_rows"], report["currency"]) == (200, 2, "USD")
    (first,) = report["items"]
    assert first["partner"] == "Blue Lagoon"
    assert first["revenue"] == {"amount": "80.00", "currency": "USD"}
    _, rest = sold.api("/reports/kpi", by="partner", order="-revenue", limit=1, cursor=report["next"])
    assert ([row["partner"] for row in rest["items"]], rest["next"]) == (["Red Rock"], None)
    _, total = sold.api("/reports/kpi", by="total", partner=f"{sold.red},999")
    assert [row["conversions"] for row in total["items"]] == [1]

    _, some = sold.api("/reports/kpi", by="status,device,link", filter=["status=pending,hold", "sub1="])
    assert [(row["status"], row["device"], row["revenue"]["amount"]) for row in some["items"]] == [
        ("pending", "desktop", "30.00")
    ]  # fmt: skip

    status, page = sold.api("/conversions", limit=2)
    assert (status, [item["txn_id"] for item in page["items"]]) == (200, ["r-1", "b-2"])
    _, last = sold.api("/conversions", limit=2, cursor=page["next"])
    assert ([item["txn_id"] for item in last["items"]], last["next"]) == (["b-1"], None)
    (item,) = last["items"]
    assert item["amount"] == {"amount": "50.00", "currency": "USD"}
    assert item["shares"] == [{"partner": sold.blue, "name": "Blue Lagoon", "share": 1}]
    assert (item["commissions"][0]["amount"]["amount"], item["commissions"][0]["status"]) == ("5.00", "payable")
    assert sold.api(f"/conversions/{item['id']}")[1] == item
    for query in ({"q": "b-2"}, {"status": "pending"}, {"q": sold.conversions["b-2"]}):
        assert [found["txn_id"] for found in sold.api("/conversions", **query)[1]["items"]] == ["b-2"]
    assert [found["txn_id"] for found in sold.api("/conversions", q=sold.clicks["red"])[1]["items"]] == ["r-1"]

    status, explained = sold.api(f"/explanations/{item['id']}")
    assert (status, explained["conversion"]["txn_id"]) == (200, "b-1")
    assert [touch["partner"] for touch in explained["touches"]] == ["Blue Lagoon"]
    assert explained["ledger"] and explained["shares"][0]["total"] == "5.00"


def test_a_partner_reads_only_its_own(sold: Sold) -> None:
    for query in ({}, {"partner": sold.red}, {"partner": f"{sold.red},{sold.blue}"}):
        status, report = sold.api("/reports/kpi", "blue", by="partner", **query)
        assert status == 200
        assert {row["partner_id"] for row in report["items"]} <= {sold.blue}
        assert not any({"revenue", "profit"} & row.keys() for row in report["items"])
        assert not {"revenue", "profit"} & {column["name"] for column in report["columns"]}
        _, page = sold.api("/conversions", "blue", **query)
        assert {item["txn_id"] for item in page["items"]} <= {"b-1", "b-2"}
        assert all(item["amount"] is None for item in page["items"])
    assert {item["txn_id"] for item in sold.api("/conversions", "blue")[1]["items"]} == {"b-1", "b-2"}
    for foreign in (sold.conversions["r-1"], "0" * 32, "x"):
        assert sold.api(f"/conversions/{foreign}", "blue")[0] == 404
        assert sold.api(f"/explanations/{foreign}", "blue")[0] == 404
    assert sold.api("/conversions", "blue", q="r-1")[1]["items"] == []
    assert sold.api("/search", "blue", q="b-1")[1]["items"][0]["text"] == f"offer {sold.offer}"
    assert sold.api("/reports/kpi", "blue", by="offer", order="-revenue")[0] == 422


def test_an_export_of_a_partner_has_its_own_rows_only(sold: Sold) -> None:
    texts = {}
    for key in ("blue", "operator"):
        headers = {"Authorization": f"Bearer {sold.keys[key]}"}
        for resource, filters in (("report", {"by": "partner"}), ("conversions", {})):
            body = {"resource": resource, "filters": filters}
            answer = loopback.post(f"{sold.server.web}/api/v1/exports", json=body, headers=headers)
            assert answer.status_code == 202, answer.text
            made = answer.json()
            while made["state"] in ("waiting", "running"):
                time.sleep(0.1)
                made = sold.api(f"/exports/{made['id']}", key)[1]
            assert (made["state"], made["problem"]) == ("done", "")
            file = loopback.get(f"{sold.server.web}/api/v1/exports/{made['id']}/file", headers=headers)
            texts[key, resource] = file.text
    for resource, mine, others in (("report", "Blue Lagoon", "Red Rock"), ("conversions", "b-1", "r-1")):
        assert mine in texts["blue", resource] and others not in texts["blue", resource]
        assert others in texts["operator", resource]
    assert "Red Rock" not in texts["blue", "conversions"]


def test_settings_show_revenue_and_profit_to_partners(sold: Sold) -> None:
    def money(key: str = "blue") -> set[str]:
        (row,) = sold.api("/reports/kpi", key, by="partner", partner=sold.blue)[1]["items"]
        return {"revenue", "payout", "profit"} & row.keys()

    def show(*, revenue: bool, profit: bool, key: str = "admin", expected: int = 200) -> None:
        answer = loopback.patch(
            f"{sold.server.web}/api/v1/partner-settings", json={"show_revenue": revenue, "show_profit": profit},
            headers={"Authorization": f"Bearer {sold.keys[key]}", "If-Match": "*"},
        )  # fmt: skip
        assert answer.status_code == expected, answer.text

    show(revenue=True, profit=True, key="blue", expected=403)
    show(revenue=False, profit=True, expected=422)
    assert money() == {"payout"}
    show(revenue=True, profit=False)
    assert money() == {"revenue", "payout"}
    (row,) = sold.api("/reports/kpi", "blue", by="partner", order="-revenue")[1]["items"]
    assert (row["partner_id"], row["revenue"]["amount"]) == (sold.blue, "80.00")
    assert sold.api("/reports/kpi", "blue", by="partner", order="-profit")[0] == 422
    amounts = {item["txn_id"]: item["amount"]["amount"] for item in sold.api("/conversions", "blue")[1]["items"]}
    assert amounts == {"b-1": "50.00", "b-2": "30.00"}
    assert sold.api(f"/explanations/{sold.conversions['b-1']}", "blue")[1]["conversion"]["amount"] == "50.00"
    assert {hit["amount"]["amount"] for hit in sold.api("/hits", "blue", kind="conversion")[1]["items"]} == {
        "50.00", "30.00"
    }  # fmt: skip
    for foreign in ("conversions", "explanations"):
        assert sold.api(f"/{foreign}/{sold.conversions['r-1']}", "blue")[0] == 404
    assert "Red Rock" not in str(sold.api("/conversions", "blue")[1])
    show(revenue=True, profit=True)
    assert money() == {"revenue", "payout", "profit"}
    show(revenue=False, profit=False)
    assert money() == {"payout"} and money("operator") == {"revenue", "payout", "profit"}
    status, explained = sold.api(f"/explanations/{sold.conversions['b-1']}", "blue")
    assert status == 200 and "50.00" not in str(explained) and "5.00" in str(explained)


def _pages(sold: Sold, path: str, key: str) -> list[dict[str, Any]]:
    """Read a list one item at a time."""
    found, cursor = [], ""
    while cursor is not None:
        status, page = sold.api(path, key, limit=1, cursor=cursor)
        assert status == 200 and len(page["items"]) <= 1
        found, cursor = found + page["items"], page["next"]
    return found


def test_hits_and_rejected_hits(sold: Sold) -> None:
    for name in ("blue", "red"):
        sent = {"click_id": sold.clicks[name], "txn_id": f"{name}-bad", "amount": "ten", "secret": SECRET}
        assert loopback.get(f"{sold.server.url}/postback", params=sent, timeout=20).status_code == 400
    sold.server.settle()
    hits = sold.api("/hits")[1]["items"]
    assert hits == _pages(sold, "/hits", "operator")
    assert {hit["kind"] for hit in hits} == {"click", "conversion"}
    sale = next(hit for hit in hits if hit["txn_id"] == "b-1")
    assert (sale["amount"]["amount"], sale["partner_name"], sale["id"]) == (
        "50.00", "Blue Lagoon", sold.conversions["b-1"],
    )  # fmt: skip
    (reason,) = sold.api("/rejected-hits", partner=sold.red)[1]["items"]
    assert (reason["reason"], reason["hits"], reason["fields"]) == ("malformed", 1, ["amount"]) and reason["fix"]
    examples = _pages(sold, "/rejected-hits/malformed/examples", "operator")
    assert [one["partner_name"] for one in examples] == ["Red Rock", "Blue Lagoon"]
    assert examples[0]["sent"]["amount"] == "ten" and SECRET not in str(examples)

    own = _pages(sold, "/hits", "blue")
    assert {hit["partner"] for hit in own} == {sold.blue} and {"b-1", "b-2"} < {hit["txn_id"] for hit in own}
    assert not any(hit["amount"] for hit in own) and "50.00" not in str(own)
    (example,) = _pages(sold, "/rejected-hits/malformed/examples", "blue")
    assert (example["partner"], example["sent"], example["detail"]) == (sold.blue, {}, "")
    assert sold.api("/rejected-hits", "blue", partner=sold.red)[1]["items"] == []


def test_problems_and_tests_of_postbacks_are_for_operators(sold: Sold) -> None:
    assert sold.api("/problems")[1] == {"items": [], "next": None}
    assert sold.api("/problems", "blue")[0] == 403

    def tested(url: str, key: str = "operator") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {sold.keys[key]}"}
        address = f"{sold.server.web}/api/v1/postback-tests"
        answer = loopback.post(address, json={"url": url}, headers=headers, timeout=30)
        return answer.status_code, answer.json()

    known = f"{sold.server.url}/postback?click_id={sold.clicks['blue']}&secret={SECRET}&currency=USD"
    outcomes = {
        "&txn_id=new&amount=5": "conversion", "&txn_id=b-1&amount=50.00": "duplicate",
        "&txn_id=b-1&amount=51": "conflict",
        "&txn_id=b-2&amount=30.00&status=approved": "status_change", "&txn_id=b-1&amount=50&status=hold": "unchanged",
        "&txn_id=new&amount=ten": "refused", "&txn_id=new&amount=5&test=1": "test",
        "&txn_id=b-1&action=refund&refund_id=1": "adjustment",
        "&txn_id=new&action=refund&refund_id=1": "waiting_adjustment",
    }  # fmt: skip
    for query, outcome in outcomes.items():
        status, said = tested(known + query)
        assert (status, said["outcome"]) == (200, outcome), (query, said)
        assert SECRET not in str(said) and said["offer_name"] == "Shoes"
    assert {item["txn_id"] for item in sold.api("/conversions")[1]["items"]} == {"b-1", "b-2", "r-1"}
    assert tested(known, "blue")[0] == 403
    status, problem = tested(" ")
    assert (status, problem["errors"][0]["field"]) == (422, "url")


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/reports/kpi", {"by": "shoe"}, "by"),
        ("/reports/kpi", {"by": "day", "partner": "x"}, "partner"),
        ("/reports/kpi", {"by": "day,goal,link,os"}, "by"),
        ("/reports/kpi", {"by": "day", "filter": "day=2026-01-01"}, "filter"),
        ("/reports/rejected", {"by": "day", "filter": "country=DE"}, "filter"),
        ("/reports/kpi", {"by": "day", "cursor": "x"}, "cursor"),
        ("/reports/kpi", {"by": "day", "from": "yesterday"}, ""),
        ("/conversions", {"status": "sold"}, "status"),
        ("/conversions", {"cursor": "bnVsbA"}, "cursor"),
        ("/conversions", {"offers": "1"}, "offers"),
        ("/hits", {"cursor": "bnVsbA"}, "cursor"),
        ("/rejected-hits", {"verdict": "bot"}, "verdict"),
        ("/problems", {"examples": "0"}, "examples"),
    ],
)
def test_wrong_parameters_are_named(sold: Sold, path: str, query: dict[str, str], field: str) -> None:
    status, problem = sold.api(path, **query)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])


def _orders(text: str) -> set[str]:
    """Return the order numbers in the table of a page."""
    return set(re.findall(r">(\w-\d)</a>", _table(text)))


def _table(text: str) -> str:
    """Return the last table of a page; charts before it have tables too."""
    return text.rpartition('<table class="cl-table')[2].partition("</table>")[0]


def _money(text: str) -> set[str]:
    """Return the amounts on a page."""
    return set(re.findall(r"\$[\d,]+\.\d\d", text))


def test_the_console_shows_the_same(sold: Sold) -> None:
    home = sold.page("?period=7d")
    assert {"$150.00", "$15.00"} <= _money(home)
    assert home.index("Blue Lagoon") < home.index("Red Rock"), "by revenue"
    for period in ("today", "yesterday", "30d"):
        sold.page(f"?period={period}&measure=clicks")

    report = sold.page("reports/?by=partner&then=day&period=7d")
    assert {"$80.00", "$70.00", "$150.00"} <= _money(report) and "Blue Lagoon" in report
    assert "Red Rock" not in sold.page(f"reports/?by=partner&partner={sold.blue}").partition("<table")[2]
    assert "There is no partner 999" in sold.page("reports/?partner=999")
    by_link = sold.page("reports/?by=link&then=goal&also=status&compare=1&columns=clicks,payout&measure=payout")
    assert {"$5.00", "$3.00", "$7.00", "$15.00"} <= _money(by_link), "the clicks' links earn the commissions"
    assert "Commission before" in by_link and "EPC" not in _table(by_link)
    assert "goal=1" in by_link and "Approved" in by_link and "Pending" in by_link
    pending = sold.page("reports/?by=partner&status=pending&device=desktop")
    assert _money(_table(pending)) == {"$30.00", "$3.00", "$27.00"}
    assert "$70.00" not in sold.page("reports/?by=goal&link=nothing")
    lines = sold.page("reports/?by=offer&export=csv").splitlines()
    assert lines[0].startswith("\ufeffOffer number,Offer,Impressions,Clicks")
    assert lines[1].startswith(f"{sold.offer},Shoes,0,") and ",150.00,15.00,135.00," in lines[1]

    found = sold.page("conversions/")
    assert all(name in found for name in ("b-1", "b-2", "r-1", "Blue Lagoon", "$5.00"))
    searched = sold.page("conversions/?q=r-1")
    assert "$7.00" in searched and "$5.00" not in searched
    assert "Nothing matches" in sold.page("conversions/?q=nothing")
    for search in (sold.clicks["red"], sold.conversions["r-1"], "buyer@mail.example"):
        assert _orders(sold.page(f"conversions/?q={search}&columns=order,click")) == {"r-1"}, search
    assert _orders(sold.page("conversions/?partner=Blue+Lagoon")) == {"b-1", "b-2"}
    address, cookies = f"{sold.server.web}/console/conversions/", {"sessionid": sold.sessions["owner"]}
    named = loopback.get(address, params={"q": "blue lagoon"}, cookies=cookies, timeout=30)
    assert named.headers["Location"] == f"?partner=Blue+Lagoon+%28{sold.blue}%29", "the search named a partner"
    exported = sold.page("conversions/?export=csv&status=pending").splitlines()
    assert len(exported) == 2 and ",b-2," in exported[1]

    page = sold.page(f"conversions/{sold.conversions['b-1']}/")
    assert "10\u202f% of $50.00 = $5.00" in page and "Click of Blue Lagoon" in page and "Credited: 100" in page
    for path in (f"partners/{sold.blue}/", f"offers/{sold.offer}/"):
        assert "vs. 30 days before" in sold.page(path)


def test_a_manager_sees_only_figures_of_the_own_partners(sold: Sold) -> None:
    """The two partners are nobody's."""
    assert "No traffic in this period" in sold.page("", "partner_manager")
    assert "b-1" not in sold.page("conversions/", "partner_manager")
    assert "No figures" in sold.page("reports/?by=partner", "partner_manager")
    missing = loopback.get(
        f"{sold.server.web}/console/conversions/{sold.conversions['b-1']}/",
        cookies={"sessionid": sold.sessions["partner_manager"]},
    )
    assert missing.status_code == 404


def test_a_partner_sees_own_figures_in_the_portal(sold: Sold) -> None:
    """The page of each partner has its own orders and earnings, whatever the address says, and nothing of the other."""

    def page(path: str, who: str = "blue") -> str:
        cookies = {"sessionid": sold.sessions[who]}
        answer = loopback.get(f"{sold.server.web}/portal/{path}", cookies=cookies, timeout=30)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    for path in ("", "conversions/", "balance/", "statistics/?by=offer", f"conversions/?partner={sold.red}"):
        blue, red = page(path), page(path, "red")
        assert "Blue Lagoon" not in red and "Red Rock" not in blue, path
        for mine, others, text in (("b-1", "r-1", blue), ("r-1", "b-1", red)):
            assert others not in text and (mine in text or "statistics" in path), path
        assert "$50.00" not in blue and "$70.00" not in red, "revenue is not shown"
    assert "$5.00" in page("balance/") and "$3.00" in page("balance/"), "one is payable, one waits for the shop"
    explained = page(f"conversions/{sold.conversions['b-2']}/")
    assert "The shop has not confirmed this sale yet." in explained and "$3.00" in explained
    exported = page("conversions/?export=csv")
    assert "b-1" in exported and "b-2" in exported and "r-1" not in exported
    for path in (f"conversions/{sold.conversions['r-1']}/", "conversions/x/"):
        answer = loopback.get(f"{sold.server.web}/portal/{path}", cookies={"sessionid": sold.sessions["blue"]})
        assert answer.status_code == 404, path
    (own,) = sold.api("/balances", "blue")[1]["items"]
    assert (own["partner"], own["payable"]["amount"], own["pending"]["amount"]) == (sold.blue, "5.00", "3.00")
    asked = sold.api("/balances", "blue", partner=sold.red)[1]["items"]
    assert {row["partner"] for row in asked} <= {sold.blue}
    _, first = sold.api("/balances", limit=1)
    _, rest = sold.api("/balances", limit=1, cursor=first["next"])
    assert [row["name"] for row in first["items"] + rest["items"]] == ["Blue Lagoon", "Red Rock"] and not rest["next"]
    found = _click(sold.server, sold.codes["blue"])
    _postback(sold.server, click_id=found, txn_id="b-new", amount="40.00")
    wait_until(lambda: "b-new" in page(""), 10, "a sale is not on the first page")
