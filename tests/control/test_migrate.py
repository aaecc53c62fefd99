"""The database is created at the first start, by one process at a time, and its settings let many write at once."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, connections, transaction

from control.accounts.models import User
from control.address import PostgresServer
from control.audit.models import AuditEvent
from control.audit.origin import Origin, acting
from control.databases import database_settings
from tests.control.databases import TestDatabase, postgres_database

_SCRIPT = """
import sys
from control.address import parse_control_address
from control.configuration import Configuration
from control.start import start_django
from runtime.settings import Settings
address = parse_control_address(sys.argv[1])
start_django(Configuration(address, Settings()))
from control.migrate import migrate, unready_reason
print(unready_reason() is not None, len(migrate(address)), unready_reason())
"""


def _start_two(address: str) -> list[list[str]]:
    started = [
        subprocess.Popen([sys.executable, "-c", _SCRIPT, address], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0].split() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return said


def _check(said: list[list[str]]) -> None:
    applied = sorted(int(words[1]) for words in said)
    assert applied[0] == 0 and applied[1] > 20, said
    assert [words[2] for words in said] == ["None", "None"]


def test_two_processes_start_together_on_sqlite(tmp_path: Path) -> None:
    _check(_start_two(f"sqlite:{tmp_path / 'new' / 'control.sqlite'}"))


def test_two_processes_start_together_on_postgresql(postgres: PostgresServer) -> None:
    with postgres_database(postgres, "together") as address:
        _check(_start_two(str(address)))


def test_sqlite_has_all_four_settings(open_sqlite_database: TestDatabase) -> None:
    options = database_settings(open_sqlite_database.address)["OPTIONS"]
    assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)
    assert "synchronous=FULL" in options["init_command"]
    open_sqlite_database.use()
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)


def _write_often(user: User) -> None:
    for _ in range(25):
        with transaction.atomic():
            row = User.objects.select_for_update().get(pk=user.pk)
            row.name = str(int(row.name) + 1)
            row.save()


@pytest.mark.usefixtures("committed_database")
def test_eight_writers_at_once_never_fail(acting_test: Origin) -> None:
    user = User.objects.create_user("ann@shop.example", name="0")
    failures: list[Exception] = []

    def write() -> None:
        try:
            with acting(acting_test):
                _write_often(user)
        except DatabaseError as error:
            failures.append(error)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    user.refresh_from_db()
    assert user.name == "200"
    assert AuditEvent.objects.filter(action="updated").count() == 200
