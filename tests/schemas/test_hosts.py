"""Hosts by UTS 46 without transitional processing, and hosts that no browser accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.values.hosts import ascii_host, differs_from_idna2003


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("faß.example", "xn--fa-hia.example"),
        ("XN--FA-HIA.example.", "xn--fa-hia.example"),
        ("FASS.example", "fass.example"),
        ("βόλος.example", "xn--nxasmm1c.example"),
        ("ΒΌΛΟΣ.example", "xn--nxasmq6b.example"),
        ("नी\u200dx.example", ""),
        ("क्\u200dष.example", "xn--11b2ezcw70k.example"),
        ("MÜNCHEN。example", "xn--mnchen-3ya.example"),
        ("ＳＨＯＰ.example", "shop.example"),
        ("💩.example", "xn--ls8h.example"),
        ("a_b.-c.example", "a_b.-c.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_hosts_in_ascii(text: str, host: str) -> None:
    assert ascii_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "a..example", ".example", "a b.example", "a/b", "a%2e.example", "a:1", "a" * 64 + ".example",
        "ü" * 60 + ".example", ".".join(["a" * 60] * 5), "xn--a.example", "xn--.example", "xn--abc-.example",
        "xn--fa-hia-.example", "xn--shop-.example", "\u0301a.example", "א1b.example",
        "a℀b.example", "evil.example／x", "1.2.3", "2130706433", "0x7f.1", "192.0.2.256", "192.0.2.07", "shop.123",
    ],
)  # fmt: skip
def test_hosts_that_no_browser_accepts(text: str) -> None:
    assert ascii_host(text) == ""


@given(st.text(max_size=30))
def test_a_host_in_ascii_stays_as_it_is(text: str) -> None:
    host = ascii_host(text)
    assert host.isascii() and ascii_host(host) == host


def test_hosts_that_older_software_reads_in_another_way() -> None:
    assert differs_from_idna2003("faß.example") and differs_from_idna2003("ς.example")
    assert not differs_from_idna2003("münchen.example") and not differs_from_idna2003("fass.example")
