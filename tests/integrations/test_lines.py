"""Rows as events and hits: the requests of each line of a history, and its problems."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.files.lines import EventLine, LineMaker, LiveHit, Names, code_part, names_of
from integrations.files.mapping.mapping import FileMapping
from integrations.files.source import LineProblem, Row, SourceFile
from program.fields import link_code
from program.toml.tables import BadValue
from tests.integrations.histories import ACCESS_LOG, CLICKS, JOURNEYS, mapping_of, parsed, program_of, written

HEAD = '[source]\n[[event]]\ntype = "conversion"\nts = "{t}"\nuser_id = "{u}"\n'


def made_of(path: Path, mapping: FileMapping, names: Names | None = None) -> list[Any]:
    with SourceFile(path, mapping) as file:
        maker = LineMaker(mapping, "d1", names or Names(), file.delimiter)
        rows = list(file.rows())
        return [made for row in rows if isinstance(row, Row) for made in maker.make(row)]


def bodies(made: list[Any]) -> list[dict[str, Any]]:
    assert all(isinstance(line, EventLine) for line in made), made
    return [json.loads(line.body) for line in made]


def test_a_click_and_the_install_of_the_same_line(tmp_path: Path) -> None:
    lines = bodies(made_of(written(tmp_path, CLICKS, packed=True), mapping_of("talkingdata")))
    assert lines[1:3] == [
        {
            "type": "click",
            "id": "d1:3",
            "ts": 1_510_062_000_000_000,
            "offer_id": 12,
            "partner_id": 497,
            "visitor_id": "1002-1-13",
        },
        {
            "type": "conversion",
            "id": "d1:3:c",
            "ts": 1_510_102_920_000_000,
            "offer_id": 12,
            "click_ref": "d1:3",
            "goal": "install",
        },
    ]
    assert len(lines) == 5 + 2
    assert len({(line["type"], line["id"]) for line in lines}) == len(lines), "equal lines are still two clicks"


def test_names_are_sent_as_links_with_and_without_the_program(tmp_path: Path) -> None:
    path, mapping = written(tmp_path, JOURNEYS), mapping_of("journeys")
    program = program_of(path, mapping)
    with_program = made_of(path, mapping, names_of(mapping, program))
    assert made_of(path, mapping) == with_program
    lines = bodies(with_program)
    assert [program.routes.links[line["link"]].partner_id for line in lines if "link" in line] == [2, 3, 1]
    assert lines[2] == {
        "type": "conversion",
        "id": "d1:4:c",
        "ts": 1_532_765_709_000_000,
        "offer_id": 1,
        "user_id": "B1",
        "amount": "7.5",
        "currency": "USD",
    }


def test_names_are_sent_as_numbers_where_the_program_has_other_links(tmp_path: Path) -> None:
    path, mapping = written(tmp_path, JOURNEYS), mapping_of("journeys")
    names = Names(partners={"Some Display": 70, "Videos": 80})
    made = made_of(path, mapping, names)
    assert [line["partner_id"] for line in bodies(made[:2])] == [70, 80]
    assert [line["offer_id"] for line in bodies(made[:3])] == [1, 1, 1]
    assert isinstance(made[3], LineProblem) and "Search, paid" in made[3].message
    assert isinstance(made[4], EventLine)


def test_two_partners_of_one_name_are_an_error(tmp_path: Path) -> None:
    path, mapping = written(tmp_path, JOURNEYS.replace("Videos", "Some Display ")), mapping_of("journeys")
    assert len(program_of(path, mapping).labels.partners) == 2, "names are trimmed"
    program = program_of(written(tmp_path, JOURNEYS), mapping)
    program.labels.partners[3] = program.labels.partners[2]
    with pytest.raises(BadValue, match="two partners"):
        names_of(mapping, program)
    assert names_of(mapping_of("talkingdata"), program) == Names()


def test_nothing_depends_on_the_order_of_rows(tmp_path: Path) -> None:
    mapping = mapping_of("talkingdata")
    with SourceFile(written(tmp_path, CLICKS), mapping) as file:
        rows = [row for row in file.rows() if isinstance(row, Row)]
    shuffled = random.Random(7).sample(rows, len(rows))
    made = {row.line: LineMaker(mapping, "d", Names()).make(row) for row in rows}
    maker = LineMaker(mapping, "d", Names())
    assert {row.line: maker.make(row) for row in shuffled} == made


def test_access_log_lines_as_hits(tmp_path: Path) -> None:
    made = made_of(written(tmp_path, ACCESS_LOG), mapping_of("access_log"))
    assert all(isinstance(hit, LiveHit) and hit.path == "/c/site" for hit in made)
    assert made[0].params == {"sub1": "/a?b=c%20d&e"}
    assert dict(made[0].headers) == {
        b"x-forwarded-for": b"192.0.2.1",
        b"user-agent": b"Mozilla/5 (A)",
        b"referer": b'http://r.test?q="x"',
    }
    assert dict(made[1].headers) == {b"x-forwarded-for": b"2001:db8::1"}


@pytest.mark.parametrize(
    ("fields", "row", "says"),
    [
        ('offer_id = "{o}"', {"t": "", "o": "1"}, "ts is empty"),
        ('offer_id = "{o}"', {"t": "x", "o": "1"}, "is not a time of the form"),
        ('offer_id = "{o}"', {"t": "1969-01-01", "o": "1"}, "before 1970"),
        ('offer_id = "{o}"', {"t": "2018-01-01", "o": "0"}, "not a number from 1"),
        ('offer_id = "{o}"', {"t": "2018-01-01", "o": "4294967296"}, "not a number from 1"),
        ('offer_id = "{o}"', {"t": "2018-01-01", "o": "12.0"}, "not a number from 1"),
        ('offer = "{o}"', {"t": "2018-01-01", "o": "x" * 201}, "more than 200 characters"),
        ('offer = "{o}"', {"t": "2018-01-01", "o": "Shop"}, "is not known; give --program"),
    ],
)
def test_lines_that_make_no_event_say_why(fields: str, row: dict[str, str], says: str) -> None:
    (problem,) = LineMaker(parsed(HEAD + fields), "d", Names()).make(Row(9, {"u": "x", **row}))
    assert isinstance(problem, LineProblem)
    assert problem.line == 9 and says in problem.message


def test_all_fields_of_a_conversion() -> None:
    text = HEAD + (
        'offer = "{o}"\nid = "{i}"\namount = "{a}"\ntxn_id = "{@line}"\nstatus = "pending"\n'
        'unless = { a = ["", "0"] }\n[event.custom]\nshop = "{s}"\nnone = "{n}"\n'
    )
    maker = LineMaker(parsed(text), "d", Names(offers={"Shop": 3}))
    row = {"t": "2018-01-01", "u": " x ", "o": " Shop", "i": "i1", "a": "7.500", "s": "é", "n": ""}
    (line,) = maker.make(Row(9, row))
    assert isinstance(line, EventLine)
    assert json.loads(line.body) == {
        "type": "conversion",
        "id": "i1",
        "ts": 1_514_764_800_000_000,
        "offer_id": 3,
        "user_id": "x",
        "amount": "7.5",
        "txn_id": "9",
        "status": "pending",
        "custom": {"shop": "é"},
    }
    assert maker.make(Row(9, {**row, "a": "0"})) == []


@pytest.mark.parametrize(
    ("text", "sent"),
    [("7", "7"), ("7.5", "7.5"), ("7.50", "7.5"), ("7.000", "7"), ("0.0", "0"), ("49.9900", "49.99"), (".50", "0.5")],
)
def test_zeros_at_the_end_are_left_out_of_amounts(text: str, sent: str) -> None:
    maker = LineMaker(parsed(HEAD + 'offer_id = "1"\namount = "{a}"'), "d", Names())
    (line,) = maker.make(Row(1, {"t": "2018-01-01", "u": "x", "a": text}))
    assert isinstance(line, EventLine) and json.loads(line.body)["amount"] == sent


@given(st.lists(st.text(min_size=1), min_size=2, max_size=20, unique_by=str.strip))
def test_different_names_make_different_codes(names: list[str]) -> None:
    names = [name.strip() for name in names if name.strip()]
    codes = [code_part(name) for name in names]
    assert len(set(codes)) == len(codes)
    assert all(link_code(code) == code for code in codes)
