"""A database that is busy answers 503 with the way out; a wrong statement stays an unexpected error."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.database_trouble import DatabaseTroubleMiddleware, passes
from control.partners.models import Partner

pytestmark = [
    pytest.mark.parametrize("committed_database", ["sqlite"], indirect=True),
    pytest.mark.usefixtures("committed_database"),
]


@pytest.fixture
def writer_elsewhere() -> Iterator[None]:
    """Another process that holds the lock for longer than anybody waits."""
    with closing(sqlite3.connect(str(connection.settings_dict["NAME"]), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 1")
        yield
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 20000")


@pytest.fixture
def key() -> str:
    return make_key(command_line(), "test", "admin")[1]


def test_the_api_says_try_again(key: str, writer_elsewhere: None) -> None:
    answer = Client(raise_request_exception=False).post(
        "/api/v1/partners", {"name": "Lagoon"}, "application/json", headers={"Authorization": f"Bearer {key}"}
    )
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "nothing was changed, try again" in answer.json()["detail"]
    assert not Partner.objects.exists()


def test_a_page_says_try_again(writer_elsewhere: None) -> None:
    with pytest.raises(OperationalError) as raised, connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
    middleware = DatabaseTroubleMiddleware(lambda _request: HttpResponse())
    answer = middleware.process_exception(RequestFactory().get("/console/"), raised.value)
    assert answer is not None and (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Nothing was changed" in answer.content.decode()


def test_a_wrong_statement_is_no_trouble_that_passes() -> None:
    with pytest.raises(OperationalError) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert not passes(raised.value)
    middleware = "control.database_trouble.DatabaseTroubleMiddleware"
    assert middleware in settings.MIDDLEWARE
