"""Landing URLs and deep links: macros encoded for their place, and never another host."""

import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from program.entries import Offer
from program.fields import MACROS
from program.landing_hosts import allowed_of, host_of, target_of
from tests.tracker.edge_fixture import Stage, program
from tracker.offers.deep_link import deeplink_of
from tracker.offers.landing_url import compile_landing, render

MAX = 10_000
TEXTS = st.text(max_size=30) | st.text(alphabet="./\\?#&%@:{}[] a\t\n", max_size=20)


def made(template: str, chars_max: int = MAX, **values: str) -> str:
    return render(compile_landing(template), values, chars_max)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("https://s.example/?a={sub1}", "https://s.example/?a=a%2Fb%3Fc%26d%20%23e"),
        ("https://s.example/{sub1}/x", "https://s.example/a%2Fb%3Fc%26d%20%23e/x"),
        ("https://s.example/#{sub1}", "https://s.example/#a%2Fb%3Fc%26d%20%23e"),
        ("https://s.example/?a={sub2}&b={sub10}", "https://s.example/?a=&b="),
        ("https://s.example/?a={unknown}{sub0}{sub31}{}", "https://s.example/?a={unknown}{sub0}{sub31}{}"),
        ("https://{sub1}.example/?a={click_id}", "https://{sub1}.example/?a=ID"),
        ("https://s.example{sub1}", "https://s.example{sub1}"),
        ("https://{sub1}@s.example/", "https://{sub1}@s.example/"),
        ("https:///{sub1}/", "https:///{sub1}/"),
        ("//s.example/{sub1}", "//s.example/{sub1}"),
        ("https://s.example\\{sub1}", "https://s.example\\a%2Fb%3Fc%26d%20%23e"),
        ("https://s.example/ü?x={click_id}", "https://s.example/%C3%BC?x=ID"),
        ("app://open/{click_id}", "app://open/ID"),
        ("https://s.example/{click_id}?{click_id}#{click_id}", "https://s.example/ID?ID#ID"),
    ],
)
def test_macros(template: str, expected: str) -> None:
    assert made(template, sub1="a/b?c&d #e", click_id="ID") == expected


def test_every_macro_of_the_contract(stage: Stage) -> None:
    template = "https://s.example/?" + "&".join(f"{name}={{{name}}}" for name in MACROS)
    stage.holder.current = program(offers=[Offer(101, "S", template)])
    subs = {f"sub{number}": f"v{number}" for number in range(1, 31)}
    answer = stage.click(**subs)
    assert {name: answer.param(name) for name in subs} == subs
    assert len(answer.param("click_id")) == 36
    assert [answer.param(name) for name in ("offer_id", "partner_id", "link")] == ["101", "7", "bl-shoes"]
    assert (answer.param("ip"), answer.param("ts")) == ("203.0.113.9", "1800000000")


@pytest.mark.parametrize("dots", [".", "..", "..."])
def test_a_path_of_dots_does_not_walk_up(dots: str) -> None:
    assert made("https://s.example/a/{sub1}/b", sub1=dots) == "https://s.example/a//b"
    assert made("https://s.example/a/{sub1}{sub2}/b", sub1=".", sub2=".") == "https://s.example/a//b"
    assert made("https://s.example/?a={sub1}", sub1=dots) == f"https://s.example/?a={dots}"


def test_what_visitors_multiply_is_bounded() -> None:
    template = "https://s.example/?" + "{sub1}" * 100 + "{click_id}"
    url = made(template, chars_max=50, sub1="x" * 20, click_id="ID")
    assert url == "https://s.example/?" + "x" * 40 + "ID"


@given(value=TEXTS, template=st.sampled_from(["https://s.example/{sub1}/x", "https://s.example/?a={sub1}&b=c"]))
@example(value="/../..//evil.example", template="https://s.example/{sub1}/x")
def test_a_value_stays_in_its_place(value: str, template: str) -> None:
    url = made(template, sub1=value)
    parts = urlsplit(url)
    assert parts.netloc == "s.example" and url.isascii() and not re.search(r"[\s\\<>\"]", url)
    survives = value.encode("utf-8", "replace").decode()
    if "?" in template:
        assert parts.path == "/" and not parts.fragment
        assert re.fullmatch(r"a=([^&=]*)&b=c", parts.query)
        assert unquote(parts.query[2:-4]) == survives
    else:
        assert not parts.query and not parts.fragment and parts.path.endswith("/x")
        assert parts.path.count("/") == 2
        assert unquote(parts.path[1:-2]) == (survives.strip(".") and survives)


# ------------------------------------------------------------------------------------------------------ deep links

