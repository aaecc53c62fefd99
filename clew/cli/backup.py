"""Commands that keep a copy of an installation, and bring it back."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clew.cli.ask import ask_about
from clew.cli.options import AsJson, Data, Log, Warehouse, Where, settings_or_exit
from clew.cli.output import err, errors_as_exit_codes, fail, out, print_json
from installation.address import InstallationAddress
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import FINE, NO, WRONG_USE

To = Annotated[Path, typer.Argument(metavar="DIR", help="A new directory.")]
From = Annotated[Path, typer.Argument(metavar="DIR", help="What `clew backup` wrote.")]
_TIMEOUT_S = 24 * 3600.0
_SHOWN_EVERY_S = 0.5


def backup(
    folder: To, data: Data = None, log: Log = None, warehouse: Warehouse = None, as_json: AsJson = False
) -> None:
    """Copy tables, log, token keys and programs as of one moment, while everything goes on."""
    if folder.exists() and any(folder.iterdir()):
        raise fail(f"{folder} is not empty; name a new directory", WRONG_USE)
    with _bytes_shown(folder):
        answer = ask_about(Where(data, log, warehouse), "backup", {"to": str(folder.absolute())}, _TIMEOUT_S)
    if as_json:
        print_json(answer)
    else:
        out.print(f"{sum(answer['rows'].values())} rows, {answer['bytes']} bytes in {folder}", markup=False)
    if "keys.toml" not in answer["has"]:
        err.print("clew: the token keys are not in it: set CLEW_KEYS, or keep a copy of keys.toml yourself")


def restore(
    folder: From, data: Data = None, log: Log = None, warehouse: Warehouse = None, as_json: AsJson = False
) -> None:
    """Make an empty installation what a backup shows, catch up with the log, and audit it."""
    settings = settings_or_exit()
    place = Where(data, log, warehouse).address_or_exit(settings)
    configure_logs("restore")
    with errors_as_exit_codes():
        answer = _restore(place, settings, folder)
        if as_json:
            print_json(answer)
        else:
            out.print(f"{sum(answer['rows'].values())} rows are back, {answer['lost']} records are not", markup=False)
            out.print(f"audit: {'ok' if answer['audit']['ok'] else 'FAILED'}", markup=False)
        raise typer.Exit(FINE if answer["audit"]["ok"] else NO)


def _restore(place: InstallationAddress, settings: Settings, folder: Path) -> dict[str, Any]:
    from installation.engine import trouble_as_user_error
    from operations.backup.restore import check_target, open_backup, run_restore

    with _spinner() as progress:
        task = progress.add_task("checking the files")
        manifest = open_backup(folder)
        check_target(place, settings, folder, manifest)
        with trouble_as_user_error(place):
            return asyncio.run(
                run_restore(
                    place, settings, SystemClock(), folder, manifest,
                    lambda what: progress.update(task, description=what),
                )
            )  # fmt: skip


@contextmanager
def _bytes_shown(folder: Path) -> Iterator[None]:
    """How far it is: whoever writes the backup writes it here."""
    done = threading.Event()
    with _spinner() as progress:
        task = progress.add_task("backing up")

        def show() -> None:
            while not done.wait(_SHOWN_EVERY_S):
                with suppress(OSError):  # a file got its name just now
                    written = sum(path.stat().st_size for path in folder.rglob("*.*") if path.is_file())
                    progress.update(task, description=f"backing up, {written // 1_000_000} MB")

        shower = threading.Thread(target=show, daemon=True)
        shower.start()
        try:
            yield
        finally:
            done.set()
            shower.join()


def _spinner() -> Progress:
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err)
