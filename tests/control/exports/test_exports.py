"""Exports: files that hold what the actor may see, and that an import reads again as unchanged."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from control.accounts.actor import Actor
from control.accounts.people import add_operator
from control.accounts.roles import Role
from control.audit.origin import ActorKind, acting
from control.exports import services
from control.exports.models import Export
from control.exports.services import file_of, start_export
from control.exports.tasks import drop_old, make
from control.files.models import StoredFile
from control.files.store import read_chunks
from control.imports.services import start_dry_run, upload
from control.jobs.models import Job
from control.partners.services import create_partner
from control.program.services.approvals import decide_access
from control.program.services.links import create_link
from control.program.services.terms_rows import create_coupon
from tests.control.api.conftest import Api, api
from tests.control.imports.sample import BOSS
from tests.control.program.sample import plan, shoes

__all__ = ["api"]
pytestmark = pytest.mark.usefixtures("database")
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TYPES = ["partners", "offers", "links", "plans", "coupons", "approvals"]


class Run:
    """A run of a job."""

    job_id = "1"

    def progress(self, done: int, total: int) -> None:
        """Note nothing."""


@pytest.fixture
def program(database: object) -> None:
    values = {"email": "a@x.example", "tags": ["=a", "b"], "custom": {"shoe": "44"}, "external_ids": {"erp": "K-1"}}
    blue = create_partner(BOSS, {"name": "=Blue", **values}, "active")
    create_partner(BOSS, {"name": "Red", "parent": blue})
    offer = shoes(access="approval", description="+49 call\nus")
    create_link(BOSS, 1, 1, "blue")
    plan(offer, partner=blue, fixed_minor=1250, fixed_currency="USD", hold_us=86_400_000_000)
    create_coupon(BOSS, {"code": "SPRING", "partner": blue, "offer": offer})
    decide_access(BOSS, 1, 1, "approved", "Good site")


def content(actor: Actor, resource: str, file_format: str = "csv", **filters: Any) -> bytes:
    found = start_export(actor, resource, file_format, filters)
    with acting(actor):
        make(Run(), Job.objects.filter(task="exports.make").latest("created").arguments)
    return b"".join(read_chunks(file_of(actor, found.pk)))


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_an_export_is_imported_without_a_change(program: None, file_format: str) -> None:
    for resource in TYPES:
        found = upload(BOSS, resource, f"x.{file_format}", [content(BOSS, resource, file_format)])
        found = start_dry_run(BOSS, found.pk)
        rows = [(row.errors, row.before, row.after) for row in found.rows.exclude(outcome="unchanged")]
        assert (resource, [*found.counts], rows) == (resource, ["unchanged"], [])


@sqlite
def test_roles_see_what_they_may(program: None) -> None:
    mia, ana = (
        Actor(ActorKind.PERSON, str(add_operator(BOSS, f"{role}@acme.example", role).pk), role=Role(role))
        for role in ("partner_manager", "analyst")
    )
    rows = list(csv.DictReader(io.StringIO(content(ana, "partners").decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["'=Blue", "Red"]
    assert not {"email", "company", "website", "custom:shoe", "external_ids:erp", "manager"} & {*rows[0]}
    assert content(mia, "partners").decode().count("\n") == 1
    assert content(BOSS, "partners", status="applied").decode().count("\n") == 2


@sqlite
def test_the_api(program: None, api: Callable[..., Api]) -> None:
    client, of_partner, other = api("read"), api("read", 2), api("admin")
    status, made, _ = client("POST", "/exports", {"resource": "links", "filters": {"offer": 1}})
    assert (status, made["state"]) == (202, "waiting")
    address = f"/exports/{made['id']}"
    assert client("GET", f"{address}/file")[0] == 409
    for job in Job.objects.filter(task="exports.make"):
        make(Run(), job.arguments)
        make(Run(), job.arguments)  # a job may run once too often
    status, done, _ = client("GET", address)
    assert (done["state"], done["rows"]) == ("done", 1) and StoredFile.objects.count() == 1
    answer = client._client.get(f"/api/v1{address}/file")
    (link,) = csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig")))
    assert [*link.items()][:4] == [("code", "blue"), ("offer", "1"), ("partner", "1"), ("status", "active")]
    assert answer["Content-Disposition"] == 'attachment; filename="links.csv"'
    assert other("GET", address)[0] == 404 and of_partner("GET", address)[0] == 404
    assert of_partner("POST", "/exports", {"resource": "links"})[0] == 202
    make(Run(), Job.objects.filter(task="exports.make").latest("created").arguments)
    assert of_partner("GET", "/exports")[1]["items"][0]["rows"] == 0
    status, problem, _ = client("POST", "/exports", {"resource": "links", "format": "pdf"})
    assert (status, problem["errors"][0]["field"]) == (422, "format")
    wrong = {"resource": "links", "filters": {"offer": "x", "name": "y", "status": 7}}
    names = [error["field"] for error in client("POST", "/exports", wrong)[1]["errors"]]
    assert sorted(names) == ["filters.name", "filters.offer", "filters.status"]
    Export.objects.update(expires="2020-01-01T00:00:00Z")
    assert client("GET", address)[0] == 404
    drop_old(Run(), {})
    assert not Export.objects.exists() and not StoredFile.objects.exists()


@sqlite
def test_limits(program: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ROWS_MAX", 1)
    found = start_export(BOSS, "partners", "xlsx", {})
    make(Run(), {"export": str(found.pk)})
    found.refresh_from_db()
    assert (found.state, found.problem) == ("failed", "the file would have more than 1 rows; filter them")
    assert not StoredFile.objects.exists()
