"""Links as real traffic sends them: codes, nested macros, bytes that are not UTF-8, and an & in a deep link."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from program.entries import Link
from program.landing_hosts import allowed_of
from tests.programs import program_of_entries
from tests.tracker.edge_fixture import Stage
from tracker.offers.deep_link import deeplink_of
from tracker.offers.landing_url import compile_landing, render
from tracker.offers.program_index import ProgramIndex
from tracker.request.params import read_params

VALUE = "a/b?c&d=1 ü"


@pytest.mark.parametrize(
    "path",
    ["bl-shoes", "bl-shoes/", "bl-shoes//", "BL-Shoes", "Bl-SHOES/", "bl-shoes%20", "bl-shoes%E2%80%8B", "%20bl-shoes/",
     "bl-shoes/%20", "bl-shoes%C2%A0/"],
)  # fmt: skip
def test_slashes_blanks_and_case_of_a_code_do_not_matter(stage: Stage, path: str) -> None:
    answer = stage.get(f"/c/{path}")
    assert (answer.status, answer.verdict) == (302, "accepted")
    assert stage.get(f"/i/{path}.gif").verdict == "accepted"
    assert {event.link for _, event in stage.stored("hits")} == {"bl-shoes"}


@pytest.mark.parametrize("path", ["bl-shoes.gif/", "bl-shoes.GIF", "BL-SHOES.gif//"])
def test_the_same_for_pixels(stage: Stage, path: str) -> None:
    assert stage.get(f"/i/{path}").verdict == "accepted"


def test_the_exact_code_wins_and_an_ambiguous_one_is_unknown() -> None:
    links = {code: Link(code, 101, 7) for code in ("Sale", "SALE", "x")}
    index = ProgramIndex(program_of_entries(links=links.values()))
    assert index.link("Sale") == links["Sale"] and index.link("SALE/") == links["SALE"]
    assert index.link("sale") is None and index.link("X") == links["x"] and index.link("") is None


@pytest.mark.parametrize(
    ("template", "levels"),
    [
        ("https://s.example/?a={sub1}", 1),
        ("https://r.example/?u=https://s.example/?a={sub1}", 1),
        ("https://r.example/?u=https%3A%2F%2Fs.example%2F%3Fa%3D{sub1}", 2),
        ("https://r.example/?x=1&u=https%3A%2F%2Fs.example%2F%3Fa%3D1%26b%3D{sub1}&y=2", 2),
        ("https://r.example/?u=https://s.example/%3Fa%3D{sub1}", 2),
        ("https://r.example/?u=%2Fp%3Fa%3D{sub1}", 2),
        ("https://r.example/?u=https%3A%2F%2Fs.example%2Fp%2F{sub1}", 2),
        ("https://r.example/go/https%3A%2F%2Fs.example%2F%3Fa%3D{sub1}", 2),
        ("https://r.example/#u=https%3A%2F%2Fs.example%2F%3Fa%3D{sub1}", 2),
        ("https://r.example/?u=https%3A%2F%2Fs.example%2F%23a%3D{sub1}", 2),
        ("https://r.example/?u=https%253A%252F%252Fs.example%252F%253Fa%253D{sub1}", 3),
        ("https://r.example/?u=https%3A%2F%2Ft.example%2F%3Fv%3Dhttps%253A%252F%252Fs.example%253Fa%253D{sub1}", 3),
        ("https://r.example/?t=50%25%20{sub1}", 1),
        ("https://r.example/?t=a%26b{sub1}", 1),
    ],
)  # fmt: skip
def test_macros_are_encoded_once_for_each_level(template: str, levels: int) -> None:
    url = render(compile_landing(template), {"sub1": VALUE}, 10_000)
    prefix, _, suffix = template.partition("{sub1}")
    assert url.startswith(prefix) and url.endswith(suffix)
    encoded = url[len(prefix) : len(url) - len(suffix)]
    for _ in range(levels):
        assert not set("/?&= ") & set(encoded)
        encoded = unquote(encoded)
    assert encoded == VALUE


def test_a_nested_page_gets_the_value_as_it_was() -> None:
    template = "https://r.example/?u=https%3A%2F%2Fs.example%2F%3Fa%3D{sub1}%26b%3D2&k=v"
    outer = parse_qs(urlsplit(render(compile_landing(template), {"sub1": VALUE}, 10_000)).query)
    inner = parse_qs(urlsplit(outer["u"][0]).query)
    assert inner == {"a": [VALUE], "b": ["2"]} and outer["k"] == ["v"]


def test_bytes_that_are_not_utf8_are_passed_on_as_they_came(stage: Stage) -> None:
    answer = stage.get("/c/bl-shoes?sub1=%EE%EA%F0%E1&user_id=%FFu&partner_click_id=%FE&visitor_id=%EEv")
    assert answer.verdict == "accepted" and "&s=%EE%EA%F0%E1" in answer.location
    ((_, touch),) = stage.stored("hits")
    assert touch.subs == {"sub1": "\ufffd" * 4} and touch.user_id == "\ufffdu" and touch.visitor_id == "\ufffdv"
    deep = stage.get("/c/bl-shoes?url=https%3A%2F%2Fpay.example%2F%EE%EA%3Fq%3D%F0")
    assert (deep.verdict, deep.location) == ("accepted", "https://pay.example/%EE%EA?q=%F0")


@pytest.mark.parametrize(
    ("query", "url", "others"),
    [
        (b"url=https://s/p?x=1&y=2", "https://s/p?x=1&y=2", {"y": "2"}),
        (b"sub1=a&url=https://s/p?x=1&y=2&z", "https://s/p?x=1&y=2&z", {"sub1": "a", "y": "2", "z": ""}),
        (b"url=https://s/p?x=1&amp;y=2", "https://s/p?x=1&y=2", {"y": "2"}),
        (b"url=https://s/p?x=1&sub1=a", "https://s/p?x=1", {"sub1": "a"}),
        (b"url=https://s/p?x=1&sub1=a&y=2", "https://s/p?x=1", {"sub1": "a", "y": "2"}),
        (b"url=https%3A%2F%2Fs%2Fp%3Fx%3D1&utm_source=t", "https://s/p?x=1", {"utm_source": "t"}),
        (b"url=https://s/p&utm_source=t", "https://s/p", {"utm_source": "t"}),
        (b"y=2&sub1=a&url=https://s/p?x=1", "https://s/p?x=1", {"y": "2", "sub1": "a"}),
    ],
)
def test_an_ampersand_in_url(query: bytes, url: str, others: dict[str, str]) -> None:
    assert read_params(query) == ({"url": url, **others}, False)


@pytest.mark.parametrize(
    "query", [b"url=https://s/p?x=1&y=2&sub1=a", b"sub2=b&url=https://s/p?x=1&y&z=3&user_id=u&w=1"]
)
def test_an_ambiguous_ampersand(query: bytes) -> None:
    assert read_params(query)[1]


def test_an_ambiguous_deep_link_is_refused_with_a_verdict(stage: Stage) -> None:
    answer = stage.get("/c/bl-shoes?url=https://pay.example/p?x=1&y=2&sub1=a")
    assert (answer.status, answer.verdict) == (302, "deeplink_ambiguous")
    assert answer.location == "https://acme.example/none"
    kept = stage.get("/c/bl-shoes?sub1=a&url=https://pay.example/p?x=1&y=2")
    assert (kept.verdict, kept.location) == ("accepted", "https://pay.example/p?x=1&y=2")
    assert stage.get("/i/bl-shoes.gif?url=https://pay.example/p?x=1&y=2&sub1=a").verdict == "accepted"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://xn--fa-hia.example/", "https://xn--fa-hia.example/"),
        ("https://fass.example/", None),
        ("https://a.ς.example/", "https://a.xn--3xa.example/"),
        ("https://a.σ.example/", None),
        ("httpſ://faß.example/", None),
        ("https://xn--a.faß.example/", None),
        (f"https://{'a' * 64}.ς.example/", None),
    ],
)
def test_deep_links_to_hosts_by_uts_46(url: str, expected: str | None) -> None:
    allowed = allowed_of("https://shop.example/", ("faß.example", "*.ς.example", "*.xn--fa-hia.example"))
    assert deeplink_of(url, allowed) == expected
