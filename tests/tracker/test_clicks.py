"""Clicks and pixels (docs/contract.md, section 2): where visitors go, what is stored, what is refused and why."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.settings import TrackerSettings
from schemas.events import Consent, Hint, Kind
from schemas.values.click_id import facts_of, from_text, verify
from tests.tracker.edge_fixture import CHROME, KEYS, NOW_US, Stage, program, run

COOKIE = re.compile(r"clew_v=([A-Za-z0-9_-]{22}); Max-Age=31536000; Path=/; HttpOnly; SameSite=Lax(; Secure)?")


def test_a_click_is_stored_and_sent_on(stage: Stage) -> None:
    answer = stage.get(
        "/c/bl-shoes?sub1=a%20b&sub30=z&sub31=no&utm=no&user_id=u1&partner_click_id=pc1&gdpr_consent=CP",
        headers=[(b"referer", b"https://blog.example/p?q=1"), (b"accept-language", b"de-DE")],
    )
    assert (answer.status, answer.verdict, answer.headers["cache-control"]) == (302, "accepted", "no-store")
    click_id = answer.param("cid")
    assert answer.location == f"https://shop.example/?cid={click_id}&p=7&s=a%20b"
    token = from_text(click_id)
    assert token is not None
    facts = verify(KEYS, token, NOW_US // 1_000)
    assert facts is not None and (facts.offer_id, facts.partner_id, facts.ts_ms) == (101, 7, NOW_US // 1_000)
    ((kind, _),) = stage.stored("hits")
    (touch,) = stage.touches
    assert kind is Kind.CLICK
    assert (touch.touch_id, touch.ts, touch.received_ts) == (token, NOW_US, NOW_US)
    assert (touch.offer_id, touch.partner_id, touch.link) == (101, 7, "bl-shoes")
    assert touch.subs == {"sub1": "a b", "sub30": "z"}
    assert (touch.user_id, touch.partner_click_id, touch.tcf) == ("u1", "pc1", "CP")
    assert (touch.ip, touch.user_agent) == ("203.0.113.9", CHROME.decode())
    assert (touch.referrer, touch.accept_language) == ("https://blog.example/p?q=1", "de-DE")
    assert (touch.landing_url, touch.redirect_type) == (answer.location, "302")
    assert (touch.consent, touch.hints) == (0, 0) and touch.ip_hash > 0


def test_a_pixel_is_an_impression(stage: Stage) -> None:
    answer = stage.get("/i/bl-shoes.gif?sub1=x")
    assert (answer.status, answer.verdict, answer.headers["cache-control"]) == (200, "accepted", "no-store")
    assert answer.headers["content-type"] == "image/gif"
    assert len(answer.body) == 43 and answer.body.startswith(b"GIF89a") and answer.body.endswith(b";")
    assert COOKIE.fullmatch(answer.headers["set-cookie"])
    ((kind, _),) = stage.stored("hits")
    assert kind is Kind.IMPRESSION
    (touch,) = stage.touches
    assert (touch.subs, touch.redirect_type, touch.landing_url) == ({"sub1": "x"}, "pixel", "")


REFUSED = [
    ("nope", "unknown_link", 0, 0),
    ("off-link", "inactive_link", 101, 7),
    ("off-offer", "inactive_offer", 103, 7),
    ("off-partner", "inactive_partner", 101, 8),
    ("no-offer", "unknown_offer", 999, 7),
    ("no-partner", "unknown_partner", 101, 999),
]


@pytest.mark.parametrize(("link", "reason", "offer_id", "partner_id"), REFUSED)
def test_a_refused_click_goes_to_the_fallback(
    stage: Stage, link: str, reason: str, offer_id: int, partner_id: int
) -> None:
    answer = stage.get(f"/c/{link}?sub1=a&secret=hush", headers=[(b"referer", b"https://r.example/")])
    assert (answer.status, answer.location, answer.verdict) == (302, "https://acme.example/none", reason)
    (event,) = stage.rejected
    assert stage.touches == []
    assert (event.kind, event.reason, event.link) == ("click", reason, link)
    assert (event.offer_id, event.partner_id) == (offer_id, partner_id)
    assert (event.method, event.path, event.fields) == ("GET", f"/c/{link}", {"sub1": "a"})
    assert (event.ip, event.referrer, event.user_agent) == ("203.0.113.9", "https://r.example/", CHROME.decode())
    assert event.ts == NOW_US and event.detail


@pytest.mark.parametrize(("link", "reason", "_offer", "_partner"), REFUSED)
def test_a_refused_pixel_is_still_a_pixel(stage: Stage, link: str, reason: str, _offer: int, _partner: int) -> None:
    answer = stage.get(f"/i/{link}.gif")
    assert (answer.status, answer.verdict, len(answer.body)) == (200, reason, 43)
    assert [(event.kind, event.reason) for event in stage.rejected] == [("impression", reason)]


def test_without_a_fallback_it_is_404() -> None:
    stage = Stage(program=program(fallback_url=""))
    answer = stage.get("/c/nope")
    assert (answer.status, answer.verdict) == (404, "unknown_link")
    assert "location" not in answer.headers
    assert [event.reason for event in stage.rejected] == ["unknown_link"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/c/bl-shoes", "/i/bl-shoes.gif"])
def test_other_methods_are_not_allowed(stage: Stage, method: str, path: str) -> None:
    answer = run(stage.ask(method, path))
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert stage.stored("hits") == []


# -------------------------------------------------------------------------------------------- what the sender says


def test_head_and_prefetch_are_hints(stage: Stage) -> None:
    assert run(stage.ask("HEAD", "/c/bl-shoes")).status == 302
    for name, value in ((b"sec-purpose", b"prefetch;prerender"), (b"purpose", b"prefetch"), (b"x-moz", b"Prefetch")):
        assert stage.get("/c/bl-shoes", headers=[(name, value)]).status == 302
    assert [touch.hints for touch in stage.touches] == [Hint.HEAD] + [Hint.PREFETCH] * 3


def test_deep_links(stage: Stage) -> None:
    good = stage.click(url="https://m.shop.example/sale?a=b#c")
    assert (good.status, good.location) == (302, "https://m.shop.example/sale?a=b#c")
    bad = stage.click(url="https://evil.example/")
    assert (bad.status, bad.location, bad.verdict) == (302, "https://acme.example/none", "deeplink_not_allowed")
    (event,) = stage.rejected
    assert (event.reason, event.field, event.fields) == (
        "deeplink_not_allowed",
        "url",
        {"url": "https://evil.example/"},
    )
    assert stage.touches[0].landing_url == good.location


def test_a_pixel_has_no_deep_link(stage: Stage) -> None:
    assert stage.get("/i/bl-shoes.gif?url=https://evil.example/").verdict == "accepted"


def test_over_long_values_are_cut_and_the_visitor_goes_on() -> None:
    stage = Stage(settings=TrackerSettings(field_bytes_max=100))
    long = "ä" * 80
    answer = stage.get(
        f"/c/bl-shoes?sub1={'x' * 300}&partner_click_id={'y' * 300}&visitor_id={'v' * 300}&user_id={'u' * 300}",
        user_agent=b"U" * 300,
        headers=[(b"referer", long.encode() * 2)],
    )
    assert answer.status == 302
    (touch,) = stage.touches
    assert touch.subs == {"sub1": "x" * 100} and touch.partner_click_id == "y" * 100
    assert touch.visitor_id == "v" * 100 and touch.user_id == "u" * 100
    assert touch.user_agent == "U" * 100 and touch.referrer == "ä" * 50


def test_of_repeated_parameters_the_first_counts(stage: Stage) -> None:
    stage.get("/c/bl-shoes?sub1=a&sub1=b")
    assert stage.touches[0].subs == {"sub1": "a"}


# ------------------------------------------------------------------------------------------------------ visitors


def test_a_new_visitor_gets_a_cookie_and_keeps_it(stage: Stage) -> None:
    first = stage.click()
    match = COOKIE.fullmatch(first.headers["set-cookie"])
    assert match is not None and match.group(2) is None
    visitor_id = match.group(1)
    again = stage.get("/c/bl-hats", headers=[(b"cookie", f"a=b; clew_v={visitor_id}; c=d".encode())])
    assert "set-cookie" not in again.headers
    assert [touch.visitor_id for touch in stage.touches] == [visitor_id, visitor_id]


def test_the_cookie_is_secure_over_https() -> None:
    stage = Stage(program=program(trusted_proxies=("10.0.0.0/8",)))
    https = run(stage.ask("GET", "/c/bl-shoes", scheme="https"))
    assert https.headers["set-cookie"].endswith("; Secure")
    proto = [(b"x-forwarded-proto", b"https")]
    assert stage.get("/c/bl-shoes", headers=proto, peer="10.1.1.1").headers["set-cookie"].endswith("; Secure")
    assert not stage.get("/c/bl-shoes", headers=proto).headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("value", ["short", "~" + "a" * 21, "a" * 23, "a" * 21 + "!", ""])
def test_a_cookie_that_is_not_ours_is_replaced(stage: Stage, value: str) -> None:
    answer = stage.get("/c/bl-shoes", headers=[(b"cookie", f"clew_v={value}".encode())])
    assert COOKIE.fullmatch(answer.headers["set-cookie"])


def test_the_parameter_comes_before_the_cookie(stage: Stage) -> None:
    answer = stage.get("/c/bl-shoes?visitor_id=v1", headers=[(b"cookie", b"clew_v=" + b"a" * 22)])
    assert "set-cookie" not in answer.headers
    assert stage.touches[0].visitor_id == "v1"


def test_a_parameter_that_looks_like_our_hash_names_nobody(stage: Stage) -> None:
    answer = stage.get("/c/bl-shoes?visitor_id=~joined")
    assert "set-cookie" in answer.headers
    assert "~" not in stage.touches[0].visitor_id


@pytest.mark.parametrize(("header", "bit"), [((b"sec-gpc", b"1"), Consent.GPC), ((b"dnt", b"1"), Consent.DNT)])
def test_no_cookie_under_gpc_or_dnt(stage: Stage, header: tuple[bytes, bytes], bit: Consent) -> None:
    cookie = (b"cookie", b"clew_v=" + b"a" * 22)
    first = stage.get("/c/bl-shoes", headers=[header, cookie])
    second = stage.get("/c/bl-hats", headers=[header])
    other = stage.get("/c/bl-hats", headers=[header], peer="203.0.113.10")
    stage.clock.step_us(86_400 * 1_000_000)
    later = stage.get("/c/bl-hats", headers=[header])
    assert all("set-cookie" not in answer.headers for answer in (first, second, other, later))
    ids = [touch.visitor_id for touch in stage.touches]
    assert all(re.fullmatch(r"~[A-Za-z0-9_-]{22}", visitor_id) for visitor_id in ids)
    assert ids[0] == ids[1] and len(set(ids)) == 3
    assert {touch.consent for touch in stage.touches} == {bit}


def test_a_given_visitor_counts_under_gpc_too(stage: Stage) -> None:
    stage.get("/c/bl-shoes?visitor_id=v1", headers=[(b"sec-gpc", b"1")])
    assert stage.touches[0].visitor_id == "v1"


# ------------------------------------------------------------------------------------------------------ addresses


def test_forwarded_for_counts_only_from_trusted_proxies() -> None:
    stage = Stage(program=program(trusted_proxies=("10.0.0.0/8", "192.0.2.1/32")))
    header = [(b"x-forwarded-for", b"198.51.100.1, 198.51.100.2"), (b"x-forwarded-for", b"192.0.2.1")]
    stage.get("/c/bl-shoes", headers=header, peer="10.0.0.1")
    stage.get("/c/bl-shoes", headers=header, peer="203.0.113.9")
    assert [touch.ip for touch in stage.touches] == ["198.51.100.2", "203.0.113.9"]


def test_truncated_addresses() -> None:
    stage = Stage(settings=TrackerSettings(ip_privacy="truncated"))
    stage.get("/c/bl-shoes", peer="203.0.113.9")
    stage.get("/c/bl-shoes", peer="2001:db8:1:2::3")
    stage.get("/c/nope", peer="203.0.113.9")
    assert [touch.ip for touch in stage.touches] == ["203.0.113.0", "2001:db8:1::"]
    assert stage.rejected[0].ip == "203.0.113.0"
    full = Stage()
    full.get("/c/bl-shoes", peer="203.0.113.9")
    assert full.touches[0].ip_hash == stage.touches[0].ip_hash


def test_a_peer_without_an_address(stage: Stage) -> None:
    assert stage.get("/c/bl-shoes", peer=None).status == 302
    assert (stage.touches[0].ip, stage.touches[0].ip_hash) == ("", 0)


def test_the_hash_of_an_address_changes_daily(stage: Stage) -> None:
    stage.click()
    stage.clock.step_us(86_400 * 1_000_000)
    stage.click()
    assert len({touch.ip_hash for touch in stage.touches}) == 2


# ---------------------------------------------------------------------------------------------------- whatever comes


@given(
    path=st.binary(max_size=30),
    query=st.binary(max_size=60),
    agent=st.binary(max_size=30),
    referer=st.binary(max_size=30),
    cookie=st.binary(max_size=30),
)
def test_any_bytes_are_answered_and_recorded(
    path: bytes, query: bytes, agent: bytes, referer: bytes, cookie: bytes
) -> None:
    stage = Stage()
    percent = "".join(f"%{byte:02x}" for byte in path)
    headers = [(b"referer", referer), (b"cookie", b"clew_v=" + cookie), (b"x-forwarded-for", referer)]
    for target in (f"/c/{percent}", "/c/bl-shoes", "/i/bl-shoes.gif"):
        answer = run(stage.ask("GET", f"{target}?{query.decode('latin-1')}", user_agent=agent, headers=headers))
        assert answer.status in (200, 302)
    assert len(stage.stored("hits")) == 3


def test_a_reloaded_program_is_used_at_once(stage: Stage) -> None:
    stage.holder.current = program(fallback_url="https://new.example/")
    assert stage.get("/c/nope").location == "https://new.example/"
    assert stage.holder.current.routes.fallback_url == "https://new.example/"


def test_equal_clicks_have_different_ids(stage: Stage) -> None:
    ids = {stage.click_id() for _ in range(5)}
    assert len(ids) == 5
    assert all(facts_of(touch.touch_id).offer_id == 101 for touch in stage.touches)
