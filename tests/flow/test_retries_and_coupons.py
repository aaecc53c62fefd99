"""From a postback to what is paid: re-opened sales, coupons, and clicks that only a sale proves."""

from collections.abc import Iterator

import pytest

from tests import loopback
from tests.serving import BROWSER, PROGRAM, SECRET, Serving, serving

COUPON = '\n[[coupon]]\ncode = "RED10"\npartner = 8\noffer = 101\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("retries"), program=PROGRAM + COUPON) as running:
        yield running


def click(server: Serving, **headers: str) -> str:
    answer = loopback.get(
        f"{server.url}/c/bl-shoes", headers={"user-agent": BROWSER, **headers}, follow_redirects=False
    )
    return answer.headers["location"].partition("cid=")[2].partition("&")[0]


def postback(server: Serving, **fields: str) -> str:
    answer = loopback.get(f"{server.url}/postback", params={"secret": SECRET, **fields})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["conversion_id"])


def paid(server: Serving, conversion_id: str) -> list[tuple[int, str]]:
    rows = server.sql(
        "SELECT partner_id, toString(sum(amount)) AS total FROM commissions "
        f"WHERE conversion_id = '{conversion_id}' GROUP BY partner_id HAVING sum(amount) != 0 ORDER BY partner_id"
    )
    return [(int(row["partner_id"]), row["total"]) for row in rows]


def test_what_is_paid(server: Serving) -> None:
    first = click(server)
    retried = postback(server, click_id=first, txn_id="f1", amount="200.00", status="declined")
    postback(server, click_id=first, txn_id="f1", amount="200.00", status="approved")
    prefetched = postback(server, click_id=click(server, **{"sec-purpose": "prefetch"}), txn_id="f7", amount="100.00")
    coupon = postback(server, txn_id="a2", amount="80.00", coupon="red10")
    both = postback(server, click_id=click(server), txn_id="a2-both", amount="80.00", coupon="RED10")
    unknown = postback(server, click_id=click(server), txn_id="a2-no", amount="80.00", coupon="nope")
    server.settle()
    assert paid(server, retried) == [(7, "18.2")], server.clew("explain", retried)
    assert paid(server, prefetched) == [(7, "9.7")]
    assert paid(server, coupon) == [(8, "8")]
    assert paid(server, both) == [(8, "8")]
    assert paid(server, unknown) == [(7, "8")]
    assert server.json("audit")["ok"]
    status = server.sql(f"SELECT status FROM conversions WHERE conversion_id = '{retried}'")
    assert status == [{"status": "approved"}]
    explained = server.clew("explain", both)
    assert "coupon RED10" in explained and "lower_precedence" in str(server.json("explain", both))
    assert "coupon_unknown" in server.clew("explain", unknown)
    reasons = server.sql(f"SELECT reason FROM credits WHERE conversion_id = '{prefetched}' AND model = 'last_click'")
    assert reasons == [{"reason": "confirmed_by_conversion"}]