ALLOWED = allowed_of("https://shop.example:8443/?cid={click_id}", ("pay.example", "*.shop.example", "münchen.example"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/x?y#z", "https://shop.example/x?y#z"),
        ("http://shop.example", "http://shop.example"),
        ("https://shop.example:8443/x", "https://shop.example:8443/x"),
        ("https://shop.example:443/x", "https://shop.example/x"),
        ("http://shop.example:80/x", "http://shop.example/x"),
        ("https://shop.example:/x", "https://shop.example/x"),
        ("HTTPS://SHOP.Example/X", "https://shop.example/X"),
        ("https://a.b.shop.example/", "https://a.b.shop.example/"),
        ("https://pay.example./x", "https://pay.example/x"),
        ("https://pay.example?x=1", "https://pay.example?x=1"),
        ("https://münchen.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("https://xn--mnchen-3ya.example/", "https://xn--mnchen-3ya.example/"),
        ("https://pay.example/a b?c=d e", "https://pay.example/a%20b?c=d%20e"),
        ("https://pay.example/?to=https://evil.example@x", "https://pay.example/?to=https://evil.example@x"),
    ],
)
def test_deep_links_that_are_followed(url: str, expected: str) -> None:
    assert deeplink_of(url, ALLOWED) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        "https://x.pay.example/",
        "https://.shop.example/",
        "https://shop.example@evil.example/",
        "https://user:pw@shop.example/",
        "https://evil.example#@shop.example/",
        "https://evil.example?@shop.example/",
        "https://evil.example\\@shop.example/",
        "https://evil.example\\.shop.example/",
        "https:\\\\shop.example/",
        "https:///shop.example/",
        "https:/shop.example/",
        "https:shop.example/",
        "//shop.example/",
        "/relative",
        "shop.example",
        "javascript:alert(1)//shop.example/",
        "ftp://shop.example/",
        "data:text/html,https://shop.example/",
        "https://shop.example:99/",
        "https://shop.example:8444/",
        "https://shop.example:80/",
        "https://shop.example:99999/",
        "https://shop.example:8443:1/",
        "https://shop.example:x/",
        "https://shop%2eexample/",
        "https://evil.example%2f.shop.example/",
        "https://evil.example%23.shop.example/",
        "https://evil.example／.shop.example/",
        "https://evil.example℀.shop.example/",
        "https://evil.example？.shop.example/",
        "https://evil.example\t.shop.example/",
        "https://evil.example\n.shop.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
        " https://shop.example/",
        "https:// shop.example/",
        "ht\ttps://shop.example/",
        "https://[::1]/",
        "https://[::ffff:1.2.3.4].shop.example/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://a..shop.example/",
        "https://shop.example../",
        "https://" + "ü" * 100 + ".shop.example/",
        "https://",
        "",
    ],
)
def test_deep_links_that_are_not(url: str) -> None:
    assert deeplink_of(url, ALLOWED) is None


def test_an_ipv6_landing_host() -> None:
    allowed = allowed_of("http://[2001:db8::1]:8080/", ())
    assert deeplink_of("http://[2001:DB8:0::1]:8080/x", allowed) == "http://[2001:db8::1]:8080/x"
    assert deeplink_of("http://[2001:db8::2]:8080/x", allowed) is None


def browser_host(url: str) -> str:
    """The host that a browser reads, by the WHATWG rules for http and https; "" where it reads none."""
    url = re.sub(r"[\t\n\r]", "", url.strip("".join(map(chr, range(0x21)))))
    match = re.match(r"(?i)https?:[/\\]*([^/\\?#]*)", url)
    if match is None:
        return ""
    return re.sub(r":\d*$", "", match.group(1).rpartition("@")[2]).lower()


HOSTS = st.sampled_from(
    [
        "shop.example",
        "pay.example",
        "a.shop.example",
        "evil.example",
        "shop.example.evil",
        "ſhop.example",
        "",
        "münchen.example",
    ]
)
MARKS = st.sampled_from(
    ["", "/", "//", "\\", "@", ":", "?", "#", "%2f", "%40", ".", "。", "\t", "\n", " ", ":443", "{sub1}", "／"]
)


@given(
    scheme=st.sampled_from(["https:", "http:", "HTTPS:", "https", "javascript:", ""]),
    slashes=st.sampled_from(["//", "/", "", "///", "\\\\", "/\\"]),
    pieces=st.lists(st.tuples(HOSTS, MARKS), max_size=4),
    tail=TEXTS,
)
def test_no_deep_link_leaves_the_list(scheme: str, slashes: str, pieces: list[tuple[str, str]], tail: str) -> None:
    stage = Stage()
    stage.holder.current = program()
    asked = scheme + slashes + "".join(host + mark for host, mark in pieces) + tail
    answer = stage.click(url=asked.encode("utf-8", "replace").decode())
    host = browser_host(answer.location)
    assert answer.status == 302 and answer.location.isascii() and not re.search(r"[\s\\]", answer.location)
    if answer.verdict == "accepted":
        assert host in ("shop.example", "pay.example") or host.endswith(".shop.example")
    else:
        assert (answer.verdict, host) == ("deeplink_not_allowed", "acme.example")


@given(st.text(max_size=40))
def test_hosts_are_plain_or_nothing(text: str) -> None:
    host = host_of(text)
    assert host == "" or host_of(host) == host
    assert re.fullmatch(r"[a-z0-9._-]*|\[[0-9a-f:.]+\]", host)
    target = target_of(f"https://{text}/")
    assert target is None or re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", target.host)


def test_macros_in_a_deep_link(stage: Stage) -> None:
    answer = stage.click(url="https://m.shop.example/{sub1}?cid={click_id}&x={foo}", sub1="a/b")
    assert answer.location == f"https://m.shop.example/a%2Fb?cid={answer.param('cid')}&x={{foo}}"
    assert stage.click(url="https://{sub1}.shop.example/", sub1="evil.example/").verdict == "deeplink_not_allowed"
