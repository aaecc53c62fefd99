"""Links with a landing page and default subs of their own."""

import msgspec
import pytest

from program.entries import Link
from program.routes_tree import RoutesChange, tree_of
from runtime.settings import TrackerSettings
from tests.tracker.edge_fixture import NOW_US, Stage
from tests.tracker.edge_fixture import program as edge_program
from tracker.offers import program_index

OWN = "https://m.shop.example/summer/{sub1}?cid={click_id}&l={link}&s2={sub2}"
LINKS = {
    "own": Link("own", 101, 7, landing_url=OWN, subs=(("sub1", "mail list"), ("sub2", "b"), ("sub30", "ü"))),
    "subs": Link("subs", 101, 7, subs=(("sub1", "mail"),)),
    "stray": Link("stray", 101, 7, landing_url="https://other.example/?cid={click_id}"),
}


def staged(settings: TrackerSettings | None = None) -> Stage:
    base = edge_program()
    routes = msgspec.structs.replace(base.routes, links={**base.routes.links, **LINKS})
    return Stage(settings or TrackerSettings(), program=msgspec.structs.replace(base, routes=routes))


@pytest.fixture(params=["file", "tree"])
def stage(request: pytest.FixtureRequest) -> Stage:
    """An edge with the program of a file, and one that follows a published program."""
    stage = staged()
    if request.param == "tree":
        stage.holder.follow(stage.program, tree_of(stage.program.routes))
    return stage


def test_visitors_go_to_the_page_of_the_link(stage: Stage) -> None:
    answer = stage.click("own")
    click_id = answer.param("cid")
    assert answer.location == f"https://m.shop.example/summer/mail%20list?cid={click_id}&l=own&s2=b"
    (touch,) = stage.touches
    assert touch.subs == {"sub1": "mail list", "sub2": "b", "sub30": "ü"} and touch.landing_url == answer.location
    assert stage.click("bl-shoes").location.startswith("https://shop.example/?cid=")


def test_a_sub_of_the_hit_wins_unless_it_is_empty(stage: Stage) -> None:
    answer = stage.click("own", sub1="x", sub2="", sub3="c")
    assert answer.location.startswith("https://m.shop.example/summer/x?") and answer.param("s2") == "b"
    assert stage.touches[0].subs == {"sub1": "x", "sub2": "b", "sub3": "c", "sub30": "ü"}
    assert stage.click("subs").param("s") == "mail"  # a macro of the offer's page


def test_impressions_get_the_subs(stage: Stage) -> None:
    assert stage.get("/i/own.gif?sub2=z").verdict == "accepted"
    (touch,) = stage.touches
    assert touch.subs == {"sub1": "mail list", "sub2": "z", "sub30": "ü"} and touch.landing_url == ""


def test_a_deep_link_wins_if_it_is_allowed(stage: Stage) -> None:
    assert stage.click("own", url="https://pay.example/{sub1}").location == "https://pay.example/mail%20list"
    assert stage.click("own", url="https://evil.example/").verdict == "deeplink_not_allowed"


def test_no_visitor_goes_to_a_host_that_the_offer_does_not_allow(stage: Stage) -> None:
    answer = stage.click("stray")
    assert answer.verdict == "accepted" and answer.location.startswith("https://shop.example/?cid=")


def test_events_of_other_systems_say_their_subs_themselves(stage: Stage) -> None:
    """The same line sent again must be the same event, even if the link got other subs meanwhile."""
    line = {"type": "click", "id": "a1", "ts": NOW_US, "link": "own", "sub2": "x"}
    assert stage.line(line)["verdict"] == "accepted"
    assert stage.touches[0].subs == {"sub2": "x"}


def test_subs_are_cut_like_those_of_a_hit() -> None:
    stage = staged(TrackerSettings(field_bytes_max=6))
    stage.click("own", sub2="1234567")
    assert stage.touches[0].subs == {"sub1": "mail l", "sub2": "123456", "sub30": "ü"}


def test_a_page_is_compiled_once_for_all_versions_with_the_same_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_landing = program_index.compile_landing
    monkeypatch.setattr(program_index, "compile_landing", lambda url: compiled.append(url) or compile_landing(url))
    stage, offer = staged(), staged().program.routes.offers[101]
    tree = tree_of(stage.program.routes)
    stage.holder.follow(stage.program, tree)
    for number in range(3):
        assert [stage.click("own").status, stage.click("own").status] == [302, 302]
        tree = tree.changed(RoutesChange({f"new{number}": Link(f"new{number}", 101, 7)}))
        stage.holder.follow(stage.program, tree)
    assert compiled == [offer.landing_url, OWN]
    other = msgspec.structs.replace(offer, allowed_hosts=())
    stage.holder.follow(stage.program, tree.changed(RoutesChange(offers={101: other})))
    assert stage.click("own").location.startswith("https://shop.example/?cid=")


def test_pages_that_are_kept_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_index, "PAGES_MAX", 2)
    stage = staged()
    offer = program_index.ProgramIndex(stage.program).offer(101)
    assert offer is not None
    pages = [offer.landing_of(f"https://shop.example/{number}") for number in (1, 2, 3, 1)]
    assert [page.literals[0][-1] for page in pages] == ["1", "2", "3", "1"]
    assert pages[0] is not pages[3] and offer.landing_of("https://shop.example/3") is pages[2]
