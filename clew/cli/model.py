"""`clew model`: attribution models over a file of paths or events, without an installation."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from clew.cli.option_groups import AsJson
from clew.cli.output import err, fail, print_json, print_table
from runtime.user_error import NO, UNREACHABLE, WRONG_USE

if TYPE_CHECKING:
    from attribution.paths.csv_file import CsvOptions
    from attribution.paths.evaluate import ModelOptions
    from attribution.paths.files import TableOptions
    from schemas.values.model_names import Model

_SHOWN_AFTER_S = 1
"""Shorter work shows no progress bar."""

File = Annotated[Path, typer.Argument(metavar="FILE", help="Path table or event table: CSV (.gz too) or Parquet.")]
Models = Annotated[
    str,
    typer.Option("--model", metavar="M[,M2…]", help='As linear,markov or "position(30,40,30),time_decay(14d)".'),
]
Order = Annotated[
    int | None, typer.Option("--order", metavar="K", help="Channels that a state of markov remembers (default 1).")
]
Columns = Annotated[
    str, typer.Option(metavar="OURS=THEIRS,…", help="Columns of other names, as path=journey,total_null=lost.")
]
Separator = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help='Text between the names of a path (default " > ").'),
]
Direct = Annotated[
    str | None,
    typer.Option(metavar="NAME,…", help="Channels that last_non_direct skips (default direct,(direct))."),
]
Types = Annotated[str, typer.Option(metavar="THEIRS=OURS,…", help="Types of other names, as view=impression.")]
Windows = Annotated[
    str,
    typer.Option(metavar="TYPE=AGE,…", help="Longest age of touches of an event table, as click=30d."),
]
Resets = Annotated[bool, typer.Option("--reset", help="Event table: a conversion ends the journey before it.")]
Game = Annotated[
    str | None, typer.Option(metavar="GAME", help="Shapley: conversions, rate or leave_one_out (default conversions).")
]
Samples = Annotated[
    int | None, typer.Option(metavar="N", help="Random orders for rates of more than 20 channels (default 2000).")
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Seed of the random orders (default 1).")]
Raked = Annotated[
    bool, typer.Option("--raked", help="Markov: credit each path within its own channels; print the gap.")
]
Intervals = Annotated[
    bool | None, typer.Option("--intervals/--no-intervals", help="95 % intervals of markov, however long they take.")
]
Delimiter = Annotated[str | None, typer.Option(metavar="CHAR", help="CSV: one character or tab (default: detected).")]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="CSV: as windows-1252 (default: byte order mark, or UTF-8).")
]
Decimal = Annotated[str | None, typer.Option(metavar="SIGN", help="CSV: decimal sign of numbers, a point or a comma.")]
Thousands = Annotated[str | None, typer.Option(metavar="SIGN", help="CSV: thousands sign: . , ' space or none.")]


def model(
    file: File,
    models: Models,
    order: Order = None,
    as_json: AsJson = False,
    columns: Columns = "",
    separator: Separator = None,
    direct: Direct = None,
    types: Types = "",
    windows: Windows = "",
    resets: Resets = False,
    game: Game = None,
    samples: Samples = None,
    seed: Seed = None,
    raked: Raked = False,
    intervals: Intervals = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    decimal: Decimal = None,
    thousands: Thousands = None,
) -> None:
    """Credit the channels of a path table or event table."""
    from attribution.paths.evaluate import ModelOptions, parse_asked
    from attribution.paths.files import TableOptions
    from attribution.paths.path_table import EventOptions
    from schemas.values.model_names import BadModel

    try:
        asked = parse_asked(models)
        events = EventOptions(_windows(windows), resets, _types(types))
        csv_options = _csv_options(delimiter, encoding, decimal, thousands)
        reading = TableOptions(_pairs(columns, "--columns"), _separator(separator), events, csv_options)
        options = ModelOptions(
            order, None if direct is None else tuple(_words(direct)), game, samples, seed, intervals, raked
        )
        options.check()
        options.check_effects(asked)
    except (BadModel, ValueError) as error:
        raise fail(str(error), WRONG_USE) from None
    notes, documents = _documents(file, reading, asked, options)
    for note in notes:
        err.print(f"{file}: {note}")
    if as_json:
        print_json(documents[0] if len(documents) == 1 else {"models": documents})
        return
    for document in documents:
        _print(document)


def _documents(
    file: Path, reading: "TableOptions", asked: "Sequence[Model]", options: "ModelOptions"
) -> tuple[list[str], list[dict[str, Any]]]:
    """Compute every model; return the notes for stderr and one document for each model. Exit with an error."""
    from attribution.paths.evaluate import answer
    from attribution.paths.files import read_table
    from attribution.paths.path_table import BadTable, UnusableOption

    try:
        with _bar() as bar:
            table = read_table(file, reading, _steps(bar, "reading"))
            answers = answer(table, asked, options, _steps(bar, "computing"))
        if unused := [sentence for one in answers for sentence in one.unused]:
            raise UnusableOption(unused[0])
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror or error}", UNREACHABLE) from None
    except UnusableOption as error:
        raise fail(f"{file}: {error}", WRONG_USE) from None
    except BadTable as error:
        raise fail(f"{file}: {error}", NO) from None
    notes = dict.fromkeys((*table.notes, *(note for one in answers for note in one.notes)))
    return list(notes), [one.as_json() for one in answers]


def _print(document: dict[str, Any]) -> None:
    rows = document["channels"]
    columns = list(rows[0]) if rows else ["channel", "conversions", "value", "share"]
    ordered = sorted(rows, key=lambda row: (-(row["conversions"] or 0), row["channel"]))
    cells = [[_cell(name, row[name]) for name in columns] for row in ordered]
    totals = document["totals"]
    total = {"channel": "total", "conversions": totals["conversions"], "value": totals["value"]}
    cells.append([_cell(name, total.get(name)) for name in columns])
    about = [f"{key} {value}" for key, value in document.items() if key not in ("model", "channels", "totals")]
    print_table(columns, cells, ", ".join([document["model"], *about]))


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.2f}" if name in ("conversions", "value") else f"{value:.4f}"


def _bar() -> Progress:
    """Return a progress bar for reading the file and for long models, on stderr if that is a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _steps(bar: Progress, words: str) -> Callable[[int, int], None]:
    """Return a callback that shows one kind of work in the bar after _SHOWN_AFTER_S."""
    task = bar.add_task(words, visible=False)

    def step(done: int, total: int) -> None:
        lasts = (bar.tasks[task].elapsed or 0.0) > _SHOWN_AFTER_S
        bar.update(task, completed=done, total=total, visible=lasts)

    return step


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _pairs(text: str, option: str) -> dict[str, str]:
    """Parse pairs such as `a=b,c=d`. Raises ValueError."""
    found = {}
    for part in _words(text):
        name, equals, other = part.partition("=")
        if not equals or not name.strip() or not other.strip():
            raise ValueError(f"{option}: {part!r} is not a pair; write NAME=NAME, with commas between pairs")
        if name.strip() in found:
            raise ValueError(f"{option} has {name.strip()} twice; give it once")
        found[name.strip()] = other.strip()
    return found


