"""The control plane of an earlier version is brought up, on both databases: rows stay, and what is published stays.

tests/flow/test_upgrade_directory.py says what the archive holds, and opens it with edges and an engine.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from control.accounts.actor import command_line
from control.accounts.models import User
from control.address import SqliteFile
from control.audit.origin import acting
from control.checks import check_all
from control.console.models import SavedView
from control.migrate import migrate, unready_reason
from control.program.models import Link, Plan, TermsState
from control.program.publishing import publish
from control.program.selectors import program_of, version_of
from control.program.services.links import change_link
from control.webhooks.models import Webhook
from tests.control.conftest import ENGINES
from tests.control.databases import TestDatabase, postgres_database
from tests.flow.test_upgrade_directory import ARCHIVE, PAGE

BOSS = command_line()


@pytest.fixture(params=ENGINES)
def old_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TestDatabase]:
    """The database as the earlier version left it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    if request.param == "sqlite":
        database = TestDatabase(SqliteFile(tmp_path / "data/control.sqlite"))
        database.use()
        yield database
        database.close()
        return
    with postgres_database(request.getfixturevalue("postgres"), "upgrade") as address:
        dump = (tmp_path / "control.sql").read_text()
        place = {"host": address.host, "port": address.port, "user": address.user, "dbname": address.database}
        with psycopg.connect(**place, autocommit=True) as connection:  # type: ignore[arg-type]
            connection.execute(dump)  # type: ignore[arg-type]
        database = TestDatabase(address)
        database.use()
        yield database
        database.close()


def test_an_old_control_plane_is_brought_up(old_database: TestDatabase) -> None:
    assert unready_reason() is not None
    applied = migrate(old_database.address)
    assert any("0006_link_pages" in name for name in applied), applied
    assert unready_reason() is None and migrate(old_database.address) == []
    assert [check.faults for check in check_all()] == [()] * len(check_all())
    links = dict(Link.objects.values_list("code", "status"))
    assert links == {"blue-shoes": "active", "red-shoes": "active", "blue-hats": "active", "red-off": "inactive"}
    assert set(Link.objects.values_list("landing_url", flat=True)) == {""}
    assert all(link.subs == {} for link in Link.objects.all())
    assert Plan.objects.filter(state=TermsState.DRAFT).count() == 1 and Webhook.objects.count() == 1
    ann = User.objects.get(email="ann@acme.example")
    assert ann.password.startswith("argon2") and SavedView.objects.get(user=ann).name == "Germans"

    before = version_of(BOSS)
    old = program_of(before)
    with acting(BOSS):
        change_link(BOSS, "red-shoes", {"landing_url": PAGE, "subs": {"sub1": "mail"}})
    after = version_of(BOSS)
    assert after.terms_hash == before.terms_hash and after.routes_root != before.routes_root
    new = program_of(after).routes.links
    assert {code for code in links if new.get(code) != old.routes.links.get(code)} == {"red-shoes"}
    with acting(BOSS):
        version = publish(BOSS, "A draft of the earlier version")
    assert version.terms_hash != before.terms_hash
    assert [check.faults for check in check_all()] == [()] * len(check_all())
