"""Landing pages and default subs of links in a program file."""

import pytest

from program.entries import Link
from program.file import ProgramReading, read_program

HEAD = """[program]
currency = "USD"
[[partner]]
id = 7
[[offer]]
id = 101
landing_url = "https://shop.example:8443/?c={click_id}"
allowed_hosts = ["*.brand.example"]
[[link]]
code = "bl"
offer = 101
partner = 7
"""


def read(more: str) -> ProgramReading:
    return read_program(HEAD + more, lambda _: None)


def link_of(more: str) -> Link:
    program = read(more).program
    assert program is not None, read(more).mistakes
    return program.routes.links["bl"]


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/summer/{sub1}?c={click_id}",
        "https://SHOP.example:8443/?c={click_id}",
        "http://news.brand.example?c={click_id}",
    ],
)
def test_a_page_is_on_a_host_that_deep_links_may_go_to(url: str) -> None:
    assert link_of(f'landing_url = "{url}"').landing_url == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://other.example/", "must be on the landing host of offer 101 or on one of its allowed_hosts"),
        ("https://brand.example/", "must be on the landing host of offer 101"),
        ("https://shop.example:9000/", "must be on the landing host of offer 101"),
        ("https://shop.example.evil.example/", "must be on the landing host of offer 101"),
        ("https://shop.example/{nothing}", "there is no macro {nothing}"),
        ("https://{sub1}.brand.example/", "must not have a macro in its host"),
        ("ftp://shop.example/", "must be an http or https URL"),
        ("", "must not be empty"),
    ],
)
def test_other_pages_are_mistakes(url: str, message: str) -> None:
    (mistake,) = read(f'landing_url = "{url}"').mistakes
    assert (mistake.line, mistake.place) == (13, "link[0].landing_url") and message in mistake.message


def test_warnings_of_pages() -> None:
    own = [w for w in read('landing_url = "http://shop.example/"').warnings if w.place == "link[0].landing_url"]
    assert [warning.line for warning in own] == [13, 13]
    assert {warning.message.split(":")[0] for warning in own} == {
        "link bl sends visitors to http, not https",
        "link bl does not pass {click_id} on",
    }
    assert not [
        w for w in read('status = "inactive"\nlanding_url = "http://shop.example/"').warnings if "bl" in w.message
    ]


@pytest.mark.parametrize("more", ['subs = { sub10 = "ü", sub2 = "a b" }', '[link.subs]\nsub10 = "ü"\nsub2 = "a b"\n'])
def test_subs_in_both_forms(more: str) -> None:
    assert link_of(more).subs == (("sub2", "a b"), ("sub10", "ü"))


@pytest.mark.parametrize(
    ("subs", "place", "message"),
    [
        ('{ sub31 = "x" }', "link[0].subs.sub31", "is not a sub; the subs are sub1 to sub30"),
        ('{ sub1 = "" }', "link[0].subs.sub1", "must not be empty"),
        ("{ sub1 = 7 }", "link[0].subs.sub1", "must be a text, not a whole number"),
        ('{ sub1 = "a\\tb" }', "link[0].subs.sub1", "must not contain control characters"),
        ('{ sub1 = "' + "ü" * 1_025 + '" }', "link[0].subs.sub1", "must have at most 2048 bytes"),
        ('"x"', "link[0].subs", "must be a table, not a text"),
    ],
)
def test_mistakes_of_subs(subs: str, place: str, message: str) -> None:
    (mistake,) = read(f"subs = {subs}").mistakes
    assert (mistake.line, mistake.place) == (13, place) and message in mistake.message
