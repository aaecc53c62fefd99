"""Lists: search, filters, order, columns, pages, saved views, exports. All of them without JavaScript."""

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from control.accounts.actor import command_line
from control.audit.origin import acting
from control.console.lists.state import Known, ListState, read_state
from control.console.models import SavedView
from control.errors import Invalid
from control.exports.registry import find_table
from control.partners.models import Partner
from control.partners.services import create_partner
from control.tables.write import csv_lines, safe_cell, xlsx_file
from tests.control.console.installation import Console, filled_console
from tests.control.databases import Filling
from tests.control.ui.pages import Elements

KNOWN = Known(
    columns=["name", "status", "tags"], shown=["name", "status"], sortable=["name"], filters=["status"], order="name"
)


@pytest.mark.parametrize(
    ("address", "state"),
    [
        ({}, ListState(order="name", columns=("name", "status"))),
        ({"q": "  a   b\0 "}, ListState(q="a b", order="name", columns=("name", "status"))),
        ({"order": "-name"}, ListState(order="-name", columns=("name", "status"))),
        ({"order": "manager__password"}, ListState(order="name", columns=("name", "status"))),
        ({"order": "status"}, ListState(order="name", columns=("name", "status"))),
        ({"columns": "tags,name,secret"}, ListState(order="name", columns=("name", "tags"))),
        ({"columns": "secret"}, ListState(order="name", columns=("name", "status"))),
        (
            {"status": "active", "role": "owner"},
            ListState(filters={"status": "active"}, order="name", columns=("name", "status")),
        ),
        ({"page": "3"}, ListState(order="name", columns=("name", "status"), page=3)),
        ({"page": "0"}, ListState(order="name", columns=("name", "status"))),
        ({"page": "-1"}, ListState(order="name", columns=("name", "status"))),
        ({"page": "²"}, ListState(order="name", columns=("name", "status"))),
        ({"page": "9" * 30}, ListState(order="name", columns=("name", "status"), page=1_000_000)),
    ],
)  # fmt: skip
def test_state_is_read_from_the_address(address: dict[str, str], state: ListState) -> None:
    assert read_state(address, KNOWN) == state


def test_the_same_state_gives_the_same_address() -> None:
    query = "q=a+b&status=active&order=-name&columns=name%2Ctags"
    values = {"columns": "tags,name", "order": "-name", "status": "active", "q": "a b", "page": "2"}
    assert read_state(values, KNOWN).query(KNOWN) == query
    assert read_state({}, KNOWN).query(KNOWN) == ""


def shown(page: str) -> list[str]:
    """Return the names of the partners that a page lists, in order."""
    links = [values for tag, values in Elements(page).found if tag == "a" and values.get("class") == "cl-cell-link"]
    return [values["href"].split("/")[3] for values in links]


PROGRAM = [
    "console_offers", "console_links", "console_plans", "console_coupons", "console_approvals", "console_versions"
]  # fmt: skip


def numbers(browser: Client, query: str) -> list[str]:
    answer = browser.get(f"/console/partners/?{query}")
    assert answer.status_code == 200
    return shown(answer.content.decode())


def filled_many() -> Console:
    """Make sixty further partners."""
    console = filled_console()
    with acting(command_line()) as boss:
        for index in range(60):
            values = {"name": f"Ärger {index:02}", "country": "DE" if index % 2 else "FR", "tier": "Gold"}
            create_partner(boss, values, "applied" if index < 5 else "active")
    return console


@pytest.fixture
def filling(filling: Filling, request: pytest.FixtureRequest) -> Filling:
    return filled_many if "many" in request.fixturenames else filling


@pytest.fixture
def many(console: Console) -> Console:
    return console


def test_search_filters_and_order(many: Console) -> None:
    browser = many.browser("owner")
    assert len(numbers(browser, "")) == 50
    assert len(numbers(browser, "page=2")) == 12
    assert numbers(browser, "page=999") == numbers(browser, "page=2")
    assert len(numbers(browser, "q=ärger+07")) == 1
    assert numbers(browser, "q=ARGER+07") == numbers(browser, "q=ärger+07")
    assert len(numbers(browser, "status=applied")) == 5
    assert len(numbers(browser, "status=applied&country=DE")) == 2
    assert len(numbers(browser, "status=invented&country=DE")) == 30
    assert len(numbers(browser, "manager=nobody&q=r")) == 50
    assert numbers(browser, "status=applied&order=-number") == numbers(browser, "status=applied&order=number")[::-1]
    ascending = numbers(browser, "status=applied&order=name")
    assert numbers(browser, "status=applied&order=-name") == ascending[::-1]
    assert numbers(browser, "status=applied&order=custom") == ascending


