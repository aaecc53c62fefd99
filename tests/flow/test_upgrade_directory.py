"""A whole directory of an earlier version, before links had pages and subs of their own, is opened by this one.

The archive was written by `clew serve` of commit 04d3858, with the control plane's program: offers, plans, a coupon,
links, 18 conversions, a person with a password, a saved view. control.sql is the same control plane by pg_dump; the
tests of the control plane's migrations read it.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests import loopback
from tests.flow.operator import wait_until
from tests.serving import BROWSER, Serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ARCHIVE = Path(__file__).parents[1] / "data/directory-before-link-pages.tar.xz"
WAIT_S = 60.0
PAGE = "https://shop.example/sale?cid={click_id}&s={sub1}"
PAID = [
    {"partner_id": 1, "offer_id": 1, "n": 9, "total": "11.9400"},
    {"partner_id": 1, "offer_id": 2, "n": 1, "total": "5.0000"},
    {"partner_id": 2, "offer_id": 1, "n": 8, "total": "16.0400"},
]
"""Commissions as the earlier version reported them."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    found = Serving(folder, program=None, environment={"CLEW_TERMS_LEAD_S": "0"}, web=True)
    found.start()
    yield found
    found.kill()


def click(server: Serving, code: str) -> httpx.Response:
    return loopback.get(f"{server.url}/c/{code}", headers={"User-Agent": BROWSER})


def target(server: Serving, code: str) -> str:
    return click(server, code).headers.get("Location", "")


def paid(server: Serving) -> list[dict[str, Any]]:
    return server.sql(
        "SELECT partner_id, offer_id, count() AS n, sum(amount) AS total FROM commissions "
        "GROUP BY partner_id, offer_id ORDER BY partner_id, offer_id"
    )


def test_links_lead_where_they_led(server: Serving) -> None:
    for code, page in (
        ("blue-shoes", "https://shop.example/"), ("red-shoes", "https://shop.example/"),
        ("blue-hats", "https://hats.example/"),
    ):  # fmt: skip
        answer = click(server, code)
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, page), code
    off = click(server, "red-off")
    assert (off.status_code, off.headers["Clew-Verdict"]) == (404, "inactive_link")


def test_prices_are_equal_and_new_conversions_have_the_same_terms(server: Serving) -> None:
    assert paid(server) == PAID
    terms = server.sql("SELECT DISTINCT program_hash FROM commissions")
    assert len(terms) == 1
    token = parse_qs(urlsplit(target(server, "blue-hats")).query)["cid"][0]
    asked = {"click_id": token, "secret": "s3cret-of-hats", "txn_id": "new", "amount": "20.00", "currency": "USD"}
    done = loopback.get(f"{server.url}/postback", params=asked)
    assert done.status_code == 200, done.text
    server.settle()
    assert paid(server) == [PAID[0], {**PAID[1], "n": 2, "total": "6.0000"}, PAID[2]]
    assert server.sql("SELECT DISTINCT program_hash FROM commissions") == terms
    assert server.json("audit")["ok"]


def test_pages_open_and_links_get_pages(server: Serving) -> None:
    with httpx.Client(base_url=server.web, trust_env=False, timeout=60, follow_redirects=True) as ann:
        ann.get("/accounts/login/")
        form = {"login": "ann@acme.example", "password": "correct horse battery staple"}
        token = ann.cookies["csrftoken"]
        assert ann.post("/accounts/login/", data={**form, "csrfmiddlewaretoken": token}).url.path == "/console/"
        for path, text in (
            ("links/", "blue-shoes"), ("links/code/blue-shoes/", "the offer&#x27;s"),
            ("links/code/red-off/", "Red Rock"),
            ("links/code/blue-shoes/edit/", "landing_url"), ("links/?landing_page=offer", "blue-hats"),
            ("offers/1/", "Shoes"), ("plans/", "9"), ("publish/", "9"), ("versions/", "First terms"),
            ("partners/", "Germans"), ("partners/1/", "Blue Lagoon"), ("conversions/", "lead1"),
            ("webhooks/", "crm.example"), ("audit/", "blue-shoes"),
        ):  # fmt: skip
            answer = ann.get(f"/console/{path}")
            assert answer.status_code == 200 and text in answer.text, path
    key = server.json("api-key", "add", "upgrade", "--scope", "admin")["key"]
    link = f"{server.web}/api/v1/links/red-shoes"
    headers = {"Authorization": f"Bearer {key}"}
    before = loopback.get(link, headers=headers)
    assert (before.json()["landing_url"], before.json()["subs"]) == ("", {})
    changed = loopback.patch(
        link, headers={**headers, "If-Match": before.headers["ETag"]},
        json={"landing_url": PAGE, "subs": {"sub1": "mail"}},
    )  # fmt: skip
    assert changed.status_code == 200, changed.text
    wait_until(lambda: target(server, "red-shoes").startswith("https://shop.example/sale?"), WAIT_S, "the page is old")
    assert parse_qs(urlsplit(target(server, "red-shoes")).query)["s"] == ["mail"]
    assert target(server, "blue-shoes").startswith("https://shop.example/?")
    assert server.json("audit")["ok"]
