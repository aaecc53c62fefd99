"""Commands about program files and histories: check, program infer, replay, id."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from clew.ask_error import FINE, NO, UNREACHABLE, WRONG_USE
from clew.cli_options import AsJson, Data, Log, Warehouse, Where, settings_or_exit
from clew.datadir import DataDir
from clew.keys_file import KeysFileError, load_or_make_keys
from clew.keys_file import rotate_keys as rotate_keys_file
from clew.mapping import FileMapping, read_mapping
from clew.output import err, fail, out, print_json
from clew.programs import ProgramError, ProgramUnreadable, line_of, load_program
from runtime.clock import SystemClock
from runtime.settings import environment_value
from schemas import clickid
from schemas.durations import parse_duration_us
from schemas.program_file import read_program

History = Annotated[Path, typer.Argument(metavar="FILE", help="CSV, NDJSON or Apache combined log; .gz too.")]
MappingFile = Annotated[Path, typer.Option("--mapping", metavar="FILE", help="Mapping (TOML): which column is what.")]


def check(program: Annotated[Path, typer.Argument(metavar="FILE", help="Program file (TOML).")]) -> None:
    """Report every mistake of a program file at once, with its place, and warnings."""
    try:
        text = program.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{program} cannot be read: {error}", UNREACHABLE) from None
    reading = read_program(text, environment_value)
    for warning in reading.warnings:
        err.print(f"{program}:{warning.line}: warning: {warning.place}: {warning.message}", markup=False)
    for mistake in reading.mistakes:
        err.print(line_of(program, mistake), markup=False)
    if reading.program is None or reading.mistakes:
        raise typer.Exit(NO)
    rules = reading.program.rules
    out.print(
        f"{program} is fine: {len(rules.partners)} partners, {len(rules.offers)} offers, {len(rules.links)} links, "
        f"{len(rules.plans)} plans; program {reading.program.hash}",
        markup=False,
    )
    raise typer.Exit(FINE)


def infer(
    file: History,
    mapping: MappingFile,
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where the program file goes.")],
) -> None:
    """Write a program with every partner, offer and link that a history names."""
    from clew.program_infer import InferError, new_api_key, write_program
    from clew.program_infer import infer as infer_program
    from clew.replay_source import SourceError

    with _progress() as progress:
        bar = progress.add_task("reading", total=None, lines=0)
        try:
            inferred = infer_program(
                file,
                _mapping(mapping),
                new_api_key(os.urandom),
                lambda lines, done, total: progress.update(bar, completed=done, total=total, lines=lines),
            )
        except (InferError, SourceError) as error:
            raise fail(str(error), NO) from None
    try:
        write_program(out_file, inferred.text)
    except OSError as error:
        raise fail(f"{out_file} cannot be written: {error}", UNREACHABLE) from None
    for problem in inferred.census.shown:
        err.print(f"{file}:{problem.line}: {problem.message}", markup=False)
    out.print(f"{out_file}: a program from {inferred.census.lines} lines; it holds a new API key", markup=False)


def replay(
    file: History,
    mapping: MappingFile,
    to: Annotated[str, typer.Option(metavar="URL", help="Tracking URL of a running Clew.")],
    program: Annotated[Path | None, typer.Option(metavar="FILE", help="Program: numbers of names, API key.")] = None,
    api_key: Annotated[str, typer.Option(metavar="KEY", help="Key for /v1/events; better in CLEW_API_KEY.")] = "",
    rate: Annotated[float | None, typer.Option(metavar="N", help="Most events a second.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Send all, whatever was sent before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a history as traffic; a stopped replay goes on where it was, a second one changes nothing."""
    from clew.replay import ReplayOrder
    from clew.replay import replay as run_replay
    from clew.replay_report import ReplayProgress
    from clew.replay_send import ReplayError
    from clew.replay_source import SourceError
    from clew.replay_state import default_state_dir

    settings = settings_or_exit()
    try:
        loaded = load_program(program) if program is not None else None
    except ProgramUnreadable as error:
        raise fail(str(error), UNREACHABLE) from None
    except ProgramError as error:
        raise fail(str(error), WRONG_USE) from None
    key = api_key or settings.api_key or (loaded.secrets.api_keys[0] if loaded and loaded.secrets.api_keys else "")
    state_dir = default_state_dir(environment_value("XDG_STATE_HOME"), Path.home())
    rules = loaded.rules if loaded is not None else None
    order = ReplayOrder(file, _mapping(mapping), to, key, rules, rate, again, state_dir)
    with _progress() as progress:
        bar = progress.add_task("replaying", total=None, lines=0)

        def show(now: ReplayProgress) -> None:
            progress.update(bar, completed=now.bytes_done, total=now.bytes_total, lines=now.lines)

        try:
            report = asyncio.run(run_replay(order, SystemClock(), show))
        except (ReplayError, SourceError) as error:
            raise fail(str(error), UNREACHABLE) from None
    for problem in report.shown:
        err.print(f"{file}:{problem.line}: {problem.message}", markup=False)
    if as_json:
        print_json(report.as_json())
        return
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(report.verdicts.items()))
    out.print(f"{report.lines} lines, {report.sent} events: {verdicts or 'nothing to send'}", markup=False)