def test_partners_are_found_by_tag_group_and_external_id(console: Console) -> None:
    with acting(command_line()) as boss:
        values = {"tags": ["vip", "new"], "group": "North", "external_ids": {"crm": "4711"}}
        green = str(create_partner(boss, {"name": "Green", **values}, "active").number)
    browser = console.browser("owner")
    for query in ("tags=vip", "group=North", "external_id=4711", "tags=new&group=North&external_id=4711"):
        assert numbers(browser, query) == [green], query
    for query in ("tags=vi", "external_id=471", "external_id=crm", "tags=vip&external_id=1"):
        assert numbers(browser, query) == [], query
    page = browser.get("/console/partners/?tags=vip&external_id=4711").content.decode()
    assert 'name="tags"' in page and "External id: 4711" in page and "Tag: vip" in page
    impersonal = console.browser("analyst")
    assert 'name="external_id"' not in impersonal.get("/console/partners/").content.decode()
    assert len(numbers(impersonal, "external_id=4711")) == len(numbers(impersonal, "")), "it would tell who has the id"


def test_times_and_amounts_are_filters(console: Console) -> None:
    console.publish_program()
    assert console.own is not None and console.plan is not None
    with acting(command_line()):
        Partner.objects.filter(pk=console.own.pk).update(created=datetime(2026, 5, 5, 12, tzinfo=UTC))
    browser, own = console.browser("owner"), str(console.own.number)
    assert numbers(browser, "created_from=2026-05-05&created_to=2026-05-05") == [own], "both days count"
    for query in ("created_to=2026-05-04", "created_from=2026-05-06"):
        assert own not in numbers(browser, query)
    exported = browser.get("/console/partners/?export=csv&created_to=2026-05-05&columns=number")
    assert exported.getvalue().decode("utf-8-sig").split() == ["Number", own]  # type: ignore[attr-defined]
    page = browser.get("/console/partners/?created_from=2026-05-05").content.decode()
    assert "Added from: 5 May 2026" in page and '<details class="cl-more" open>' in page
    plan = f"/console/plans/{console.plan.pk}/"
    assert plan in browser.get("/console/plans/?percent_min=8&percent_max=8.0").content.decode()
    for query in ("percent_min=8.000001", "percent_max=7.9", "fixed_min=1+USD"):
        assert plan not in browser.get(f"/console/plans/?{query}").content.decode(), query
    for address, sentence in (
        ("partners/?created_from=2026-13-01", "Added from must be a date such as 2026-01-31."),
        ("partners/?created_to=9999-12-31", "Added to must be a date such as 2026-01-31."),
        ("partners/?created_from=2026-05-06&created_to=2026-05-05", "Added to must be later than Added from."),
        ("partners/?status=invented", "Status is not one of the choices."),
        ("plans/?fixed_min=12", "Fixed amount at least must be an amount and a currency"),
        ("plans/?percent_min=9&percent_max=8", "Percent at most must not be less than Percent at least."),
        ("audit/?from=x", "From must be a date such as 2026-01-31."),
        ("webhooks/deliveries/?to=x", "To must be a date such as 2026-01-31."),
    ):  # fmt: skip
        page = browser.get(f"/console/{address}").content.decode()
        assert sentence in page, address
        answer = browser.get(f"/console/{address}&export=csv")
        assert answer["Content-Type"].startswith("text/html") and sentence in answer.content.decode(), address
    query = {"list": "plans", "query": "percent_min=x"}
    with pytest.raises(Invalid) as refused:
        find_table("list").check(console.actor("owner"), query)
    assert [error.field for error in refused.value.errors] == ["filters.query.percent_min"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_filters_in_force_can_be_removed_one_by_one(many: Console) -> None:
    page = many.browser("owner").get("/console/partners/?q=rger&status=applied").content.decode()
    chips = [values["href"] for tag, values in Elements(page).found if values.get("class") == "cl-chip"]
    assert chips == ["?status=applied", "?q=rger"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_columns_are_chosen_by_a_form(many: Console) -> None:
    browser = many.browser("owner")
    answer = browser.post("/console/partners/?q=rger", {"do": "columns", "column": ["tags", "name", "invented"]})
    assert answer["Location"] == "/console/partners/?q=rger&columns=name%2Ctags"
    page = browser.get(answer["Location"]).content.decode()
    labels = [values["data-label"] for tag, values in Elements(page).found if tag == "td" and "data-label" in values]
    assert labels[:2] == ["Partner", "Tags"] and set(labels) == {"Partner", "Tags"}
    assert 'name="columns" value="name,tags"' in page


def test_views_are_kept_for_one_person(many: Console) -> None:
    owner, admin = many.browser("owner"), many.browser("admin")
    address = "/console/partners/?status=applied&order=-number"
    assert owner.post(address, {"do": "save-view", "name": "New ones"})["Location"] == address
    view = SavedView.objects.get()
    page = owner.get("/console/partners/").content.decode()
    assert "New ones" in page and "?status=applied&amp;order=-number" in page
    assert "New ones" not in admin.get("/console/partners/").content.decode()
    admin.post("/console/partners/", {"do": "delete-view", "view": view.pk})
    assert SavedView.objects.filter(pk=view.pk).exists()
    owner.post("/console/partners/?tier=Gold", {"do": "save-view", "name": "New ones"})
    assert SavedView.objects.get().query == "tier=Gold"
    owner.post("/console/partners/", {"do": "delete-view", "view": view.pk})
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_view_needs_a_name_and_something_to_keep(console: Console) -> None:
    browser = console.browser("owner")
    browser.post("/console/partners/?status=active", {"do": "save-view", "name": "  "})
    browser.post("/console/partners/", {"do": "save-view", "name": "All"})
    assert not SavedView.objects.exists()
    page = browser.get("/console/partners/").content.decode()
    assert "The view is not kept" in page


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_csv_has_all_rows_of_the_filter_in_the_chosen_columns(many: Console) -> None:
    answer = many.browser("owner").get("/console/partners/?tier=Gold&columns=name,country&export=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="partners.csv"'
    rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
    assert rows[0] == ["Partner", "Country"] and len(rows) == 61
    assert rows[1] == ["Ärger 00", "FR"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_xlsx_has_the_same_rows(many: Console) -> None:
    answer = many.browser("owner").get("/console/partners/?tier=Gold&columns=name,number&export=xlsx")
    assert answer["Content-Disposition"] == 'attachment; filename="partners.xlsx"'
    rows = sheet(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert rows[0] == ["Partner", "Number"] and len(rows) == 61 and rows[1][0] == "Ärger 00"
    assert rows[1][1].isdecimal()


def sheet(content: bytes) -> list[list[str]]:
    """Read the cells of an XLSX file; every part of it must be XML."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))
        root = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    return [["".join(cell.itertext()) for cell in row] for row in root.iter(f"{space}row")]


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    line = next(iter(list(csv_lines(["a"], [[text]]))[1:]))
    assert next(csv.reader(io.StringIO(line, newline=""))) == [f"'{text}"]
    with xlsx_file("A", ["a"], [[text]]) as file, zipfile.ZipFile(file) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in xml and xml.count('t="inlineStr"') == 2


@pytest.mark.parametrize("value", [5, "a", "", "a=b", "'x"])
def test_other_cells_stay(value: str | int) -> None:
    assert safe_cell(value) == value


def test_xlsx_survives_any_text() -> None:
    texts = ["<a>&\"'", "\x00\x01\ud800\ufffe", "x" * 40_000, "ä€😀"]
    with xlsx_file("[a]/b:*?" + "x" * 40, ["h"], [[text] for text in texts]) as file:
        rows = sheet(file.read())
    assert rows == [["h"], ["<a>&\"'"], [""], ["x" * 32_767], ["ä€😀"]]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_empty_list_says_what_to_do(console: Console) -> None:
    browser = console.browser("owner")
    nothing = browser.get("/console/partners/?q=zzz").content.decode()
    assert "Nothing matches" in nothing and 'href="/console/partners/"' in nothing
    assert "No partners yet" in browser_without_partners(console, "owner")
    assert "/console/partners/new/" in browser_without_partners(console, "owner")
    assert "/console/partners/new/" not in browser_without_partners(console, "analyst")


def browser_without_partners(console: Console, role: str) -> str:
    from control.partners.models import Partner, PartnerTransition

    with acting(command_line()):
        PartnerTransition.objects.all().delete()
        Partner.objects.all().delete()
    page: str = console.browser(role).get("/console/partners/").content.decode()
    return page


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "name", ["console_partners", "console_audit", "console_jobs", "console_people", "console_keys", *PROGRAM]
)
def test_every_column_sorts_filters_and_exports(console: Console, name: str, open_as: Callable[[str], Client]) -> None:
    if name in PROGRAM:
        console.publish_program()
    browser, address = open_as("owner"), reverse(name)
    page = browser.get(address).content.decode()
    found = Elements(page).found
    sorts = [values["href"] for tag, values in found if tag == "a" and values.get("class") == "cl-sort"]
    assert sorts or name in ("console_audit", "console_versions")
    columns = [values["value"] for tag, values in found if tag == "input" and values.get("name") == "column"]
    options = [values["value"] for tag, values in found if tag == "option" and values.get("value")][::3]
    names = [values["name"] for tag, values in found if tag == "select"]
    queries = [*sorts, f"?columns={','.join(columns)}", "?page=2", "?q=%00%27%22%25_\\", "?cursor=x"]
    queries += [f"?{select}={option}" for select in names for option in options]
    for query in queries:
        assert browser.get(address + query).status_code == 200, query
    for kind in ("csv", "xlsx"):
        answer = browser.get(f"{address}?export={kind}&columns={','.join(columns)}")
        assert answer.status_code == 200 and len(b"".join(answer.streaming_content)) > 20  # type: ignore[attr-defined]
