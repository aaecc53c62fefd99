"""Landing pages and subs of links: stored, checked against the hosts of the offer, published at once."""

from typing import Any

import pytest

from control.accounts.actor import command_line
from control.audit.models import AuditEvent
from control.errors import Invalid, NotFound
from control.exports.export_tables import ObjectTable
from control.imports.resources import RESOURCES
from control.imports.services import start_undo
from control.program.models import Link
from control.program.publishing import publish
from control.program.routing import all_routes, difference_from_rows
from control.program.services.links import change_link, create_link, create_links
from control.program.services.offers import change_offer
from control.tables.write import csv_lines
from program.routes_tree import tree_of
from tests.control.imports.sample import applied, checked, errors, outcomes
from tests.control.program.sample import ANN, lagoon, live_link, shoes

pytestmark = pytest.mark.usefixtures("database")
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PAGE = "https://www.shop.example/summer?cid={click_id}"


@pytest.fixture
def offer(database: object) -> int:
    """A published offer with allowed hosts, and a partner with the number 1."""
    number = shoes(allowed_hosts=["*.shop.example", "news.example"]).number
    lagoon()
    publish(ANN)
    return number


def mistakes(work: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as found:
        work()
    return {error.field: error.message for error in found.value.errors}


def test_edges_get_them_at_once(offer: int) -> None:
    create_link(ANN, offer, 1, "bl", landing_url=PAGE, subs={"sub10": "ü", "sub2": "june"})
    link = live_link("bl")
    assert link is not None
    assert (link.landing_url, link.subs) == (PAGE, (("sub2", "june"), ("sub10", "ü")))
    change_link(ANN, "bl", {"landing_url": "", "subs": {"sub1": "x"}}, "season is over")
    link = live_link("bl")
    assert link is not None and (link.landing_url, link.subs) == ("", (("sub1", "x"),))
    assert difference_from_rows() == ""
    event = AuditEvent.objects.filter(object_type="program.link").latest("id")
    assert event.before == {"landing_url": PAGE, "subs": {"sub2": "june", "sub10": "ü"}}
    assert event.after == {"landing_url": "", "subs": {"sub1": "x"}} and event.reason == "season is over"


@sqlite
def test_ordinary_links_publish_what_they_did_before(offer: int) -> None:
    create_links(ANN, [{"offer": offer, "partner": 1, "code": "bl", "landing_url": "", "subs": {}}])
    routes = all_routes()
    assert routes.links["bl"].landing_url == "" and routes.links["bl"].subs == ()
    assert change_link(ANN, "bl", {"landing_url": "", "subs": {}}).landing_url == ""
    assert AuditEvent.objects.filter(object_type="program.link").count() == 1
    assert difference_from_rows() == "" and tree_of(routes).link("bl") == routes.links["bl"]


@sqlite
@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"landing_url": "https://other.example/"}, "landing_url", "must be on the landing host of offer 1"),
        ({"landing_url": "https://shop.example/{x}"}, "landing_url", "there is no macro {x}"),
        ({"landing_url": "https://shop.example/" + "x" * 2_048}, "landing_url", "at most 2048 characters"),
        ({"landing_url": 7}, "landing_url", "must be a text"),
        ({"subs": {"sub31": "x"}}, "subs.sub31", "is not a sub; the subs are sub1 to sub30"),
        ({"subs": {"sub1": " "}}, "subs.sub1", "must not be empty; leave the sub out"),
        ({"subs": {"sub1": "a\nb"}}, "subs.sub1", "must not contain control characters"),
        ({"subs": {"sub1": "\ud800"}}, "subs.sub1", "must be a text that UTF-8 can encode"),
        ({"subs": {"sub1": "ü" * 1_025}}, "subs.sub1", "must have at most 2048 bytes"),
        ({"subs": {"sub1": 7}}, "subs.sub1", "must be a text"),
        ({"subs": ["sub1"]}, "subs", "must be a map from sub1 to sub30 to texts"),
    ],
)
def test_mistakes(offer: int, values: dict[str, Any], field: str, message: str) -> None:
    item = {"offer": offer, "partner": 1, "code": "bl"}
    found = mistakes(lambda: create_links(ANN, [item, {**item, "code": "bl2", **values}]))
    assert list(found) == [f"items[1].{field}"] and message in found[f"items[1].{field}"]
    create_links(ANN, [item])
    found = mistakes(lambda: change_link(ANN, "bl", values))
    assert list(found) == [field] and message in found[field]


