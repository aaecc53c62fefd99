"""The control plane in a backup: copied while others write, and restored whole or not at all."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from control.backup import check_control_plane, copy_control_plane, has_control_plane, restore_control_plane
from runtime.user_error import UserError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory whose database has pairs of rows, each pair written in one transaction."""
    folder = tmp_path / "data"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "control.sqlite")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE pairs (n INTEGER)")
    (folder / "control.key").write_text("k" * 40)
    return folder


def pairs_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        [(count,)] = database.execute("SELECT count(*) FROM pairs")
        return int(count)


def test_a_copy_is_one_moment_of_a_database_that_is_written(data: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(data / "control.sqlite", timeout=20)) as database:
            while not stop.is_set():
                with database:
                    database.execute("INSERT INTO pairs VALUES (1)")
                    database.execute("INSERT INTO pairs VALUES (1)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(20):
            folder = tmp_path / f"copy-{number}"
            folder.mkdir()
            assert copy_control_plane(data, folder) > 0
            assert pairs_in(folder / "control.sqlite") % 2 == 0
            assert {path.name for path in folder.iterdir()} == {"control.json", "control.key", "control.sqlite"}
    finally:
        stop.set()
        writer.join()


def test_a_copy_is_restored_with_its_key(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "control.sqlite")) as database, database:
        database.execute("INSERT INTO pairs VALUES (1)")
    folder, new = tmp_path / "copy", tmp_path / "new"
    folder.mkdir()
    new.mkdir()
    copy_control_plane(data, folder)
    assert check_control_plane(folder, new)
    restore_control_plane(folder, new)
    assert has_control_plane(new) and pairs_in(new / "control.sqlite") == 1
    assert (new / "control.key").read_text() == "k" * 40
    assert (new / "control.key").stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_changed_is_refused(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    copy_control_plane(data, folder)
    (folder / "control.key").write_text("x" * 40)
    with pytest.raises(UserError, match="is not the file that was written"):
        check_control_plane(folder, tmp_path / "new")


def test_another_database_is_not_overwritten(data: Path, tmp_path: Path) -> None:
    folder, new = tmp_path / "copy", tmp_path / "new"
    folder.mkdir()
    new.mkdir()
    copy_control_plane(data, folder)
    (new / "control.sqlite").write_bytes(b"another one")
    with pytest.raises(UserError, match="move it away first"):
        check_control_plane(folder, new)


def test_a_backup_without_a_control_plane_has_none(tmp_path: Path) -> None:
    assert not has_control_plane(tmp_path) and not check_control_plane(tmp_path, tmp_path / "new")


def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "control.json").write_text('[{"name": "../keys.toml", "bytes": 1, "sha256": ""}]')
    with pytest.raises(UserError, match="not a file of a control plane"):
        check_control_plane(tmp_path, tmp_path / "new")
