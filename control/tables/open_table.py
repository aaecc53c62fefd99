"""Opening of a table by what the file holds, whatever its name says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from control.tables.csv_table import CsvTable
from control.tables.table import BadTable, Table
from control.tables.xlsx_table import XlsxTable

_ZIP = b"PK\x03\x04"
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "is an old Excel file (XLS); save it as XLSX or CSV",
    b"%PDF": "is a PDF; save the table as XLSX or CSV",
    b"\x1f\x8b": "is compressed with gzip; unpack it first",
    b"PK\x05\x06": "is an empty ZIP file",
}


@contextmanager
def open_table(file: IO[bytes], encoding: str = "", delimiter: str = "") -> Iterator[Table]:
    """Open a CSV or XLSX file; the file stays open. Raises BadTable."""
    file.seek(0)
    head = file.read(4)
    if not head:
        raise BadTable("is empty")
    if head in _OTHERS:
        raise BadTable(_OTHERS[head])
    if head == _ZIP:
        xlsx = XlsxTable(file)
        try:
            yield xlsx
        finally:
            xlsx.close()
        return
    table = CsvTable(file, encoding, delimiter)
    try:
        yield table
    finally:
        table.close()