@sqlite
def test_what_never_changes(offer: int) -> None:
    create_link(ANN, offer, 1, "bl")
    assert mistakes(lambda: change_link(ANN, "bl", {"code": "x", "partner": 2})) == {
        "code": "cannot be changed; leave it out", "partner": "cannot be changed; leave it out"
    }  # fmt: skip
    with pytest.raises(NotFound):
        change_link(ANN, "nothing", {})


@sqlite
def test_an_offer_keeps_the_hosts_of_its_links(offer: int) -> None:
    for number in range(7):
        create_link(ANN, offer, 1, f"l{number}", landing_url=f"https://news.example/{number}")
    found = mistakes(lambda: change_offer(ANN, offer, {"allowed_hosts": ["*.shop.example"]}))
    assert "landing pages of links l0, l1, l2, l3, l4 and 2 more; keep the hosts" in found["allowed_hosts"]
    create_link(ANN, offer, 1, "own", landing_url="https://shop.example/x")
    found = mistakes(lambda: change_offer(ANN, offer, {"landing_url": "https://elsewhere.example/"}))
    assert "landing pages of links own;" in found["landing_url"]
    change_offer(ANN, offer, {"allowed_hosts": ["news.example"], "landing_url": "https://shop.example/new"})


def test_imports_and_exports(offer: int) -> None:
    create_link(ANN, offer, 1, "old", subs={"sub1": "a", "sub2": "b"})
    text = (
        "code,offer,partner,Landing page,sub1,Sub 30\n"
        f"old,{offer},1,{PAGE},c,\n"
        f"new,{offer},1,,,z\n"
    )  # fmt: skip
    wrong = errors(checked("links", text + f"bad,{offer},1,https://other.example/,{'x' * 2_049},\n"))
    assert [field for field, _ in wrong[4]] == ["landing_url", "sub1"]
    applied("links", text)
    old, new = live_link("old"), live_link("new")
    assert old is not None and (old.landing_url, old.subs) == (PAGE, (("sub1", "c"), ("sub2", "b")))
    assert new is not None and new.subs == (("sub30", "z"),)
    opened = ObjectTable(RESOURCES["links"]).open(command_line(), {})
    rows = {row["code"]: row for line in opened.rows if (row := dict(zip(opened.head, line, strict=True)))}
    assert (rows["old"]["landing_url"], rows["old"]["subs"]) == (PAGE, "sub1=c&sub2=b")
    assert (rows["new"]["landing_url"], rows["new"]["subs"]) == ("", "sub30=z")
    assert list(rows["new"]) == ["code", "offer", "partner", "status", "landing_url", "subs"]
    assert Link.objects.count() == 2


def test_subs_in_one_column(offer: int) -> None:
    """Any text comes back from an export as it was; a file may have one column for all subs, or one for each."""
    texts = {"sub1": " a&b=c%20+ä", "sub2": "=1", "sub10": "x;y"}
    create_link(ANN, offer, 1, "odd", subs=texts)
    create_link(ANN, offer, 1, "bare")
    opened = ObjectTable(RESOURCES["links"]).open(command_line(), {})
    text = "".join(csv_lines(opened.head, opened.rows))
    assert "sub1=%20a%26b=c%2520%2Bä&sub2==1&sub10=x;y" in text
    assert [outcome for _, outcome, _, _ in outcomes(checked("links", text))] == ["unchanged", "unchanged"]
    head = "code,offer,partner,subs\n"
    done = applied("links", f"{head}odd,{offer},1,sub2=june&sub3=\nnew,{offer},1,sub1=a\n")
    assert [outcome for _, outcome, _, _ in outcomes(done)] == ["changed", "created"]
    assert Link.objects.get(code="odd").subs == {"sub2": "june"} and Link.objects.get(code="new").subs == {"sub1": "a"}
    start_undo(ANN, done.pk)
    assert Link.objects.get(code="odd").subs == texts and not Link.objects.filter(code="new").exists()
    bad = ("june", "sub31=x", "sub1=a&sub1=b", f"sub1={'x' * 2_049}", "sub1=a&&b")
    wrong = errors(checked("links", head + "".join(f"odd,{offer},1,{one}\n" for one in bad)))
    assert [[field for field, _ in wrong[number]] for number in sorted(wrong)] == [["subs"]] * len(bad)
    both = errors(checked("links", f"code,offer,partner,subs,sub1\nodd,{offer},1,sub2=a,b\n"))
    assert both == {2: [["subs", "cannot be used with columns of single subs; leave one of them out"]]}
