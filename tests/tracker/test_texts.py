"""Texts, addresses, visitors and secrets: the small readers that everything else trusts."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values.ip_addresses import canonical, truncated
from tracker import secrets
from tracker.lines.timestamps import parse_ts
from tracker.offers.landing_url import escaped
from tracker.request import visitor
from tracker.request.client_ip import hash_of, networks_of, sender_of
from tracker.request.text import byte_length, clean, cut, has_control, header_text, is_text, pairs_of

PROXIES = networks_of(("10.0.0.0/8", "2001:db8::/32"))


# ----------------------------------------------------------------------------------------------------------- texts

ANY_TEXT = st.text() | st.text(alphabet=st.characters(categories=["Cs", "Lu", "So"]), max_size=20)


@given(ANY_TEXT, st.integers(0, 40))
def test_cut_keeps_to_its_bytes_and_whole_characters(text: str, bytes_max: int) -> None:
    short = cut(text, bytes_max)
    assert byte_length(short) <= max(bytes_max, 0) or not is_text(short)
    assert clean(text).startswith(short) or text.startswith(short)
    if is_text(text) and byte_length(text) <= bytes_max:
        assert short == text


@given(ANY_TEXT)
def test_clean_text_can_be_said(text: str) -> None:
    assert is_text(clean(text))
    assert is_text(text) == (clean(text) == text)


@given(st.binary(), st.integers(1, 50))
def test_any_header_is_text(raw: bytes, bytes_max: int) -> None:
    text = header_text(raw, bytes_max)
    assert is_text(text) and byte_length(text) <= bytes_max


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        (b"", []),
        (b"a=1&b=2", [("a", "1"), ("b", "2")]),
        (b"a&b=&=c&&d=e=f", [("a", ""), ("b", ""), ("d", "e=f")]),
        (b"a+b=c+d%20e%2Bf", [("a b", "c d e+f")]),
        (b"a=%C3%A4&b=\xc3\xa4&c=%zz%4", [("a", "ä"), ("b", "ä"), ("c", "%zz%4")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
    ],
)
def test_pairs(raw: bytes, pairs: list[tuple[str, str]]) -> None:
    assert list(pairs_of(raw, "replace")) == pairs
    assert list(pairs_of(raw, "surrogateescape")) == pairs


@given(st.binary())
def test_pairs_of_any_bytes(raw: bytes) -> None:
    assert all(is_text(name) and is_text(value) for name, value in pairs_of(raw, "replace"))


def test_control_characters() -> None:
    assert all(has_control(f"a{chr(code)}") for code in [*range(32), 127, 128, 0x9F])
    assert not has_control("a b~ä\u00a0")


@given(ANY_TEXT)
def test_escaped_is_printable_ascii(text: str) -> None:
    assert all("!" <= character <= "~" for character in escaped(text))


# ------------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9 ", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:DB8::1]:443", "2001:db8::1"),
        ("2001:db8:0:0::1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", ""),
        ("_hidden", ""),
        ("203.0.113.256", ""),
        ("010.0.0.1", ""),
        ("", ""),
        ("[", ""),
    ],
)
def test_canonical(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2,2001:db8::7", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", ",", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.1:80", "198.51.100.1"),
        ("", "198.51.100.1", ""),
        ("unix:", "198.51.100.1", ""),
    ],
)
def test_sender(peer: str, forwarded: str, sender: str) -> None:
    assert sender_of(peer, forwarded, PROXIES) == sender


@given(st.lists(st.ip_addresses().map(str) | st.text(max_size=5), max_size=5), st.ip_addresses())
def test_nobody_speaks_for_another_but_a_proxy(claims: list[str], last: object) -> None:
    """Whatever stands to the left of the last untrusted address does not matter."""
    known = canonical(str(last))
    if not any(ip_address(known) in network for network in PROXIES):
        assert sender_of("10.0.0.1", ",".join([*claims, known]), PROXIES) == known
        assert sender_of(known, ",".join(claims), PROXIES) == known


def test_truncated() -> None:
    assert truncated("203.0.113.9") == "203.0.113.0"
    assert truncated("2001:db8:1:2:3::4") == "2001:db8:1::"
    assert (truncated(""), truncated("hash")) == ("", "")


def test_the_hash_is_keyed_and_daily() -> None:
    day_us = 86_400 * 1_000_000
    same = hash_of("203.0.113.9", 0, b"k" * 32)
    assert 0 < same < 2**64 and same == hash_of("203.0.113.9", day_us - 1, b"k" * 32)
    others = {
        hash_of("203.0.113.9", day_us, b"k" * 32),
        hash_of("203.0.113.8", 0, b"k" * 32),
        hash_of("203.0.113.9", 0, b"l" * 32),
    }
    assert len(others | {same}) == 4 and hash_of("", 0, b"k" * 32) == 0


# -------------------------------------------------------------------------------------------------- the small rest


@given(st.binary(min_size=16, max_size=16))
def test_a_fresh_visitor_is_found_again_in_its_cookie(random: bytes) -> None:
    visitor_id = visitor.fresh(random)
    header = visitor.cookie_header(visitor_id, secure=True).partition(";")[0]
    assert visitor.in_cookie(f"x=y; {header};z=1") == visitor.in_cookie(header) == visitor_id
    assert visitor.in_cookie(f"not_{header}") == ""


def test_secrets_compare() -> None:
    assert secrets.same("a", "a") and not secrets.same("a", "b") and not secrets.same("", "b")
    assert secrets.same("\udc80", "\udc80")
    assert (
        secrets.is_one_of("b", ("a", "b", "c")) and not secrets.is_one_of("", ()) and not secrets.is_one_of("d", "abc")
    )
    assert (secrets.bearer_of("Bearer  k "), secrets.bearer_of("bEARER k"), secrets.bearer_of("Basic k")) == (
        "k",
        "k",
        "",
    )


@given(st.datetimes(timezones=st.timezones()))
def test_instants_are_exact(when: datetime) -> None:
    parsed = parse_ts(when.isoformat())
    if parsed is None:  # zones of long ago are off by seconds, which RFC 3339 cannot say
        assert (when.utcoffset() or timedelta()) % timedelta(minutes=1)
    else:
        assert parsed == (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
