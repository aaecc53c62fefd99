"""The delimiter of a CSV file, from its `sep=` line or from a sample of its lines."""

import csv
import re
from collections.abc import Callable, Sequence

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES_MAX = 100
SAMPLE_CHARS_MAX = 1_048_576
_SEP_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)


class BadDelimiter(ValueError):
    """Error for a delimiter that cannot be used or found; the message says why."""


def delimiter_of(text: str) -> str:
    """Read a delimiter from a setting: one character, or "tab". Raises BadDelimiter."""
    if text in ("tab", "\\t"):
        return "\t"
    if len(text) != 1 or not text.isascii() or text in '"\r\n\0':
        raise BadDelimiter('must be one character, or "tab"')
    return text


def name_of(delimiter: str) -> str:
    """Return the name of a delimiter in a setting or message."""
    return "tab" if delimiter == "\t" else delimiter


def sep_line(line: str) -> str | None:
    """Return the delimiter of a first line such as `sep=;`, which Excel reads and writes; None for other lines."""
    match = _SEP_LINE.fullmatch(line)
    return match.group(1) if match else None


def choose(first_line: str, wanted: str) -> str:
    """Return the delimiter of the setting or of the `sep=` line; empty if there is neither. Raises BadDelimiter."""
    said = sep_line(first_line)
    if said is not None and wanted and said != wanted:
        raise BadDelimiter(f"the first line says sep={said}, but delimiter is {name_of(wanted)}")
    return wanted or said or ""


def detect(lines: Sequence[str], accepts: Callable[[list[str]], bool]) -> str | None:
    """Return the delimiter of a sample; None if there is none under which `accepts` its first record.

    If several are accepted, the one by which most records are as long as the first is chosen; equal numbers of such
    records raise BadDelimiter, unless the records are the same.
    """
    best: list[tuple[str, list[list[str]]]] = []
    most = 0
    for delimiter in DELIMITERS:
        records = _records(lines, delimiter)
        if not records or not accepts(records[0]):
            continue
        fitting = sum(len(record) == len(records[0]) for record in records)
        if fitting > most:
            best, most = [], fitting
        if fitting == most:
            best.append((delimiter, records))
    if any(records != best[0][1] for _, records in best):
        names = " or ".join(name_of(delimiter) for delimiter, _ in best)
        raise BadDelimiter(f"the delimiter can be {names}")
    return best[0][0] if best else None


def likeliest_header(lines: Sequence[str]) -> list[str]:
    """Return the first record under the delimiter that splits it most, for a message."""
    found = [records[0] for delimiter in DELIMITERS if (records := _records(lines[:1], delimiter))]
    return max(found, key=len, default=[])


def _records(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Return the records of a sample; those that cannot be read are empty lists at the end."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    bad = 0
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return records + [[]] * bad
        except csv.Error:
            bad += 1
            if not records:
                return []
            continue
        if record:
            records.append(record)
