"""Fixtures of the control plane: Django in this process, on SQLite and on a real PostgreSQL.

`database` runs a test on both, inside a transaction that is rolled back. `committed_database` is for tests that need
real commits: threads, processes, work after a commit. Marks choose one: `@pytest.mark.parametrize("database",
["sqlite"], indirect=True)`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.test.utils import setup_test_environment

from control.address import PostgresServer, SqliteFile
from control.audit.origin import ActorKind, Origin, acting
from control.configuration import Configuration
from control.start import start_django
from runtime.settings import Settings
from tests.control.databases import NoPostgres, TestDatabase, own_postgres, postgres_database
from tests.servers.skip import skip_or_fail

ENGINES = ["sqlite", "postgresql"]
# MD5, because argon2 takes 50 ms on purpose.
start_django(
    Configuration(SqliteFile(Path(":memory:")), Settings(), "key-of-the-tests-which-is-long-enough"),
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
setup_test_environment()
settings.EMAIL_BACKEND = "control.mail.backend.OutboxBackend"  # Django's test environment has another one


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL of all tests of this process."""
    try:
        with own_postgres() as server:
            yield server
    except NoPostgres as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="session")
def open_sqlite_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDatabase]:
    database = TestDatabase(SqliteFile(tmp_path_factory.mktemp("control") / "control.sqlite"))
    database.migrate()
    yield database
    database.close()


@pytest.fixture(scope="session")
def open_postgresql_database(postgres: PostgresServer) -> Iterator[TestDatabase]:
    with postgres_database(postgres) as address:
        database = TestDatabase(address)
        database.migrate()
        yield database
        database.close()


def _in_use(request: pytest.FixtureRequest) -> TestDatabase:
    opened: TestDatabase = request.getfixturevalue(f"open_{request.param}_database")
    opened.use()
    return opened


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Iterator[TestDatabase]:
    """A migrated database; the test's changes are rolled back."""
    opened = _in_use(request)
    with transaction.atomic():
        yield opened
        transaction.set_rollback(True)


@pytest.fixture(params=ENGINES)
def committed_database(request: pytest.FixtureRequest) -> Iterator[TestDatabase]:
    """A migrated database in which commits are real; it is emptied afterwards."""
    opened = _in_use(request)
    yield opened
    opened.empty()


@pytest.fixture
def acting_test() -> Iterator[Origin]:
    """Changes of the test come from a command."""
    with acting(Origin(ActorKind.COMMAND, name="test")) as origin:
        yield origin


@pytest.fixture
def client() -> Client:
    """A browser without JavaScript."""
    return Client(HTTP_HOST="localhost")
