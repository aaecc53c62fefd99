"""Tables that spreadsheets write: delimiters, decimal and thousands signs, encodings."""

import gzip
from pathlib import Path

import pytest

from attribution.paths import csv_file
from attribution.paths.csv_file import CsvOptions
from attribution.paths.files import TableOptions, read_table
from attribution.paths.path_table import BadTable, PathTable
from tests.attribution.test_paths_read import HEADER, journeys, read

SHEET = "path;total_conversions;total_conversion_value;total_null\nSüd > Öl;1.234;1.234,50 €;0\nSüd;2;-7,5;1.000\n"
READ = ([1234, 2], [1234.5, -7.5], [0, 1000])


def columns_of(table: PathTable) -> tuple[list[float], list[float], list[float]]:
    return table.conversions.tolist(), table.values.tolist(), table.nulls.tolist()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("encoding", "given"),
    [
        ("utf-8", {}), ("utf-8-sig", {}), ("utf-16", {}), ("utf-16", {"encoding": "utf-16"}),
        ("utf-16-le", {"encoding": "utf-16-le"}), ("cp1252", {"encoding": "windows-1252"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", ["", "sep=;\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_of_a_spreadsheet(
    tmp_path: Path, encoding: str, given: dict[str, str], first: str, newline: str, *, packed: bool
) -> None:
    data = (first + SHEET).replace("\n", newline).encode(encoding)
    (tmp_path / "t.csv").write_bytes(gzip.compress(data) if packed else data)
    table = read_table(tmp_path / "t.csv", TableOptions(csv=CsvOptions(decimal=",", **given)))
    assert journeys(table) == [["Süd", "Öl"], ["Süd"]]
    assert columns_of(table) == READ


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_of_tables_are_found(tmp_path: Path, delimiter: str) -> None:
    text = '"path";total_conversions;total_null\n"a\n > b";1.5;0\nc;0.25;1\n'.replace(";", delimiter)
    table = read(tmp_path, text)
    assert journeys(table) == [["a", "b"], ["c"]]
    assert table.conversions.tolist() == [1.5, 0.25]
    rows = text.replace("path", "way").replace("total_conversions", "n")
    table = read(tmp_path, rows, TableOptions({"path": "way", "total_conversions": "n"}))
    assert table.conversions.tolist() == [1.5, 0.25]


def test_an_event_table_of_a_spreadsheet(tmp_path: Path) -> None:
    text = "identity;ts;type;channel;value\na;2026-01-01;click;A;\na;2026-01-02;conversion;;1.234,5\n"
    for given in ({}, {"delimiter": ";", "decimal": ",", "thousands": "."}):
        table = read(tmp_path, text, TableOptions(csv=CsvOptions(**given)))
        assert (journeys(table), table.values.tolist()) == ([["A"]], [1234.5])


@pytest.mark.parametrize(
    ("numbers", "delimiter", "values"),
    [
        (["1.234", "12.5"], ";", [1.234, 12.5]),
        (["1.234", "0.5"], "\t", [1.234, 0.5]),
        (["12,5", "1.234,00"], ";", [12.5, 1234]),
        (["1.234", "2.5e3"], ",", [1.234, 2500]),
        (['"1,234.5"', "7"], ",", [1234.5, 7]),
        (["$1.5", "-$2"], ",", [1.5, -2]),
    ],
)
def test_numbers_that_have_one_value(tmp_path: Path, numbers: list[str], delimiter: str, values: list[float]) -> None:
    rows = ["path,total_conversions,total_conversion_value", *(f"a,1,{number}" for number in numbers)]
    text = "\n".join(row.replace(",", delimiter, 2) for row in rows) + "\n"
    assert read(tmp_path, text).values.tolist() == values


@pytest.mark.parametrize(
    ("numbers", "delimiter", "says"),
    [
        (["7", "1.234"], ";", r"in row 2, which can be 1.234 or 1234; give --decimal . or --decimal ,"),
        (["1.234", "12,5"], ";", r"in row 1, which can be 1.234 or 1234; give --decimal"),
        (["7", "1,234"], ";", r"in row 2, which can be 1.234 or 1234; give --decimal"),
        (["7", '"1,234"'], ",", r"in row 2, which can be 1.234 or 1234; give --decimal"),
        (["7", '"12,5"'], ",", r"in row 2, not a number; give --decimal"),
        (["$7", "€8"], ",", r"is '€8' in row 2, and '\$7' before it; give values of one currency"),
        (["7", "many"], ",", r"is 'many' in row 2, not a number; give a number"),
    ],
)
def test_numbers_of_two_values_are_refused(tmp_path: Path, numbers: list[str], delimiter: str, says: str) -> None:
    rows = ["path,total_conversions,total_conversion_value", *(f"a,1,{number}" for number in numbers)]
    text = "\n".join(row.replace(",", delimiter, 2) for row in rows) + "\n"
    with pytest.raises(BadTable, match=says):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("data", "given", "says"),
    [
        (SHEET.encode("cp1252"), {}, "not UTF-8; name another encoding, as in --encoding windows-1252"),
        (HEADER.encode() + b"a,1,1,0\n" * 500 + b"\xe4,1,1,0\n", {}, "not UTF-8; name another encoding"),
        (SHEET.encode("utf-16-le"), {}, "seems to be utf-16-le without a byte order mark"),
        (SHEET.encode("utf-16"), {"encoding": "utf-8"}, "the byte order mark of utf-16-le, but encoding is utf-8"),
        (b"sep=;\n" + SHEET.encode(), {"delimiter": ","}, "the first line says sep=;, but delimiter is ,"),
        (SHEET.encode(), {"decimal": "."}, "'1.234,50 €' in row 1, not a number of that form"),
        (SHEET.encode() + b"\x81;1;1;0\n", {"encoding": "windows-1252"}, "bytes that are not windows-1252"),
    ],
)
def test_forms_that_do_not_fit_name_the_option(data: bytes, given: dict[str, str], says: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(BadTable, match=says):
        read_table(tmp_path / "t.csv", TableOptions(csv=CsvOptions(**given)))


def test_quoted_line_ends_at_the_border_of_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 500)
    table = read(tmp_path, "path,total_conversions\n" + '"a\n > b",1\n' * 1_000)
    assert journeys(table) == [["a", "b"]] * 1_000
