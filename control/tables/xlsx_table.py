"""XLSX files: the first sheet, read as a stream. Nothing is computed: formulas give the value that was stored.

The ZIP archive is not trusted: what it unpacks to is counted while it is read, and XML with a document type, by which
entities could grow, is refused.
"""

import zipfile
from collections.abc import Iterator, Sequence
from typing import IO

from control.tables.table import BadTable, TableForm, TableRow, counted, headings_of
from control.tables.xlsx_sheet import SharedTexts, SheetReader
from control.tables.xlsx_styles import Styles, read_styles
from control.tables.xlsx_xml import Feed, Unpacked, elements

_ENTRIES_MAX = 1_000
_SMALL_PART_BYTES_MAX = 4 * 1024**2
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_REL_STRICT = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


class XlsxTable:
    """An XLSX file that was opened."""

    def __init__(self, file: IO[bytes]) -> None:
        file.seek(0)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise BadTable(f"is a damaged XLSX or ZIP file ({error}); save it again") from None
        self._names = set(self._zip.namelist())
        if len(self._names) > _ENTRIES_MAX or "xl/workbook.xml" not in self._names:
            raise BadTable("is a ZIP file and no XLSX workbook; save the table as XLSX or CSV")
        self._unpacked = Unpacked()
        sheet, path, self._styles = self._workbook()
        self._texts = self._shared_texts()
        self._rows = self._records(path)
        self.headings: Sequence[str] = headings_of(next(self._rows, TableRow(1, ())).cells)
        self.form = TableForm("xlsx", sheet=sheet)

    def rows(self) -> Iterator[TableRow]:
        return counted(self._rows, len(self.headings))

    def close(self) -> None:
        """Close the archive; the file stays open."""
        self._zip.close()

    def _records(self, path: str) -> Iterator[TableRow]:
        reader = SheetReader(self._texts, self._styles)
        for _ in self._parts(path, reader.feed):
            yield from reader.take()
        yield from reader.take()

    def _workbook(self) -> tuple[str, str, Styles]:
        """Return name and path of the first sheet that is shown, and the styles. Raises BadTable."""
        sheets, is_1904 = [], False
        for name, values in elements(self._small("xl/workbook.xml")):
            if name == "sheet" and values.get("state", "visible") == "visible":
                sheets.append((values.get("name", ""), values.get(_REL) or values.get(_REL_STRICT) or ""))
            if name == "workbookPr":
                is_1904 = values.get("date1904", "") in ("1", "true")
        if not sheets:
            raise BadTable("has no sheet that is shown")
        title, relation = sheets[0]
        targets = {
            values.get("Id", ""): values.get("Target", "")
            for name, values in elements(self._small("xl/_rels/workbook.xml.rels"))
            if name == "Relationship"
        }
        target = targets.get(relation, "worksheets/sheet1.xml")
        path = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        if path not in self._names:
            raise BadTable(f"lacks its sheet {title!r}; save it again")
        styles = read_styles(self._small("xl/styles.xml") if "xl/styles.xml" in self._names else (), is_1904=is_1904)
        return title, path, styles

    def _shared_texts(self) -> SharedTexts:
        texts = SharedTexts()
        if "xl/sharedStrings.xml" in self._names:
            for _ in self._parts("xl/sharedStrings.xml", texts.feed):
                pass
        return texts

    def _small(self, path: str) -> Iterator[bytes]:
        if path not in self._names:
            raise BadTable(f"lacks {path}; save it again")
        return self._unpacked.parts(self._zip, path, _SMALL_PART_BYTES_MAX)

    def _parts(self, path: str, feed: Feed) -> Iterator[None]:
        """Feed a part of the archive to a reader, and pause after each piece. Raises BadTable."""
        for piece in self._unpacked.parts(self._zip, path):
            feed.write(piece)
            yield
        feed.end()