def _types(text: str) -> dict[str, str]:
    """Parse the file's types and ours. Raises ValueError."""
    types = _pairs(text, "--types")
    for ours in types.values():
        if ours not in ("impression", "click", "coupon", "conversion"):
            raise ValueError(f"--types: {ours!r} is not a type; the types are impression, click, coupon and conversion")
    return types


def _separator(text: str | None) -> str:
    """Check a separator; empty if it is not given. Raises ValueError."""
    if text is not None and not text.strip():
        raise ValueError("--separator needs at least one character that is not white space")
    return text or ""


def _csv_options(
    delimiter: str | None, encoding: str | None, decimal: str | None, thousands: str | None
) -> "CsvOptions":
    """Check the options of a CSV file. Raises ValueError."""
    from attribution.paths.csv_file import CsvOptions
    from runtime.csv_delimiter import BadDelimiter, delimiter_of
    from runtime.text_encoding import BadEncoding, encoding_name
    from schemas.values.decimal_text import DECIMAL_SIGNS, BadNumber, thousands_sign

    if decimal is not None and decimal not in DECIMAL_SIGNS:
        raise ValueError(f"--decimal must be one of {' '.join(DECIMAL_SIGNS)}")
    try:
        mark = "" if delimiter is None else delimiter_of(delimiter)
        name = "" if encoding is None else encoding_name(encoding)
    except (BadDelimiter, BadEncoding) as error:
        raise ValueError(f"{'--encoding' if isinstance(error, BadEncoding) else '--delimiter'} {error}") from None
    try:
        return CsvOptions(mark, name, decimal or "", None if thousands is None else thousands_sign(thousands))
    except BadNumber as error:
        raise ValueError(f"--thousands {error}") from None


def _windows(text: str) -> dict[str, int]:
    from schemas.values.durations import BadDuration, parse_duration_us

    found = {}
    for name, age in _pairs(text, "--windows").items():
        if name not in ("impression", "click", "coupon"):
            raise ValueError(f"--windows: {name!r} is not a type of touch; the types are impression, click and coupon")
        try:
            found[name] = parse_duration_us(age)
        except BadDuration as error:
            raise ValueError(f"--windows: the window of {name} {error}") from None
    return found
