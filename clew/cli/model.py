"""`clew model`: any model over a file of paths or events, without an installation."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from clew.cli.output import err, fail, print_json, print_table
from runtime.user_error import NO, UNREACHABLE, WRONG_USE

_SHOWN_AFTER_S = 1
"""What is done sooner shows no bar."""

File = Annotated[Path, typer.Argument(metavar="FILE", help="Path table or event table: CSV (.gz too) or Parquet.")]
Models = Annotated[
    str,
    typer.Option("--model", metavar="M[,M2…]", help='As linear,markov or "position(30,40,30),time_decay(14d)".'),
]
Columns = Annotated[
    str, typer.Option(metavar="OURS=THEIRS,…", help="Columns of other names, as path=journey,total_null=lost.")
]
Types = Annotated[str, typer.Option(metavar="THEIRS=OURS,…", help="Types of other names, as view=impression.")]
Windows = Annotated[
    str,
    typer.Option(metavar="TYPE=AGE,…", help="Longest age of touches of an event table, as click=30d."),
]

Raked = Annotated[bool, typer.Option("--raked", help="Markov credits each path within its own channels; says the gap.")]
Intervals = Annotated[
    bool | None, typer.Option("--intervals/--no-intervals", help="95 % intervals of markov, however long it takes.")
]


def model(
    file: File,
    models: Models,
    order: Annotated[int, typer.Option(metavar="K", help="Order of markov: channels that a state remembers.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    columns: Columns = "",
    separator: Annotated[str, typer.Option(metavar="TEXT", help="Between the names of a path.")] = " > ",
    direct: Annotated[
        str, typer.Option(metavar="NAME,…", help="Channels that last_non_direct passes over.")
    ] = "direct,(direct)",
    types: Types = "",
    windows: Windows = "",
    resets: Annotated[bool, typer.Option("--reset", help="A conversion ends the journey of what came before.")] = False,
    game: Annotated[
        str, typer.Option(metavar="GAME", help="Of shapley: conversions, rate or leave_one_out.")
    ] = "conversions",
    samples: Annotated[int, typer.Option(metavar="N", help="Orders that a large game is sampled by.")] = 2000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of those samples.")] = 1,
    raked: Raked = False,
    intervals: Intervals = None,
) -> None:
    """Credit the channels of a path table or event table by one model or several."""
    from attribution.paths.evaluate import ModelOptions, answer, parse_asked
    from attribution.paths.files import TableOptions, read_table
    from attribution.paths.path_table import BadTable, EventOptions
    from schemas.values.model_names import BadModel

    try:
        asked = parse_asked(models)
        events = EventOptions(_windows(windows), resets, _pairs(types, "--types"))
        reading = TableOptions(_pairs(columns, "--columns"), separator, events)
        options = ModelOptions(order, tuple(_words(direct)), game, samples, seed, intervals, raked)
        options.check()
    except (BadModel, ValueError) as error:
        raise fail(str(error), WRONG_USE) from None
    try:
        with _bar() as bar:
            table = read_table(file, reading, _steps(bar, "reading"))
            answers = answer(table, asked, options, _steps(bar, "computing"))
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror or error}", UNREACHABLE) from None
    except BadTable as error:
        raise fail(f"{file}: {error}", NO) from None
    for note in dict.fromkeys((*table.notes, *options.idle(asked), *(note for one in answers for note in one.notes))):
        err.print(f"{file}: {note}", markup=False)
    if as_json:
        documents = [one.as_json() for one in answers]
        print_json(documents[0] if len(documents) == 1 else {"models": documents})
        return
    for one in answers:
        _print(one.as_json())


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
    """What is done of the file and of a long model, on stderr of a terminal."""
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn()
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _steps(bar: Progress, words: str) -> Callable[[int, int], None]:
    """What tells the bar of one kind of work, once that lasts."""
    task = bar.add_task(words, visible=False)

    def step(done: int, total: int) -> None:
        lasts = (bar.tasks[task].elapsed or 0.0) > _SHOWN_AFTER_S
        bar.update(task, completed=done, total=total, visible=lasts)

    return step


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _pairs(text: str, option: str) -> dict[str, str]:
    """`a=b,c=d`. Raises ValueError."""
    found = {}
    for part in _words(text):
        name, equals, other = part.partition("=")
        if not equals or not name.strip() or not other.strip():
            raise ValueError(f"{option}: {part!r} is no pair; write NAME=NAME, with commas between pairs")
        if name.strip() in found:
            raise ValueError(f"{option} has {name.strip()} twice; give it once")
        found[name.strip()] = other.strip()
    return found


def _windows(text: str) -> dict[str, int]:
    from schemas.values.durations import BadDuration, parse_duration_us

    found = {}
    for name, age in _pairs(text, "--windows").items():
        if name not in ("impression", "click", "coupon"):
            raise ValueError(f"--windows: {name!r} is no type of touch; there are impression, click and coupon")
        try:
            found[name] = parse_duration_us(age)
        except BadDuration as error:
            raise ValueError(f"--windows: the window of {name} {error}") from None
    return found
