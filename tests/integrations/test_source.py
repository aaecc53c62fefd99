"""Files as rows: each format, plain and packed, and errors of lines and of whole files."""

import gzip
from pathlib import Path

import pytest

from integrations.files.mapping.mapping import FileMapping
from integrations.files.source import LINE_CHARS_MAX, LineProblem, Row, SourceError, SourceFile
from tests.integrations.histories import ACCESS_LOG, CLICKS, JOURNEYS, mapping_of, parsed, written

EVENT = '[[event]]\ntype = "click"\nts = "{t}"\nlink = "{l}"\n'


def rows_of(path: Path, mapping: FileMapping) -> list[Row | LineProblem]:
    with SourceFile(path, mapping) as file:
        return list(file.rows())


def source(settings: str) -> FileMapping:
    return parsed(f"[source]\n{settings}\n{EVENT}")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("name", "text"), [("talkingdata", CLICKS), ("journeys", JOURNEYS)])
def test_csv(tmp_path: Path, name: str, text: str, *, packed: bool) -> None:
    rows = rows_of(written(tmp_path, text, packed=packed), mapping_of(name))
    assert [row.line for row in rows] == list(range(2, len(text.splitlines()) + 1))
    assert all(isinstance(row, Row) for row in rows)
    if name == "journeys":
        assert isinstance(rows[-1], Row) and rows[-1].values["channel"] == "Search, paid"


def test_packing_a_file_does_not_change_its_digest(tmp_path: Path) -> None:
    plain, packed, mapping = tmp_path / "plain", tmp_path / "packed", mapping_of("talkingdata")
    plain.write_text(CLICKS)
    packed.write_bytes(gzip.compress(CLICKS.encode()))
    with SourceFile(plain, mapping) as one, SourceFile(packed, mapping) as other:
        assert one.digest() == other.digest()
        assert len(one.digest()) == 16
    plain.write_text(CLICKS + "\n")
    with SourceFile(plain, mapping) as one, SourceFile(packed, mapping) as other:
        assert one.digest() != other.digest()


def test_csv_lines_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b't,l\n1,"two\nlines"\n\n1\n1,2,3\n1,\xff\n1,"a"b\n1,x\n')
    rows = rows_of(path, source('encoding = "utf-8"'))
    assert [(row.line, isinstance(row, Row)) for row in rows] == [
        (2, True), (5, False), (6, False), (7, False), (8, False), (9, True),
    ]  # fmt: skip
    assert isinstance(rows[0], Row) and rows[0].values["l"] == "two\nlines"


def test_csv_without_a_header(tmp_path: Path) -> None:
    path = written(tmp_path, "1\tx\n2\ty\n")
    rows = rows_of(path, source('delimiter = "tab"\ncolumns = ["t", "l"]'))
    assert rows == [Row(1, {"t": "1", "l": "x"}), Row(2, {"t": "2", "l": "y"})]


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "no column t, l"), ("t,x\n", "no column l; the columns are t, x"), ("t,l,l\n", "several columns l")],
)
def test_missing_and_repeated_columns(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SourceError, match=says):
        rows_of(written(tmp_path, text), source(""))


def test_ndjson(tmp_path: Path) -> None:
    text = '{"t":1.50,"l":{"a":"x","b":{"c":true}},"n":null,"i":12345678901234567890,"z":[1]}\n\nno\n[]\n{}\n'
    rows = rows_of(written(tmp_path, "\ufeff" + text), source('format = "ndjson"'))
    assert rows[0] == Row(1, {"t": "1.50", "l.a": "x", "l.b.c": "true", "i": "12345678901234567890"})
    assert [(row.line, isinstance(row, Row)) for row in rows[1:]] == [(3, False), (4, False), (5, True)]


def test_access_log(tmp_path: Path) -> None:
    rows = rows_of(written(tmp_path, ACCESS_LOG), mapping_of("access_log"))
    assert [(row.line, isinstance(row, Row)) for row in rows] == [
        (1, True), (2, True), (3, False), (4, True), (5, True),
    ]  # fmt: skip
    values = [row.values for row in rows if isinstance(row, Row)]
    assert values[0]["path"] == "/a?b=c%20d&e" and values[0]["method"] == "GET"
    assert values[0]["referrer"] == 'http://r.test?q="x"'
    assert (values[1]["host"], values[1]["user"], values[1]["bytes"]) == ("2001:db8::1", "joe", "")
    assert (values[1]["referrer"], values[1]["user_agent"]) == ("", "")
    assert values[2]["user_agent"] == "Mozilla/5.0 (compatible; Crawler/2.1; +http://c.example/"
    assert (values[3]["request"], values[3]["method"], values[3]["user_agent"]) == ("", "", "")


@pytest.mark.parametrize(
    ("logged", "meant"),
    [(r"\xc3\xa9", "é"), (r"\xe9x", r"\xe9x"), (r"a\\b", r"a\b"), (r"\"", '"'), ("-", ""), ("", "")],
)
def test_escapes_of_access_logs(tmp_path: Path, logged: str, meant: str) -> None:
    line = f'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "{logged}"\n'
    (row,) = rows_of(written(tmp_path, line), mapping_of("access_log"))
    assert isinstance(row, Row) and row.values["user_agent"] == meant


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        rows_of(tmp_path / "missing", source(""))
    with pytest.raises(SourceError, match="cannot be read"):
        rows_of(tmp_path, source(""))
    cut = written(tmp_path, "t,l\n" + "1,2\n" * 9_999, packed=True)
    cut.write_bytes(cut.read_bytes()[:-20])
    with pytest.raises(SourceError, match="cut off"):
        rows_of(cut, source(""))
    with pytest.raises(SourceError, match="line 1 is longer"):
        rows_of(written(tmp_path, "x" * (LINE_CHARS_MAX + 1)), source('format = "ndjson"'))


def test_progress_is_in_bytes_on_disk(tmp_path: Path) -> None:
    path = written(tmp_path, CLICKS, packed=True)
    mapping = mapping_of("talkingdata")
    with SourceFile(path, mapping) as file:
        file.digest()
        list(file.rows())
        assert file.bytes_done == file.bytes_total == path.stat().st_size
