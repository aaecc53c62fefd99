"""Pages ask the database a bounded number of questions, whatever they show, and do not read a whole table for a few."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from control.accounts.actor import command_line
from control.audit.origin import acting
from control.partners.selectors import used_values
from control.partners.services import create_partner
from tests.control.console.installation import Console, filled_console
from tests.control.databases import Filling

PARTNERS = 60
PAGES = {
    "/console/": 25,
    "/console/partners/": 14,
    "/console/partners/?q=rger": 14,
    "/console/partners/?country=DE&tier=Gold&q=rger": 14,
    "/console/offers/": 12,
    "/console/links/": 12,
    "/console/plans/": 12,
    "/console/audit/": 10,
}
"""Most queries by page. More rows add none."""


def filled_many() -> Console:
    """Make partners of several countries and tiers."""
    console = filled_console()
    with acting(command_line()) as boss:
        for index in range(PARTNERS):
            values = {"name": f"Ärger {index:02}", "country": ("DE", "FR", "")[index % 3], "tier": "Gold"}
            create_partner(boss, {**values, "tier": ("Gold", "")[index % 2]}, "active")
    return console


@pytest.fixture
def filling(filling: Filling, request: pytest.FixtureRequest) -> Filling:
    return filled_many if "many" in request.fixturenames else filling


@pytest.fixture
def many(console: Console) -> Console:
    return console


def test_number_of_queries(many: Console) -> None:
    browser = many.browser("owner")
    for page, most in PAGES.items():
        browser.get(page)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(page).status_code == 200
        assert 0 < len(queries) <= most, (page, [query["sql"] for query in queries])


def test_options_are_read_once_and_from_the_index(many: Console) -> None:
    browser = many.browser("owner")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/console/partners/?country=DE&tier=Gold")
    for column in ("country", "tier"):
        reading = [query["sql"] for query in queries if f'MIN("{column}")' in query["sql"]]
        assert len(reading) == 1 and "DISTINCT" not in reading[0]
    assert not [query["sql"] for query in queries if "DISTINCT" in query["sql"]]


def test_used_values_are_those_of_visible_partners(many: Console) -> None:
    with acting(command_line()) as boss:
        assert used_values(boss, "country") == sorted({*used_values(boss, "country"), "DE", "FR"})
        assert "" not in used_values(boss, "tier") and "Gold" in used_values(boss, "tier")
    page = many.browser("partner_manager").get("/console/partners/").content.decode()
    assert '<option value="FR"' not in page


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_filtered_lists_are_read_in_the_order_of_an_index(many: Console) -> None:
    browser = many.browser("owner")
    for query in ("tier=Gold", "country=DE", "country=DE&tier=Gold", "status=active&order=-created"):
        with CaptureQueriesContext(connection) as queries:
            browser.get(f"/console/partners/?{query}")
        page = next(
            entry["sql"]
            for entry in queries
            if 'FROM "partners_partner"' in entry["sql"]
            and entry["sql"].endswith("LIMIT 50")
            and "JOIN" in entry["sql"]
        )
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {page.replace('%', '%%')}")
            plan = " ".join(str(row[3]) for row in cursor.fetchall())
        assert "TEMP B-TREE" not in plan and "SEARCH partners_partner USING INDEX" in plan, (query, plan)


def test_a_search_finds_the_same_by_keys(many: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = many.browser("owner")
    address = "/console/partners/?q=rger&order=-name&page=2"
    by_keys = browser.get(address).content.decode()
    monkeypatch.setattr("control.console.lists.read._FOUND_KEYS_MAX", 3)
    by_search = browser.get(address).content.decode()
    names = [[line for line in page.splitlines() if "cl-cell-link" in line] for page in (by_keys, by_search)]
    assert names[0] == names[1] and names[0]
    assert f"{PARTNERS} partners" in by_keys and f"{PARTNERS} partners" in by_search


def test_each_row_is_on_one_page(many: Console) -> None:
    browser = many.browser("owner")
    for order in ("name", "-created"):
        pages = [browser.get(f"/console/partners/?order={order}&page={number}").context["part"] for number in (1, 2)]
        shown = [row.number for part in pages for row in part.rows]
        assert len(shown) == len(set(shown)) == pages[0].page.total > 50
        names = [row.name for part in pages for row in part.rows]
        assert order != "name" or names == sorted(names)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_search_reads_an_index_instead_of_the_rows(many: Console) -> None:
    browser = many.browser("owner")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/console/partners/?q=rger")
    search = next(entry["sql"] for entry in queries if "LIKE" in entry["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {search.replace('%', '%%')}")
        plan = " ".join(str(row[3]) for row in cursor.fetchall())
    assert "USING COVERING INDEX partner_by_search" in plan, plan
