"""Reports and conversions in the console: what the address says, what it asks of the engine, views and columns."""

from django.http import HttpRequest, QueryDict

from control.console.figures.report_state import SHOWN, read_report_state
from control.console.models import SavedView
from control.engine.values import VALUES_MAX, join_values, split_values
from tests.control.console.installation import Console


def _request(query: str) -> HttpRequest:
    request = HttpRequest()
    request.GET = QueryDict(query)
    return request


def test_values_in_an_address() -> None:
    for values in (("DE",), ("DE", "FR"), ("a,b", "c\\d", ""), ("",), (",", "\\"), ("\\e",)):
        assert split_values(join_values(values)) == values
    assert split_values("DE, FR,,DE,") == ("DE", "FR")
    assert split_values("") == split_values(" , ,") == ()
    assert len(split_values(",".join(map(str, range(500))))) == VALUES_MAX


def test_the_state_of_a_report() -> None:
    state = read_report_state(_request("by=link&then=goal&also=moon&country=DE,FR&sub7=x&order=-cr&columns=cr,moon"))
    assert (state.by, state.values) == (("link", "goal"), {"country": ("DE", "FR"), "sub7": ("x",)})
    assert (state.order, state.columns) == ("-cr", ("cr",))
    assert read_report_state(_request(state.query())) == state
    one = read_report_state(_request(state.only("link", "a,b")))
    assert (one.by, one.values["link"], one.order) == (("goal",), ("a,b",), "-cr")
    assert read_report_state(_request(one.only("goal", ""))).values["goal"] == ("",)

    plain = read_report_state(_request("order=nothing&measure=nothing&page=7"))
    assert (plain.by, plain.order, plain.measure, plain.columns) == (("day",), "day", "revenue", SHOWN)
    assert plain.query() == ""
    assert read_report_state(_request("by=offer&columns=payout,clicks")).order == "-clicks", "a column that is shown"
    twice = read_report_state(_request("by=partner&then=partner&also=offer"))
    assert (twice.by, twice.order) == (("partner", "offer"), "-revenue")


def test_views_and_columns_of_reports_and_conversions(console: Console) -> None:
    """They work as those of lists do, also while the engine is away."""
    for name, query, columns in (
        ("reports", "by=country&device=mobile", ["clicks", "payout"]),
        ("conversions", "status=pending&partner=1", ["order", "goal"]),
    ):
        browser, address = console.browser("analyst"), f"/console/{name}/?{query}"
        chosen = browser.post(address, {"do": "columns", "column": columns})
        assert chosen.headers["Location"] == f"/console/{name}/?{query}&columns={'%2C'.join(columns)}"
        kept = browser.post(chosen.headers["Location"], {"do": "save-view", "name": "Mine"})
        page = browser.get(kept.headers["Location"]).content.decode()
        assert 'aria-current="page">Mine' in page and "Delete this view" in page
        assert "Mine" not in console.browser("owner").get(address).content.decode(), "views are one person's"
        (view,) = SavedView.objects.filter(list_key=name)
        browser.post(address, {"do": "delete-view", "view": str(view.pk)})
        assert not SavedView.objects.filter(list_key=name).exists()
