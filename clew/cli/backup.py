"""Back up an installation, and restore a backup."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from clew.cli.ask import ask
from clew.cli.control_checks import add_control_checks
from clew.cli.option_groups import AsJson, with_option_groups
from clew.cli.options import Where, settings_or_exit
from clew.cli.output import err, errors_as_exit_codes, fail, out, print_json
from clew.requests.types import BackupRequest
from installation.address import InstallationAddress
from runtime.clock import SystemClock
from runtime.logs import configure_logs
from runtime.settings import Settings
from runtime.user_error import FINE, NO, WRONG_USE

To = Annotated[Path, typer.Argument(metavar="DIR", help="New or empty directory for the backup.")]
From = Annotated[Path, typer.Argument(metavar="DIR", help="Directory that `clew backup` wrote.")]
_TIMEOUT_S = 24 * 3600.0
_SHOWN_EVERY_S = 0.5


@with_option_groups
def backup(folder: To, where: Where, as_json: AsJson = False) -> None:
    """Back up an installation without stopping it.

    Copies tables, log, token keys and programs as of one moment, then the control plane of this machine.
    """
    if folder.exists() and any(folder.iterdir()):
        raise fail(f"{folder} is not empty; name a new directory", WRONG_USE)
    with _bytes_shown(folder):
        answer = ask(where, BackupRequest(to=str(folder.absolute())), _TIMEOUT_S)
        answer["bytes"] += _copy_control(where, folder)
    if as_json:
        print_json(answer)
    else:
        out.print(f"{sum(answer['rows'].values())} rows, {answer['bytes']} bytes in {folder}")
    if "keys.toml" not in answer["has"]:
        err.print("clew: the backup has no token keys; keep a copy of the file that CLEW_KEYS names, or of keys.toml")


def _copy_control(where: Where, folder: Path) -> int:
    """Copy the control plane of one machine; return the bytes."""
    from control.backup import copy_control_plane, has_control_plane

    settings = settings_or_exit()
    if settings.control:
        err.print("clew: the backup has no control plane; copy the database that CLEW_CONTROL names with pg_dump")
        return 0
    place = where.address_or_exit(settings)
    if place.data is None or not has_control_plane(place.data.root):
        return 0
    with errors_as_exit_codes():
        return copy_control_plane(place.data.root, folder)


@with_option_groups
def restore(folder: From, where: Where, as_json: AsJson = False) -> None:
    """Restore a backup into an empty installation; audit it.

    Events that the log received after the backup are ingested again.
    """
    settings = settings_or_exit()
    place = where.address_or_exit(settings)
    configure_logs("restore")
    with errors_as_exit_codes():
        answer = _restore(place, settings, folder)
        add_control_checks(answer["audit"], place)
        answer["ok"] = answer["audit"]["ok"]
        if as_json:
            print_json(answer)
        else:
            out.print(f"{sum(answer['rows'].values())} rows restored; {answer['lost']} records are lost")
            out.print(f"audit: {'ok' if answer['audit']['ok'] else 'FAILED'}")
        raise typer.Exit(FINE if answer["audit"]["ok"] else NO)


def _restore(place: InstallationAddress, settings: Settings, folder: Path) -> dict[str, Any]:
    from control.backup import check_control_plane, restore_control_plane
    from installation.engine import trouble_as_user_error
    from operations.backup.restore import check_target, open_backup, run_restore

    with _spinner() as progress:
        task = progress.add_task("checking the files")
        manifest = open_backup(folder)
        check_target(place, settings, folder, manifest)
        if place.data is not None and check_control_plane(folder, place.data.root):
            place.data.make()
            restore_control_plane(folder, place.data.root)
        with trouble_as_user_error(place):
            return asyncio.run(
                run_restore(
                    place, settings, SystemClock(), folder, manifest,
                    lambda what: progress.update(task, description=what),
                )
            )  # fmt: skip


@contextmanager
def _bytes_shown(folder: Path) -> Iterator[None]:
    """Show progress by the size of the folder: the server that writes the backup may be another process."""
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
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=Console(stderr=True)
    )
