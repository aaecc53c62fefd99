"""Parsers of durations, percentages, URLs and hosts, and the line numbers of values in a TOML text."""

import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from program import fields as values
from program.toml.lines import TomlPath, line_numbers
from program.toml.tables import BadValue
from schemas.values.durations import DURATION_DAYS_MAX, BadDuration, format_duration, parse_duration_us

SECONDS_MAX = DURATION_DAYS_MAX * 86_400


@given(st.integers(0, SECONDS_MAX))
def test_durations_round_trip(seconds: int) -> None:
    text = format_duration(seconds * 1_000_000)
    assert parse_duration_us(text, zero_allowed=True) == seconds * 1_000_000
    assert len(text) <= len(f"{seconds}s")


@given(st.integers(0, 10**15), st.sampled_from(sorted({"d": 86_400, "h": 3_600, "m": 60, "s": 1}.items())))
def test_durations_have_bounds(count: int, unit: tuple[str, int]) -> None:
    inside = 0 < count * unit[1] <= SECONDS_MAX
    try:
        assert parse_duration_us(f"{count}{unit[0]}") == count * unit[1] * 1_000_000
        assert inside
    except BadDuration:
        assert not inside


@pytest.mark.parametrize("text", ["", "30", "d", "1.5d", "-1d", "+1d", " 1d", "1 d", "1D", "1w", "٣d", "1d2h", "1d\n"])
def test_other_texts_are_not_durations(text: str) -> None:
    with pytest.raises(BadDuration):
        parse_duration_us(text, zero_allowed=True)


@given(st.integers(0, 1_000 * 10**6))
def test_percentages_are_exact(e6: int) -> None:
    assert values.percent_e6(f"{e6 // 10**6}.{e6 % 10**6:06d}") == e6


@pytest.mark.parametrize("text", ["", "-1", "1.", ".5", "1e2", "NaN", "1,5", "8.5%", "1000.000001", "1.0000000", "٥"])
def test_other_texts_are_not_percentages(text: str) -> None:
    with pytest.raises(BadValue):
        values.percent_e6(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.20 USD", (120, "USD")), ("5 JPY", (5, "JPY")), ("0.125 KWD", (125, "KWD")), ("0 USD", (0, "USD"))],
)
def test_fixed_amounts(text: str, expected: tuple[int, str]) -> None:
    assert values.fixed(text) == expected


@pytest.mark.parametrize(
    "text", ["1.20", "USD", "1.20 usd", "1.20USD", "1.205 USD", "5.5 JPY", "1 XXQ", "-1 USD", "1 USD "]
)
def test_other_texts_are_not_fixed_amounts(text: str) -> None:
    with pytest.raises(ValueError):
        values.fixed(text)


@pytest.mark.parametrize(
    ("parse", "good", "bad"),
    [
        (
            values.landing_url,
            [
                "https://shop.example/?cid={click_id}",
                "http://127.0.0.1:8000/{sub1}/x#{ts}",
                "https://shop.example?x={sub30}",
                "https://[::1]:8/",
            ],
            [
                "shop.example",
                "ftp://shop.example/",
                "https://",
                "https:///x",
                "https://{sub1}.example/",
                "https://shop.example{sub1}",
                "https://shop.example:{sub1}/",
                "https://a@shop.example/",
                "https://shop.example/{sub31}",
                "https://shop.example/{",
                "https://shop.example/a b",
                "https://shop.example\\@evil.example/",
                "https://shop.example:99999/",
                "https://[::1/",
                "javascript:alert(1)",
                "https://bücher.example/",
            ],
        ),
        (
            values.fallback_url,
            ["", "https://a.example", "http://a.example/x"],
            ["/x", "https://a.example/{ip}"],
        ),
        (
            values.host_pattern,
            ["shop.example", "*.shop.example", "localhost", "127.0.0.1", "xn--bcher-kva.example"],
            ["*", "*.", "a.*.b", "*.*.b", "https://a", "a:80", "a/b", ".a", "a..b", "-a"],
        ),
        (
            values.proxy,
            ["10.0.0.0/8", "::1/128", "2001:db8::/32"],
            ["10.0.0.1/8", "localhost", "10.0.0.0/33", ""],
        ),
        (
            values.link_code,
            ["a", "bl-shoes", "A_b.~1", "x" * 128],
            ["", "a b", "a/b", ".", "..", "ä", "x" * 129, "a\n"],
        ),
        (values.timezone, ["UTC", "Europe/Berlin"], ["Europe", "Mars/Base", "../UTC", "/etc", ""]),
        (values.currency, ["USD", "KWD"], ["usd", "XXX", "", "US"]),
    ],
)
def test_texts_as_values(parse: Callable[[str], str], good: list[str], bad: list[str]) -> None:
    for text in good:
        assert parse(text) == text
    for text in bad:
        with pytest.raises(BadValue):
            parse(text)


