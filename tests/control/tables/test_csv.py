"""CSV files: encodings, delimiters, and what is refused with a reason."""

import io

import pytest

from control.tables.open_table import open_table
from control.tables.table import BadTable, TableRow, counted
from control.tables.write import csv_lines


def read(content: bytes, **wishes: str) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    with open_table(io.BytesIO(content), **wishes) as table:
        rows = [(row.number, list(row.cells)) for row in table.rows()]
        return list(table.headings), rows, f"{table.form.encoding} {table.form.delimiter}"


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("name,city\nÄrger,Köln\n".encode(), "utf-8 ,"),
        ("\ufeffname;city\nÄrger;Köln\n".encode(), "utf-8 ;"),
        ("name\tcity\r\nÄrger\tKöln\r\n".encode("utf-16"), "utf-16-le tab"),
        ("name;city\nÄrger;Köln".encode("cp1252"), "windows-1252 ;"),
        ("sep=|\nname|city\nÄrger|Köln\n".encode(), "utf-8 |"),
    ],
)
def test_form_is_recognised(content: bytes, form: str) -> None:
    headings, rows, found = read(content)
    assert (headings, [cells for _, cells in rows], found) == (["name", "city"], [["Ärger", "Köln"]], form)


def test_rows_keep_their_numbers_and_empty_ones_are_left_out() -> None:
    headings, rows, _ = read(b'name,,name\n\n"a\nb",1,2\n,,\nc\n')
    assert headings == ["name", "Column B", "name (2)"]
    assert rows == [(4, ["a\nb", "1", "2"]), (6, ["c", "", ""])]


def test_an_export_is_read_as_it_was() -> None:
    cells = ["=1+1", "+49", "'quoted", "-", "@x", "plain", 'with "quotes", and more']
    content = "".join(csv_lines([f"c{at}" for at in range(len(cells))], [cells])).encode()
    assert b"'=1+1" in content
    assert read(content)[1] == [(2, cells)]


@pytest.mark.parametrize(
    ("content", "wishes", "why"),
    [
        (b"", {}, "is empty"),
        (b" , \n1,2\n", {}, "no row of headings"),
        (b"%PDF-1.7 x", {}, "is a PDF"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 20, {}, "old Excel file"),
        (b"PK\x03\x04 and then nothing", {}, "damaged XLSX"),
        (b"a,b\n1,\0\n", {}, "NUL"),
        (b"a,b\n1,2\n3,4,5\n", {}, "row 3 has 3 cells, and there are 2 columns"),
        (b'a,b\n1,"2\n3,4\n', {}, "cannot be read as CSV"),
        (b"a,b\n1,\xff\n", {"encoding": "utf-8"}, "byte 6 is not utf-8"),
        (b"a,b\n1,2\n", {"encoding": "klingon"}, "must be one of utf-8"),
        (b"a,b\n1,2\n", {"delimiter": "ab"}, "must be one character"),
        (b",".join(b"h%d" % n for n in range(201)) + b"\n1\n", {}, "201 columns; at most 200"),
        (b"a\n" + b"x" * 20_001 + b"\n", {}, "more than 20,000 characters"),
    ],
)
def test_refusals_say_why(content: bytes, wishes: dict[str, str], why: str) -> None:
    with pytest.raises(BadTable, match=why):
        read(content, **wishes)


def test_rows_are_limited() -> None:
    rows = [TableRow(number, ["x"]) for number in range(2, 5)]
    assert len(list(counted(iter(rows), 1, rows_max=3))) == 3
    with pytest.raises(BadTable, match="more than 2 rows; split it"):
        list(counted(iter(rows), 1, rows_max=2))
