"""Mappings: values of valid ones, and every mistake of invalid ones with its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.files.mapping.mapping import MappingReading, read_mapping
from integrations.files.mapping.templates import Template, TimeReader, parse_template, time_format
from program.toml.tables import BadValue

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))
SMALL = """\
[source]
[[event]]
type = "click"
ts = "{t}"
offer_id = "{o}"
partner = "{p}"
"""


def places(reading: MappingReading) -> list[tuple[int, str]]:
    return [(mistake.line, mistake.place) for mistake in reading.mistakes]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_mapping(path: Path) -> None:
    reading = read_mapping(path.read_text("utf-8"))
    assert reading.mistakes == ()
    assert reading.mapping is not None and reading.mapping.program is not None


def test_a_small_mapping() -> None:
    mapping = read_mapping(SMALL).mapping
    assert mapping is not None and mapping.program is None
    assert (mapping.source.format, mapping.source.mode, mapping.source.delimiter) == ("csv", "events", "")
    assert mapping.columns() == ("t", "o", "p")
    other = read_mapping(SMALL + "# a comment\n").mapping
    assert other is not None and other.digest != mapping.digest


def test_all_mistakes_at_once_with_their_places() -> None:
    text = """\
[source]
format = "xml"
mode = "events"
time_format = "%H:%M"
time_zone = "Mars"
delimiter = ";;"
columns = ["a", "a"]
[[event]]
type = "click"
ts = "{t"
offer_id = "0"
partner = "{p}"
url = "{u}"
sub31 = "x"
[[event]]
type = "conversion"
when = { a = 1 }
ts = "{t}"
goal = "other"
currency = "usd"
status = "done"
click_ref = "{@impression}"
offer = "{o}"
[[event]]
type = "adjustment"
ts = "{t}"
[[event]]
type = "impression"
partner_id = "{p}"
[program]
landing_url = "https://{sub1}.example/"
click_window = "1 day"
goals = [{ key = "1" }, { key = "1" }]
link_code = "{offer}/{who}"
plans = [{ goal = "2", percent = "5" }, { hold = "1d" }, { fixed = "1 USD" }]
offer_name = "{@line}"
[extra]
"""
    assert places(read_mapping(text)) == [
        (2, "source.format"),
        (4, "source.time_format"),
        (5, "source.time_zone"),
        (6, "source.delimiter"),
        (7, "source.columns"),
        (8, "event"),
        (8, "event"),
        (10, "event[0].ts"),
        (11, "event[0].offer_id"),
        (13, "event[0].url"),
        (14, "event[0].sub31"),
        (17, "event[1].when.a"),
        (19, "event[1].goal"),
        (20, "event[1].currency"),
        (21, "event[1].status"),
        (22, "event[1].click_ref"),
        (24, "event[2].conversion_id"),
        (24, "event[2].kind"),
        (27, "event[3].link"),
        (27, "event[3].ts"),
        (30, "program.currency"),
        (31, "program.landing_url"),
        (32, "program.click_window"),
        (33, "program.goals"),
        (34, "program.link_code"),
        (35, "program.plans"),
        (35, "program.plans"),
        (35, "program.plans[1].percent"),
        (36, "program.offer_name"),
        (37, "extra"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("[source]", "", "source"),
        ("[source]", "[source", ""),
        ('type = "click"', 'type = "sale"', "event[0].type"),
        ('ts = "{t}"', "", "event[0].ts"),
        ('partner = "{p}"', "", "event[0].link"),
        ('partner = "{p}"', 'partner = "{p}"\npartner_id = "1"', "event[0].partner"),
        ('partner = "{p}"', 'partner = "{@click}"', "event[0].partner"),
        ("[source]", '[source]\nmode = "clicks"', "event[0].ts"),
        ("[source]", '[source]\nformat = "ndjson"\ndelimiter = "tab"', "source.delimiter"),
        ('type = "click"', 'type = "conversion"\nuser_id = "u"\namount = "7,50"', "event[0].amount"),
    ],
)
def test_one_mistake(old: str, new: str, place: str) -> None:
    assert old in SMALL
    assert place in [found for _, found in places(read_mapping(SMALL.replace(old, new)))]


def test_a_mapping_has_at_least_one_event() -> None:
    assert places(read_mapping("[source]\n")) == [(1, "event")]


@pytest.mark.parametrize(
    ("text", "row", "filled"),
    [
        ("{a}-{b}", {"a": "1", "b": "2"}, "1-2"),
        ("{a}-{b}", {"a": "1"}, "1-"),
        ("{a}-{b}", {"a": "", "b": ""}, ""),
        ("constant", {}, "constant"),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("{a b.c}", {"a b.c": "x"}, "x"),
    ],
)
def test_templates(text: str, row: dict[str, str], filled: str) -> None:
    assert parse_template(text).fill(row) == filled


@pytest.mark.parametrize("text", ["{", "}", "{}", "{a", "a}", "{a{b}}", "{@line}", "{b}"])
def test_other_texts_are_not_templates(text: str) -> None:
    with pytest.raises(BadValue):
        parse_template(text, only=("a", "@line"))


@given(st.text("{}ab", max_size=8))
def test_any_text_can_be_a_constant(text: str) -> None:
    escaped = text.replace("{", "{{").replace("}", "}}")
    assert parse_template(escaped) == Template((text,), ())


@pytest.mark.parametrize(
    ("form", "zone", "text", "micros"),
    [
        ("rfc3339", "UTC", "1970-01-01T00:00:01Z", 1_000_000),
        ("rfc3339", "UTC", "1970-01-01 00:00:00.000001", 1),
        ("rfc3339", "UTC", "1970-01-01T02:00:00+02:00", 0),
        ("rfc3339", "Europe/Berlin", "1970-01-01T01:00:00", 0),
        ("rfc3339", "Europe/Berlin", "1970-07-01T01:00:00Z", 181 * 86_400_000_000 + 3_600_000_000),
        ("unix_s", "UTC", "1.000001", 1_000_001),
        ("unix_s", "UTC", "1510046400", 1_510_046_400_000_000),
        ("unix_ms", "UTC", "1510046400123", 1_510_046_400_123_000),
        ("unix_us", "UTC", "7", 7),
        ("%Y-%m-%d %H:%M", "UTC", "1970-01-01 1:02", 3_720_000_000),
        ("%d/%b/%Y:%H:%M:%S %z", "UTC", "01/Jan/1970:02:00:00 +0200", 0),
    ],
)
def test_times(form: str, zone: str, text: str, micros: int) -> None:
    assert TimeReader(time_format(form), zone).moments(text) == (micros,)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("rfc3339", "yesterday"),
        ("rfc3339", "2018-13-01T00:00:00Z"),
        ("unix_s", "1e5"),
        ("unix_s", ""),
        ("unix_us", "٣"),
        ("%Y-%m-%d", "2018-01-01 00:00"),
        ("%Y-%m-%d", "0001-01-01 "),
    ],
)
def test_other_texts_are_not_times(form: str, text: str) -> None:
    with pytest.raises(BadValue):
        TimeReader(form, "UTC").moments(text)


@pytest.mark.parametrize("form", ["", "%H:%M", "%Y", "%Q", "iso", "%Y-%m-%d %"])
def test_other_texts_are_not_time_formats(form: str) -> None:
    with pytest.raises(BadValue):
        time_format(form)