def rotate_keys(
    data: Data = None,
    old_verifies: Annotated[str, typer.Option(metavar="DURATION", help="How long ids of the old key verify.")] = "730d",
) -> None:
    """Sign new ids with a new key; restart `clew serve` afterwards, so that every edge knows it."""
    try:
        old_us = parse_duration_us(old_verifies)
    except ValueError as error:
        raise fail(f"--old-verifies: {error}", WRONG_USE) from None
    path = _keys_or_exit(data)
    try:
        keys = rotate_keys_file(path, os.urandom, SystemClock().now_us() // 1000, old_verifies_ms=old_us // 1000)
    except KeysFileError as error:
        raise fail(str(error), UNREACHABLE) from None
    out.print(f"{path}: key {keys.current.key_id} signs now; restart `clew serve`", markup=False)


def show_id(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="A click or impression id: 36 characters.")],
    data: Data = None,
    log: Log = None,
    warehouse: Warehouse = None,
    as_json: AsJson = False,
) -> None:
    """Print what a click or impression id says, and whether this installation signed it."""
    raw = clickid.from_text(token)
    if raw is None:
        raise fail(f"{token[:60]!r} is no click id: it has 36 characters of base64url", NO)
    clock, path = SystemClock(), _keys_or_exit(data, log, warehouse)
    if not path.is_file():
        raise fail(f"there are no token keys at {path}; give the data directory of the installation", UNREACHABLE)
    now_ms = clock.now_us() // 1000
    try:
        keys = load_or_make_keys(path, os.urandom, now_ms)
    except (KeysFileError, OSError) as error:
        raise fail(str(error), UNREACHABLE) from None
    signed = clickid.verify(keys, raw, now_ms) is not None
    facts = clickid.facts_of(raw)
    says = {
        "signed": signed,
        "ts": _rfc3339(facts.ts_ms),
        "offer_id": facts.offer_id,
        "partner_id": facts.partner_id,
        "key_id": facts.key_id,
        "random": facts.random.hex(),
    }
    if as_json:
        print_json(says)
    else:
        for name, value in says.items():
            out.print(f"{name:<11} {value}", markup=False)
    raise typer.Exit(FINE if signed else NO)


def _keys_or_exit(data: Path | None, log: str | None = None, warehouse: str | None = None) -> Path:
    """Where the token keys are: CLEW_KEYS, else in the directory."""
    settings = settings_or_exit()
    if settings.keys is not None:
        return settings.keys
    if data is not None:
        return DataDir(data).keys(None)
    place = Where(None, log, warehouse).place_or_exit(settings)
    if place.data is None:
        raise fail("set CLEW_KEYS to the file of the token keys, or give --data DIR of a tracker", WRONG_USE)
    return place.data.keys(None)


def _rfc3339(ms: int) -> str:
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    except OverflowError:
        return f"{ms} ms after 1970"
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _mapping(path: Path) -> FileMapping:
    """The mapping of a file; every mistake at once on stderr."""
    try:
        reading = read_mapping(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{path} cannot be read: {error}", UNREACHABLE) from None
    if reading.mapping is None:
        lines = [line_of(path, mistake) for mistake in reading.mistakes]
        raise fail("\n".join(lines), WRONG_USE)
    return reading.mapping


def _progress() -> Progress:
    """A bar of bytes, on stderr, so that --json stays one document."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("bytes, {task.fields[lines]} lines"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )
