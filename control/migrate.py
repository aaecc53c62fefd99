"""Creation and upgrade of the database, by one process at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError, OperationalError

from control.address import ControlAddress, PostgresServer, SqliteFile
from control.new_database import create_tables, is_empty
from runtime.user_error import UNREACHABLE, UserError

_CONNECT_TIMEOUT_S = 5
_LOCK_NUMBER = 0x636C6577
"""Number of the advisory lock on PostgreSQL: "clew"."""


def migrate(address: ControlAddress) -> list[str]:
    """Bring the database up to this version; return the names of the migrations applied. Raises UserError.

    Safe when several processes start at once: the others wait.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        if isinstance(address, SqliteFile):
            address.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        else:
            _try(address)
        with _lock(connection, address):
            executor = MigrationExecutor(connection)
            targets = executor.loader.graph.leaf_nodes()
            plan = executor.migration_plan(targets)
            if plan and is_empty(connection, executor):
                create_tables(connection, executor, plan)
            elif plan:
                executor.migrate(targets, plan)
            return [str(migration) for migration, _ in plan]
    except (OperationalError, OSError) as error:
        raise UserError(f"{address} cannot be opened: {_sentence(error)}", UNREACHABLE) from None


def _try(address: PostgresServer) -> None:
    """Connect once without the pool, which would wait and hide the reason. Raises UserError."""
    try:
        import psycopg
    except ImportError:
        raise UserError("PostgreSQL needs its driver: pip install 'clew[postgres]'") from None
    try:
        psycopg.connect(
            host=address.host, port=address.port, user=address.user, password=address.password,
            dbname=address.database, connect_timeout=_CONNECT_TIMEOUT_S,
        ).close()  # fmt: skip
    except psycopg.Error as error:
        raise UserError(f"{address} cannot be opened: {_sentence(error)}", UNREACHABLE) from None


def unready_reason() -> str | None:
    """Return None if the database answers and has this version's tables, otherwise one sentence."""
    try:
        missing = _missing(connections[DEFAULT_DB_ALIAS])
    except OperationalError as error:
        return f"the database of the control plane does not answer: {_sentence(error)}"
    return f"the database of the control plane lacks {len(missing)} migrations" if missing else None


def no_answer_reason() -> str | None:
    """Return None if the database answers, otherwise one sentence."""
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        connection.close()
        return f"the database of the control plane does not answer: {_sentence(error)}"
    finally:
        connection.close_if_unusable_or_obsolete()
    return None


def _missing(connection: BaseDatabaseWrapper) -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [str(migration) for migration, _ in plan]


@contextmanager
def _lock(connection: BaseDatabaseWrapper, address: ControlAddress) -> Iterator[None]:
    if isinstance(address, SqliteFile):
        with _file_lock(address.path.with_name(f"{address.path.name}.lock")):
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_NUMBER])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_NUMBER])


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sentence(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
