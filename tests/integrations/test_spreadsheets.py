"""Files as spreadsheets write them: delimiters, `sep=` lines, encodings, amounts; and the errors that name the fix."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from integrations.files.lines import EventLine, LineMaker, Names
from integrations.files.mapping.mapping import read_mapping
from integrations.files.source import LineProblem, Row, SourceError, SourceFile
from tests.integrations.histories import EXAMPLES, mapping_of, parsed, program_of

EVENT = """
[[event]]
type = "conversion"
ts = "{Zeit}"
offer_id = "1"
user_id = "{Käufer}"
amount = "{Betrag}"
"""
SALES = "Zeit;Käufer;Betrag\n2026-01-01;Jörg;12,34\n2026-01-02;Zoë;1.234,56\n"
SAME = [("Jörg", "12.34"), ("Zoë", "1234.56")]


def written(folder: Path, data: bytes) -> Path:
    path = folder / "sales"
    path.write_bytes(data)
    return path


def made_of(path: Path, settings: str = "", event: str = EVENT) -> list[Any]:
    mapping = parsed(f"[source]\n{settings}\n{event}")
    made: list[Any] = []
    with SourceFile(path, mapping) as file:
        maker = LineMaker(mapping, file.digest(), Names(), file.delimiter)
        for row in file.rows():
            made += maker.make(row) if isinstance(row, Row) else [row]
    return made


def sales_of(path: Path, settings: str = "", event: str = EVENT) -> list[tuple[str, str]]:
    made = made_of(path, settings, event)
    assert all(isinstance(line, EventLine) for line in made), made
    bodies = [json.loads(line.body) for line in made]
    return [(body["user_id"], body["amount"]) for body in bodies]


def problem_of(amount: str, settings: str = "", delimiter: str = ";", event: str = EVENT, folder: Path = Path()) -> str:
    text = f"Zeit;Käufer;Betrag\n2026-01-01;Zoë;{amount}\n".replace(";", delimiter)
    (problem,) = made_of(written(folder, text.encode()), settings, event)
    assert isinstance(problem, LineProblem) and problem.line == 2
    return problem.message


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("encoding", "settings"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16", 'encoding = "utf-16"'),
        ("utf-16-le", 'encoding = "utf-16-le"'),
        ("utf-16-le", 'encoding = "utf-16"'),
        ("utf-16-be", 'encoding = "utf-16"'),
        ("utf-16-be", 'encoding = "utf-16-be"'),
        ("cp1252", 'encoding = "windows-1252"'),
        ("cp1252", 'encoding = "Windows-1252"'),
        ("cp1252", 'encoding = "cp1252"'),
        ("iso8859-1", 'encoding = "latin1"'),
        ("utf-8", 'encoding = "UTF8"'),
        ("utf-16-le", 'encoding = "UTF-16LE"'),
        ("cp850", 'encoding = "cp850"'),
        ("mac-roman", 'encoding = "macintosh"'),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, settings: str, newline: str, *, packed: bool) -> None:
    data = SALES.replace("\n", newline).encode(encoding)
    assert sales_of(written(tmp_path, gzip.compress(data) if packed else data), settings) == SAME


def test_a_byte_order_mark_of_big_endian(tmp_path: Path) -> None:
    assert sales_of(written(tmp_path, ("\ufeff" + SALES).encode("utf-16-be"))) == SAME
    assert sales_of(written(tmp_path, ("\ufeff" + SALES).encode("utf-16-be")), 'encoding = "utf-16-be"') == SAME


@pytest.mark.parametrize(
    ("data", "settings", "says"),
    [
        (SALES.encode("cp1252"), "", r"line 1 has bytes that are not UTF-8; set encoding in \[source\]"),
        (
            b"Zeit;K\xc3\xa4ufer;Betrag\n" + b"2026-01-01;x;1\n" * 200 + b"2026-01-01;J\xf6rg;1\n",
            "",
            "line 202 has bytes",
        ),
        (SALES.encode("utf-16-le"), "", "seems to be utf-16-le without a byte order mark; set encoding to utf-16-le"),
        (SALES.encode("utf-16-be"), "", "seems to be utf-16-be without a byte order mark; set encoding to utf-16-be"),
        (
            SALES.encode("utf-16"),
            'encoding = "windows-1252"',
            "byte order mark of utf-16-le, but encoding is windows-1252",
        ),
        (SALES.encode("utf-8-sig"), 'encoding = "utf-16"', "byte order mark of utf-8, but encoding is utf-16"),
    ],
)
def test_an_unknown_or_wrong_encoding_names_the_setting(tmp_path: Path, data: bytes, settings: str, says: str) -> None:
    for packed in (data, gzip.compress(data)):
        with pytest.raises(SourceError, match=says):
            made_of(written(tmp_path, packed), settings)


def test_bytes_that_are_not_of_a_known_encoding_are_problems_of_their_lines(tmp_path: Path) -> None:
    data = SALES.encode() + b"2026-01-03;\xff;1\n2026-01-03;x;1\n"
    made = made_of(written(tmp_path, data), 'encoding = "utf-8"')
    assert [type(line) for line in made] == [EventLine, EventLine, LineProblem, EventLine]
    assert made[2] == LineProblem(4, "has bytes that are not utf-8; see encoding in [source]")
    data = ("\ufeff" + SALES).encode("utf-16-le") + b"2\x00;\x00\x00\xd8;\x001\x00\n\x00"
    assert isinstance(made_of(written(tmp_path, data))[2], LineProblem)
    data = SALES.encode("cp1252") + b"2026-01-03;\x81;1\n"
    assert isinstance(made_of(written(tmp_path, data), 'encoding = "windows-1252"')[2], LineProblem)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("settings", ["", 'columns = ["Zeit", "Käufer", "Betrag"]'])
def test_delimiters_are_found(tmp_path: Path, delimiter: str, settings: str) -> None:
    text = '"Zeit";Käufer;"Betrag"\n2026-01-01;"Zoë; the\nsecond";7.5\n2026-01-01;B;8.25\n'.replace(";", delimiter)
    text = text.partition("\n")[2] if settings else text
    assert sales_of(written(tmp_path, text.encode()), settings) == [
        (f"Zoë{delimiter} the\nsecond", "7.5"),
        ("B", "8.25"),
    ]


def test_a_delimiter_that_is_not_the_only_one_in_the_line(tmp_path: Path) -> None:
    text = "Zeit;Käufer;Betrag;note, or nothing\n2026-01-01;a|b;12,34;x, y, z\n"
    assert sales_of(written(tmp_path, text.encode())) == [("a|b", "12.34")]
    assert sales_of(written(tmp_path, text.encode()), 'delimiter = ";"') == [("a|b", "12.34")]


def test_rows_without_a_value_are_left_out(tmp_path: Path) -> None:
    made = made_of(written(tmp_path, (SALES + ";;\n;;\n\n2026-01-03;x;1,5\n").encode()))
    assert [line.line for line in made] == [2, 3, 7]


def test_a_sep_line_names_the_delimiter(tmp_path: Path) -> None:
    for first in ("sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\r\n"):
        made = made_of(written(tmp_path, (first + SALES).encode()))
        assert [line.line for line in made] == [3, 4], "lines are counted with the sep= line"
    text = "sep=^\n" + SALES.replace(";", "^")
    assert sales_of(written(tmp_path, text.encode()), 'decimal = ","') == SAME
    without = "sep=;\n" + SALES.partition("\n")[2]
    assert sales_of(written(tmp_path, without.encode()), 'columns = ["Zeit", "Käufer", "Betrag"]') == SAME
    with pytest.raises(SourceError, match="the first line says sep=;, but delimiter is ,; set delimiter"):
        made_of(written(tmp_path, ("sep=;\n" + SALES).encode()), 'delimiter = ","')


def test_a_delimiter_that_cannot_be_found_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no column Betrag, Käufer; the columns are Zeit, Kunde"):
        made_of(written(tmp_path, b"Zeit;Kunde\n1;2\n"))
    two = 'columns = ["Zeit", "Käufer"]'
    event = EVENT.replace("{Betrag}", "7")
    with pytest.raises(SourceError, match=r"the delimiter can be , or ;; set delimiter in \[source\]"):
        made_of(written(tmp_path, b"2026-01-01,5;x\n"), two, event)
    made = made_of(written(tmp_path, b"2026-01-01,5;x\n"), two + '\ndelimiter = ";"', event)
    assert isinstance(made[0], LineProblem) and "ts '2026-01-01,5'" in made[0].message


@pytest.mark.parametrize(
    ("amount", "settings", "value"),
    [
        ("1.234", 'decimal = ","', "1234"),
        ("1.234", 'decimal = "."', "1.234"),
        ("1.234", 'thousands = "."', "1234"),
        ("1\u202f234,5", 'decimal = ","\nthousands = "space"', "1234.5"),
        ("1 234,5", 'decimal = ","\nthousands = " "', "1234.5"),
        ("1'234.50", 'decimal = "."\nthousands = "\'"', "1234.5"),
        ("1,500", 'decimal = ","\nthousands = "none"', "1.5"),
        ("€ 12,50", "", "12.5"),
        ("1.234,00 EUR", 'decimal = ","', "1234"),
    ],
)
def test_amounts_under_the_settings(tmp_path: Path, amount: str, settings: str, value: str) -> None:
    text = f"Zeit;Käufer;Betrag\n2026-01-01;Zoë;{amount}\n"
    assert sales_of(written(tmp_path, text.encode()), settings) == [("Zoë", value)]


@pytest.mark.parametrize(
    ("amount", "delimiter", "settings", "says"),
    [
        ("1,234", ";", "", "can be 1.234 or 1234; set decimal in [source]"),
        ("1.234", ";", "", "can be 1.234 or 1234; set decimal in [source]"),
        ("1.500", "\t", "", "can be 1.500 or 1500; set decimal in [source]"),
        ('"1,234"', ",", "", "can be 1.234 or 1234; set decimal in [source]"),
        ("1.234", ",", "", "can be 1.234 or 1234; set decimal in [source]"),
        ('"12,34"', ",", "", "'12,34' is not an amount with a decimal point; set decimal in [source]"),
        ("12.34", ";", 'decimal = ","', "correct decimal or thousands in [source]"),
        ("-12,34", ";", "", "is negative; amounts are positive"),
        ("12,34-", ";", "", "is negative"),
        ("(12,34)", ";", "", "is negative"),
        ("1e5", ",", "", "is not an amount"),
        ("$12.50", ";", "", "$ is the sign of several currencies; set currency in the [[event]]"),
        ("n/a", ";", "", "is not an amount"),
    ],
)
def test_amounts_that_need_a_setting_are_problems_that_name_it(
    tmp_path: Path, amount: str, delimiter: str, settings: str, says: str
) -> None:
    message = problem_of(amount, settings, delimiter, folder=tmp_path)
    assert message.startswith("conversion: amount ") and says in message


def test_currency_signs_agree_with_the_currency_of_the_event(tmp_path: Path) -> None:
    in_dollars = EVENT + 'currency = "USD"\n'
    path = written(tmp_path, "Zeit;Käufer;Betrag\n2026-01-01;Zoë;$12.50\n".encode())
    assert sales_of(path, "", in_dollars) == [("Zoë", "12.5")]
    assert "is not in USD, the currency of the event" in problem_of("€12.50", "", ";", in_dollars, tmp_path)
    (line,) = made_of(written(tmp_path, "Zeit;Käufer;Betrag\n2026-01-01;Zoë;12,50 zł\n".encode()))
    assert json.loads(line.body)["currency"] == "PLN"


def test_three_decimals_of_a_currency_that_has_them(tmp_path: Path) -> None:
    path = written(tmp_path, "Zeit,Käufer,Betrag\n2026-01-01,Zoë,1.234\n".encode())
    assert sales_of(path, "", EVENT + 'currency = "KWD"\n') == [("Zoë", "1.234")]


def test_numbers_of_json_have_a_decimal_point_whatever_is_set(tmp_path: Path) -> None:
    text = '{"Zeit":"2026-01-01","Käufer":"a","Betrag":1.234}\n{"Zeit":"2026-01-01","Käufer":"b","Betrag":"1.234"}\n'
    settings = 'format = "ndjson"\ndecimal = ","'
    assert sales_of(written(tmp_path, text.encode()), settings) == [("a", "1.234"), ("b", "1234")]


def test_a_constant_amount_is_a_plain_decimal(tmp_path: Path) -> None:
    event = EVENT.replace("{Betrag}", "7.500")
    assert sales_of(written(tmp_path, SALES.encode()), "", event) == [("Jörg", "7.5"), ("Zoë", "7.5")]


@pytest.mark.parametrize(
    ("settings", "event", "place", "says"),
    [
        ('encoding = "rot13"', EVENT, "source.encoding", "must be one of utf-8, utf-16,"),
        ('decimal = ";"', EVENT, "source.decimal", "must be one of ., ,"),
        ('thousands = "_"', EVENT, "source.thousands", "must be one of . , ' space or none"),
        ('decimal = ","\nthousands = ","', EVENT, "source.thousands", "must differ from decimal"),
        ('delimiter = "ab"', EVENT, "source.delimiter", 'must be one character, or "tab"'),
        ('decimal = ","', EVENT.replace("{Betrag}", "7"), "source.decimal", "has no effect: no event takes its amount"),
        ('thousands = "."', EVENT.replace('amount = "{Betrag}"', ""), "source.thousands", "has no effect"),
        ('format = "ndjson"\ndelimiter = ";"', EVENT, "source.delimiter", "is only for CSV files"),
        ('time_format = "unix_s"\ntime_zone = "Europe/Berlin"', EVENT, "source.time_zone", "has no effect"),
        ('time_format = "%d.%m.%Y %H:%M %z"\ntime_zone = "UTC"', EVENT, "source.time_zone", "has no effect"),
        ('time_format = "%d.%m.%Y %H:%M %Z"', EVENT, "source.time_format", "must not have %Z"),
        ('repeated_time = "first"', EVENT, "source.repeated_time", "the clocks of time_zone are never set back"),
        ('time_zone = "Europe/Rome"\nrepeated_time = "both"', EVENT, "source.repeated_time", "must be one of"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_honoured_are_refused(settings: str, event: str, place: str, says: str) -> None:
    (mistake,) = read_mapping(f"[source]\n{settings}\n{event}").mistakes
    assert mistake.place == place and says in mistake.message


@pytest.mark.parametrize("key", ["time_format", "time_zone", "repeated_time", "decimal", "thousands"])
def test_settings_of_times_and_amounts_are_refused_for_clicks(key: str) -> None:
    value = {"time_format": "unix_s", "time_zone": "Europe/Rome", "repeated_time": "first", "decimal": "."}.get(
        key, "."
    )
    text = f'[source]\nmode = "clicks"\n{key} = "{value}"\n[[event]]\ntype = "click"\nlink = "{{l}}"\n'
    (mistake,) = read_mapping(text).mistakes
    assert mistake.place == f"source.{key}" and "has no effect" in mistake.message


def test_a_code_for_links_that_are_all_named_is_refused() -> None:
    text = (
        '[source]\n[[event]]\ntype = "click"\nts = "{t}"\nlink = "{l}"\noffer_id = "1"\npartner_id = "1"\n'
        '[program]\ncurrency = "USD"\nlanding_url = "https://shop.example/"\nlink_code = "{offer}"\n'
    )
    (mistake,) = read_mapping(text).mistakes
    assert mistake.place == "program.link_code" and "has no effect" in mistake.message


def test_the_example_reads_the_lines_of_its_comment(tmp_path: Path) -> None:
    comment = (EXAMPLES / "spreadsheet.toml").read_text("utf-8").partition("#   sep=;")
    lines = [line.removeprefix("#   ") for line in (comment[1] + comment[2]).splitlines() if line.startswith("#   ")]
    assert len(lines) == 4
    path = written(tmp_path, "\r\n".join(lines).encode("cp1252"))
    mapping = mapping_of("spreadsheet")
    with SourceFile(path, mapping) as file:
        maker = LineMaker(mapping, "d", Names(), file.delimiter)
        made = [one for row in file.rows() if isinstance(row, Row) for one in maker.make(row)]
    assert all(isinstance(one, EventLine) for one in made), made
    bodies = [json.loads(one.body) for one in made if isinstance(one, EventLine)]
    assert [body.get("amount") for body in bodies] == [None, "1234.5", None, "99"]
    assert bodies[0]["ts"] < bodies[1]["ts"], "the sale of 02:10 is after its click of 02:50"
    assert list(program_of(path, mapping).labels.partners.values()) == ["Müller", "Zoë & Co"]
