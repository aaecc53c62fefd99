"""XLSX files: what spreadsheets write, and what attackers do."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from control.tables import xlsx_xml
from control.tables.open_table import open_table
from control.tables.table import BadTable
from control.tables.write import xlsx_file

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
REL = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
WORKBOOK = (
    f'<workbook {MAIN} {REL}><sheets><sheet name="No" state="hidden" r:id="r1"/>'
    '<sheet name="Sales" r:id="r2"/></sheets></workbook>'
)
RELATIONS = (
    '<Relationships><Relationship Id="r1" Target="worksheets/a.xml"/>'
    '<Relationship Id="r2" Target="/xl/worksheets/b.xml"/></Relationships>'
)
STYLES = (
    f'<styleSheet {MAIN}><numFmts><numFmt numFmtId="170" formatCode="yyyy\\-mm\\-dd hh:mm"/>'
    '<numFmt numFmtId="171" formatCode="0.00 &quot;days&quot;"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs></styleSheet>'
)
SHARED = (
    f"<sst {MAIN}><si><t>Name</t></si><si><r><t>Blue </t></r><r><t>Lagoon</t></r><rPh><t>x</t></rPh></si>"
    "<si><t>Since</t></si></sst>"
)
SHEET = (
    f'<worksheet {MAIN}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>2</v></c></row>'
    '<row r="3"><c r="A3" t="s"><v>1</v></c><c r="B3"><v>12.500000000000002</v></c>'
    '<c r="C3" s="1"><v>45000</v></c></row>'
    '<row r="4"><c r="A4" t="inlineStr"><is><t>&lt;b&gt;</t></is></c><c r="B4" t="b"><v>1</v></c>'
    '<c r="C4" s="2"><v>45000.75</v></c></row>'
    '<row r="5"><c t="str"><f>1+1</f><v>two</v></c><c s="3"><v>2</v></c><c><v>1E+3</v></c></row>'
    "</sheetData></worksheet>"
)
PARTS = {
    "xl/workbook.xml": WORKBOOK, "xl/_rels/workbook.xml.rels": RELATIONS, "xl/styles.xml": STYLES,
    "xl/sharedStrings.xml": SHARED, "xl/worksheets/b.xml": SHEET,
}  # fmt: skip


def archive(parts: Mapping[str, str | bytes]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return file


def read(file: Any) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    with open_table(file) as table:
        return list(table.headings), [(row.number, list(row.cells)) for row in table.rows()], table.form.sheet


def test_cells_of_every_kind_in_the_first_sheet_that_is_shown() -> None:
    headings, rows, sheet = read(archive(PARTS))
    assert (headings, sheet) == (["Name", "Column B", "Since"], "Sales")
    assert rows == [
        (3, ["Blue Lagoon", "12.5", "2023-03-15"]),
        (4, ["<b>", "true", "2023-03-15T18:00:00"]),
        (5, ["two", "2", "1000"]),
    ]


def test_an_export_is_read_as_it_was() -> None:
    cells = ["=1+1", "'x", "Ä <&>", "a\nb", 7]
    with xlsx_file("Partners", list("abcde"), [cells, cells]) as file:
        headings, rows, sheet = read(file)
    assert (headings, sheet) == (list("abcde"), "Partners")
    assert rows == [(number, [*cells[:4], "7"]) for number in (2, 3)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"xl/workbook.xml": None}, "no XLSX workbook"),
        ({"xl/worksheets/b.xml": None}, "lacks its sheet 'Sales'"),
        ({"xl/worksheets/b.xml": "<worksheet><row></worksheet>"}, "XML with a mistake"),
        ({"xl/worksheets/b.xml": '<!DOCTYPE a [<!ENTITY x "yy">]><a>&x;</a>'}, "document type"),
        ({"xl/sharedStrings.xml": '<!DOCTYPE a SYSTEM "file:///etc/passwd"><sst/>'}, "document type"),
        ({"xl/worksheets/b.xml": "<a>" * 100}, "too many levels"),
        ({"xl/sharedStrings.xml": f"<sst {MAIN}/>"}, "names a text that the file lacks"),
        ({"xl/workbook.xml": f"<workbook {MAIN}><sheets/></workbook>"}, "no sheet"),
        ({"xl/styles.xml": b" " * (5 * 1024**2)}, "unpacks to more"),
        ({f"xl/x{n}": "" for n in range(1_100)}, "no XLSX workbook"),
    ],
)
def test_refusals_say_why(changes: dict[str, str | bytes | None], why: str) -> None:
    parts = {name: content for name, content in {**PARTS, **changes}.items() if content is not None}
    with pytest.raises(BadTable, match=why):
        read(archive(parts))


def test_a_bomb_is_stopped_by_what_it_unpacks_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_xml, "UNPACKED_BYTES_MAX", 1024**2)
    file = archive(PARTS | {"xl/sharedStrings.xml": b"<sst>" + b" " * (16 * 1024**2)})
    assert len(file.getvalue()) < 100_000
    with pytest.raises(BadTable, match="unpacks to more"):
        read(file)
