"""Local times that a zone has twice or never: settled by the click that the line names, or problems of their line."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.files.lines import EventLine, LineMaker, Names
from integrations.files.source import LineProblem, Row
from schemas.values.click_id import TokenKey, TokenKeys, mint, to_text
from tests.integrations.histories import parsed

HEAD = '[source]\ntime_format = "%d.%m.%Y %H:%M"\ntime_zone = "Europe/Berlin"\n'
CLICK = '[[event]]\ntype = "click"\nts = "{c}"\noffer_id = "1"\npartner_id = "1"\nwhen = { k = "y" }\n'
SALE = '[[event]]\ntype = "conversion"\nts = "{s}"\noffer_id = "1"\nclick_ref = "{@click}"\n'
REFERENCE = "conversion: click_ref names the click of the same line, which has a problem"
NAMED = '[[event]]\ntype = "conversion"\nts = "{s}"\nclick_id = "{id}"\n'


def made_of(text: str, settings: str = "", **row: str) -> list[Any]:
    made = LineMaker(parsed(HEAD + settings + text), "d", Names()).make(Row(7, {"k": "y", **row}))
    return [json.loads(one.body)["ts"] if isinstance(one, EventLine) else one for one in made]


def utc(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("click", "sale", "expected"),
    [
        # 25 October 2026: 02:00-03:00 is twice, first at UTC+2, then at UTC+1.
        ("25.10.2026 02:50", "25.10.2026 02:10", ["2026-10-25T00:50", "2026-10-25T01:10"]),
        ("25.10.2026 01:50", "25.10.2026 03:10", ["2026-10-24T23:50", "2026-10-25T02:10"]),
        ("25.10.2026 02:50", "25.10.2026 03:10", None),
        ("25.10.2026 02:59", "25.10.2026 02:00", ["2026-10-25T00:59", "2026-10-25T01:00"]),
        ("24.10.2026 12:00", "26.10.2026 12:00", ["2026-10-24T10:00", "2026-10-26T11:00"]),
    ],
)
def test_a_sale_is_not_before_the_click_that_it_names(click: str, sale: str, expected: list[str] | None) -> None:
    made = made_of(CLICK + SALE, c=click, s=sale)
    if expected is None:
        assert [one.message for one in made[1:]] == [REFERENCE]
    else:
        assert made == [utc(text) for text in expected]


@pytest.mark.parametrize(
    ("click", "sale", "problems"),
    [
        ("25.10.2026 02:10", "25.10.2026 02:50", ["click", "conversion"]),
        ("25.10.2026 01:10", "25.10.2026 02:50", ["conversion"]),
        ("25.10.2026 02:10", "26.10.2026 00:00", ["click"]),
        ("25.10.2026 03:10", "25.10.2026 02:50", ["conversion"]),
    ],
)
def test_times_that_stay_open_are_problems_that_name_field_and_fix(click: str, sale: str, problems: list[str]) -> None:
    made = [one for one in made_of(CLICK + SALE, c=click, s=sale) if isinstance(one, LineProblem)]
    made = [one for one in made if one.message != REFERENCE]
    assert [one.message.partition(":")[0] for one in made] == problems
    for one in made:
        assert one.line == 7
        assert "ts '25.10.2026 02:" in one.message
        assert "occurred twice in Europe/Berlin" in one.message and "set repeated_time in [source]" in one.message


def test_a_sale_is_not_sent_without_the_click_of_its_line() -> None:
    """Sent alone it would claim its key, and be a duplicate when the line is corrected."""
    made = made_of(CLICK + SALE, c="29.03.2026 02:30", s="29.03.2026 03:10")
    assert made[0].message.startswith("click: ts '29.03.2026 02:30' never occurred in Europe/Berlin")
    assert made[1] == LineProblem(7, REFERENCE)
    made = made_of(CLICK.replace('"1"', '"{o}"', 1) + SALE, c="29.03.2026 01:30", s="29.03.2026 03:10", o="none")
    assert [one.message.partition(" ")[0] for one in made] == ["click:", "conversion:"]


@pytest.mark.parametrize(("repeated", "hours"), [("first", "00"), ("second", "01")])
def test_the_mapping_can_decide(repeated: str, hours: str) -> None:
    settings = f'repeated_time = "{repeated}"\n'
    made = made_of(CLICK + SALE, settings, c="25.10.2026 02:10", s="25.10.2026 02:50")
    assert made == [utc(f"2026-10-25T{hours}:10"), utc(f"2026-10-25T{hours}:50")]
    made = made_of(CLICK + SALE, settings, c="25.10.2026 02:50", s="25.10.2026 02:10")
    assert made == [utc("2026-10-25T00:50"), utc("2026-10-25T01:10")], "the click decides before the setting"


@pytest.mark.parametrize("settings", ["", 'repeated_time = "first"\n'])
def test_times_that_never_were_are_problems(settings: str) -> None:
    made = made_of(CLICK + SALE, settings, c="29.03.2026 01:50", s="29.03.2026 02:30")
    assert made[0] == utc("2026-03-29T00:50")
    assert isinstance(made[1], LineProblem)
    assert made[1].message.startswith("conversion: ts '29.03.2026 02:30' never occurred in Europe/Berlin")
    assert "correct the time in the file, or time_zone in [source]" in made[1].message
    made = made_of(CLICK + SALE, settings, c="29.03.2026 01:59", s="29.03.2026 03:00")
    assert made == [utc("2026-03-29T00:59"), utc("2026-03-29T01:00")]


@pytest.mark.parametrize(
    ("clicked", "sold", "expected"),
    [
        ("2026-10-25T00:50", "25.10.2026 02:10", "2026-10-25T01:10"),
        ("2026-10-25T00:10", "25.10.2026 02:10", None),
        ("2026-10-24T22:00", "25.10.2026 02:10", None),
    ],
)
def test_the_time_inside_a_click_id_decides(clicked: str, sold: str, expected: str | None) -> None:
    key = TokenKey(1, b"k" * 16)
    token = mint(TokenKeys.of([key], 1, b"h" * 16), utc(clicked) // 1_000, 1, 1, b"12345")
    (made,) = made_of(NAMED, s=sold, id=to_text(token))
    assert isinstance(made, LineProblem) if expected is None else made == utc(expected)


def test_half_hours_and_other_zones() -> None:
    """Lord Howe Island sets its clocks back by half an hour, at 02:00 on 5 April 2026."""
    head = HEAD.replace("Europe/Berlin", "Australia/Lord_Howe")
    maker = LineMaker(parsed(head + CLICK + SALE), "d", Names())
    zone = ZoneInfo("Australia/Lord_Howe")
    click, sale = maker.make(Row(1, {"k": "y", "c": "05.04.2026 01:50", "s": "05.04.2026 01:40"}))
    assert isinstance(click, EventLine) and isinstance(sale, EventLine)
    expected = [datetime(2026, 4, 5, 1, 50, tzinfo=zone), datetime(2026, 4, 5, 1, 40, fold=1, tzinfo=zone)]
    assert [json.loads(one.body)["ts"] for one in (click, sale)] == [int(t.timestamp()) * 1_000_000 for t in expected]


def test_a_sale_whose_line_has_no_click_is_a_problem() -> None:
    (made,) = made_of(CLICK + SALE, k="n", c="", s="25.10.2026 02:10")
    assert isinstance(made, LineProblem) and "occurred twice" in made.message