TRICKY = '''\
# a = "not a key"
a."b.c".d = 1  # [not.a.header]
e = ["#", '[x]', """
]}""", [ 2,
  { f = 3, "g = 1" = 4 } ], ]
h = """"quoted"""""
i = \'\'\'\'it's\'\'\'\'
j = { k = { l = 5 }, m = [] }
[ n . o ]
p = 1979-05-27 07:32:00Z
[[q]]
r = 6
[q.s]
t = 7
[[q.u]]
v = 8
[[q.u]]
v = 9
[[q]]
"w\\u0041" = 10
'''


def test_lines_of_tricky_toml() -> None:
    tomllib.loads(TRICKY)
    lines = line_numbers(TRICKY)
    expected = {
        ("a", "b.c", "d"): 2, ("e",): 3, ("e", 1): 3, ("e", 3): 4, ("e", 3, 1, "f"): 5,
        ("e", 3, 1, "g = 1"): 5, ("h",): 6, ("i",): 7, ("j", "k", "l"): 8, ("j", "m"): 8,
        ("n", "o"): 9, ("n", "o", "p"): 10, ("q", 0): 11,
        ("q", 0, "r"): 12, ("q", 0, "s"): 13, ("q", 0, "s", "t"): 14, ("q", 0, "u", 0, "v"): 16,
        ("q", 0, "u", 1, "v"): 18, ("q", 1): 19, ("q", 1, "wA"): 20,
    }  # fmt: skip
    assert {place: lines.get(place) for place in expected} == expected


_KEYS = st.text("ab.#=[\"'\\ ", min_size=1, max_size=3)
_LEAVES = st.text("x#]}['\",\n\\", max_size=4)
_VALUES = st.recursive(_LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(_KEYS, v, max_size=3), max_leaves=8)


def _toml_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""' if "\n" in text else f'"{escaped}"'


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return _toml_text(value)
    if isinstance(value, list):
        return "[" + ",\n".join(map(_toml, value)) + "]"
    return "{" + ", ".join(f"{_toml_text(key)} = {_toml(item)}" for key, item in value.items()) + "}"


def _places(value: Any, place: TomlPath) -> list[TomlPath]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, item in inner for found in _places(item, (*place, key)))]


@given(st.lists(st.tuples(st.booleans(), st.dictionaries(_KEYS, _VALUES, max_size=3)), max_size=4))
def test_every_value_has_a_line(tables: list[tuple[bool, dict[str, Any]]]) -> None:
    text, expected = "", {}
    for index, (commented, table) in enumerate(tables):
        text += "# [x]\n" * commented + "[[t]]\n"
        expected[("t", index)] = text.count("\n")
        for key, value in table.items():
            expected[("t", index, key)] = text.count("\n") + 1
            text += f"{_toml_text(key)} = {_toml(value)}\n"
    loaded = tomllib.loads(text)
    lines = line_numbers(text)
    assert {place: lines[place] for place in expected} == expected
    assert set(_places(loaded, ())) - {()} == set(lines)
    assert all(re.match(r"(# |)\[\[t\]\]", text.split("\n")[lines["t", index] - 1]) for index in range(len(tables)))


def test_hosts_of_deep_links_may_have_umlauts() -> None:
    assert values.host_pattern("*.Bücher.example") == "*.xn--bcher-kva.example"
    with pytest.raises(BadValue):
        values.host_pattern("ü" * 70)
