"""Fixtures of the control plane: Django in this process, on SQLite and on a real PostgreSQL.

`database` runs a test on both, inside a transaction that is rolled back. `committed_database` is for tests that need
real commits: threads, processes, work after a commit. Marks choose one: `@pytest.mark.parametrize("database",
["sqlite"], indirect=True)`.
"""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from django.conf import settings
from django.db import transaction
from django.template import Context, Template
from django.test import Client
from django.test.signals import template_rendered
from django.test.utils import setup_test_environment
from django.utils.safestring import SafeString

from control.address import PostgresServer, SqliteFile
from control.audit.origin import ActorKind, Origin, acting
from control.configuration import Configuration
from control.start import start_django
from runtime.settings import Settings
from tests.control.databases import Filling, NoPostgres, TestDatabase, own_postgres, postgres_database
from tests.servers.skip import skip_or_fail

ENGINES = ["sqlite", "postgresql"]
# MD5, because argon2 takes 50 ms on purpose.
start_django(
    Configuration(SqliteFile(Path(":memory:")), Settings(), "key-of-the-tests-which-is-long-enough"),
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
setup_test_environment()


def _render(template: Template, context: Context) -> SafeString:
    """Tell the test's client of pages alone: of each template, it copies all values, and a page has a hundred parts."""
    if context.template is template:
        template_rendered.send(sender=template, template=template, context=context)
    return template.nodelist.render(context)


Template._render = _render
settings.EMAIL_BACKEND = "control.mail.backend.OutboxBackend"  # Django's test environment has another one


# Django has started.
from tests.control.console.installation import Console, filled_console  # noqa: E402
from tests.control.console.rows import Rows, filled_rows  # noqa: E402


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


@pytest.fixture
def filling(request: pytest.FixtureRequest) -> Filling:
    """Function that makes the rows which a test finds in `database`; they are made once for all tests of a process.

    A module whose tests all want other rows has a fixture of this name.
    """
    if "page_rows" in request.fixturenames:
        return filled_rows
    return filled_console if "console" in request.fixturenames else None


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, filling: Filling) -> Iterator[TestDatabase]:
    """A migrated database; the test's changes are rolled back."""
    opened: TestDatabase = request.getfixturevalue(f"open_{request.param}_database")
    if filling is not None:
        opened = opened.filled(filling)
    opened.use_in_one_transaction()
    with transaction.atomic():
        yield opened
        transaction.set_rollback(True)


@pytest.fixture(params=ENGINES)
def committed_database(request: pytest.FixtureRequest) -> Iterator[TestDatabase]:
    """A migrated database in which commits are real; it is emptied afterwards."""
    opened: TestDatabase = request.getfixturevalue(f"open_{request.param}_database")
    opened.use()
    yield opened
    opened.empty()


@pytest.fixture
def page_rows(database: TestDatabase) -> Rows:
    """A small installation with a row for each page of an object."""
    made: Rows = copy.deepcopy(database.content)
    return made


@pytest.fixture
def console(database: TestDatabase, request: pytest.FixtureRequest) -> Console:
    """A small installation."""
    if "page_rows" in request.fixturenames:
        return cast(Rows, request.getfixturevalue("page_rows")).console
    made: Console = copy.deepcopy(database.content)
    return made


@pytest.fixture
def open_as(console: Console) -> Callable[[str], Client]:
    """Return the browser of a role."""
    return cache(console.browser)


@pytest.fixture
def acting_test() -> Iterator[Origin]:
    """Changes of the test come from a command."""
    with acting(Origin(ActorKind.COMMAND, name="test")) as origin:
        yield origin


@pytest.fixture
def client() -> Client:
    """A browser without JavaScript."""
    return Client(HTTP_HOST="localhost")
