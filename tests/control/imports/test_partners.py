"""Imports of partners: dry run, application, undo, rights, and work that is killed."""

from typing import Any

import pytest

from control.accounts.actor import Actor
from control.accounts.people import add_operator
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.errors import Conflict, Forbidden, Invalid, NotFound
from control.imports import services
from control.imports.frame import request_id_of
from control.imports.models import Import, ImportRow, ImportState
from control.imports.run import run
from control.imports.services import change_import, delete_import, go_on, start_apply, start_dry_run, start_undo
from control.imports.tasks import drop_old, run_import
from control.jobs.models import Job
from control.jobs.registry import GiveUp
from control.partners.models import Partner, PartnerTransition
from control.partners.services import change_partner, create_partner
from control.program.publishing import publish
from control.program.routing import difference_from_rows
from control.program.services.links import create_link
from tests.control.imports.sample import BOSS, applied, checked, errors, outcomes, uploaded
from tests.control.program.sample import lagoon, live, shoes

pytestmark = pytest.mark.usefixtures("database")
sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def numbers() -> list[int]:
    return list(Partner.objects.values_list("number", flat=True))


def test_create_change_and_undo() -> None:
    shoes()
    publish(BOSS)
    blue = create_partner(BOSS, {"name": "Blue", "email": "Team@blue.example", "tier": "Iron", "tags": ["a"]}, "active")
    same = create_partner(BOSS, {"name": "Same", "email": "same@x.example"}, "active")
    text = (
        "Partner name;Mail;Level;Labels;State;custom:shoe size\n"
        "Blue;team@BLUE.example;Gold;a, b;suspended;44\n"
        "Same;same@x.example;;;active;\n"
        "New;new@x.example;Gold;;active;45\n"
        "Bad;nobody;;;sleeping;\n"
        "Twice;new@x.example;;;;\n"
    )
    found = checked("partners", text)
    assert found.match == "email" and found.needs_reason
    assert found.counts == {"changed": 1, "unchanged": 1, "created": 1, "error": 2}
    assert numbers() == [blue.number, same.number] and not PartnerTransition.objects.filter(new="suspended").exists()
    assert outcomes(found)[:3] == [
        (2, "changed",
         {"tier": "Iron", "tags": ["a"], "status": "active", "custom:shoe size": ""},
         {"tier": "Gold", "tags": ["a", "b"], "status": "suspended",
          "custom:shoe size": "44"}),
        (3, "unchanged", {}, {}),
        (4, "created", {}, {"name": "New", "email": "new@x.example", "tier": "Gold", "status": "active",
                            "custom:shoe size": "45"}),
    ]  # fmt: skip
    said = errors(found)
    assert [field for field, _ in said[5]] == ["status"] and said[6][0] == [
        "email", "row 4 is about the same partner; remove one of them"
    ]  # fmt: skip
    with pytest.raises(Invalid, match="reason: is missing"):
        start_apply(BOSS, found.pk)
    found = start_apply(BOSS, found.pk, "Brand bidding")
    assert (found.state, found.counts["applied"]) == ("applied", 2)
    blue.refresh_from_db()
    assert (blue.tier, blue.status, blue.custom, blue.search[:22]) == (
        "Gold", "suspended", {"shoe size": "44"}, "blue  team@blue.exampl"
    )  # fmt: skip
    new = Partner.objects.get(email="new@x.example")
    states = {blue.number: "inactive", same.number: "active", new.number: "active"}
    assert live().routes.partners == states and difference_from_rows() == ""
    trail = AuditEvent.objects.filter(request_id=request_id_of(found), object_type="partners.partner")
    assert [(event.action, event.object_id) for event in trail.order_by("id")] == [
        ("created", str(new.number)), ("updated", str(blue.number)),
    ]  # fmt: skip
    assert trail.latest("id").reason == "import of partners.csv: Brand bidding"

    found = start_undo(BOSS, found.pk)
    assert (found.state, found.counts["undone"], found.counts["applied"]) == ("undone", 2, 0)
    blue.refresh_from_db()
    assert (blue.tier, blue.status, blue.tags, blue.custom) == ("Iron", "active", ["a"], {})
    assert numbers() == [blue.number, same.number]
    assert live().routes.partners == {blue.number: "active", same.number: "active"} and difference_from_rows() == ""
    assert create_partner(BOSS, {"name": "Next"}).number == new.number + 1  # a number is given once


def test_undo_keeps_what_somebody_has_changed_since() -> None:
    old = [create_partner(BOSS, {"name": f"Old {at}", "tier": "Iron"}, "active") for at in range(2)]
    found = applied("partners", "name,tier\nOld 0,Gold\nOld 1,Gold\nNew 0,\nNew 1,\nNew 2,\n")
    new = {row.name: row for row in Partner.objects.filter(name__startswith="New")}
    offer = shoes()
    change_partner(BOSS, old[0].number, {"tier": "Silver"})
    change_partner(BOSS, old[1].number, {"company": "Another field"})
    change_partner(BOSS, new["New 0"].number, {"country": "DE"})
    create_link(BOSS, offer.number, new["New 1"].number)
    found = start_undo(BOSS, found.pk)
    assert (found.counts["undone"], found.counts["kept"]) == (2, 3)
    kept = ImportRow.objects.filter(source=found, state="kept").order_by("number")
    assert [(row.object_name, row.errors[0][0]) for row in kept] == [("Old 0", "tier"), ("New 0", ""), ("New 1", "")]
    assert kept[0].errors[0][1].startswith("was changed by command line on ") and kept[2].errors[0][1] == (
        "has links by now"
    )
    tiers = dict(Partner.objects.values_list("name", "tier"))
    assert tiers == {"Old 0": "Silver", "Old 1": "Iron", "New 0": "", "New 1": ""}
    with pytest.raises(Conflict, match="the import is undone"):
        start_undo(BOSS, found.pk)


@sqlite
def test_every_mistake_has_its_field() -> None:
    lagoon("Twin")
    lagoon("Twin")
    found = checked(
        "partners",
        "name,country,email,website,manager,parent,type,language\n"
        ",de,,,,,,\n"
        "A,Germany,no address,ftp://x,nobody@x.example,99,shop,english please\n"
        "Twin,,,,,,,\n"
        "B,de,,,,x,Affiliate,\n",
        match="name",
    )
    said = errors(found)
    assert said[2] == [["name", "is missing"]]
    assert {field for field, _ in said[3]} >= {"manager", "parent", "type"}
    assert said[4][0][0] == "name" and "fits several partners (1, 2)" in said[4][0][1]
    assert said[5] == [["parent", "must be a number, for example 17"]]
    found = checked("partners", "name,country,email,website,language\nA,Germany,no address,ftp://x,english please\n")
    assert {field for field, _ in errors(found)[2]} == {"email", "country", "language", "website"}
    assert not Partner.objects.filter(name="A").exists()


@sqlite
def test_empty_cells_empty_a_field_only_if_asked() -> None:
    lagoon("A")
    change_partner(BOSS, 1, {"tier": "Gold", "tags": ["x"]})
    assert checked("partners", "id,tier,tags\n1,,\n").counts == {"unchanged": 1}
    found = applied("partners", "id,tier,tags\n1,,\n", clear_empty=True)
    assert found.counts == {"changed": 1, "applied": 1}
    assert Partner.objects.values_list("tier", "tags").get() == ("", [])


@sqlite
def test_ids_of_other_systems_find_partners() -> None:
    create_partner(BOSS, {"name": "A", "external_ids": {"erp": "K-1", "crm": "9"}})
    found = applied("partners", "external_ids:erp,name\nK-1,A2\nK-2,B\n")
    assert (found.match, found.counts) == ("external_ids:erp", {"changed": 1, "created": 1, "applied": 2})
    rows = Partner.objects.values_list("name", "external_ids")
    assert list(rows) == [("A2", {"erp": "K-1", "crm": "9"}), ("B", {"erp": "K-2"})]
    assert checked("partners", "external_ids:erp,name\nK-1,A2\nK-2,B\n").counts == {"unchanged": 2}


@sqlite
def test_the_mapping_is_checked_kept_and_remembered() -> None:
    found = uploaded("partners", "Wer,Stufe,Rest\nA,Gold,x\n")
    assert found.mapping == {}
    with pytest.raises(Invalid, match="mapping: is empty"):
        start_dry_run(BOSS, found.pk)
    wrong = {"name": "Nobody", "shoe": "Wer"}
    with pytest.raises(Invalid) as refused:
        change_import(BOSS, found.pk, {"mapping": wrong})
    assert [error.field for error in refused.value.errors] == ["mapping.name", "mapping.shoe"]
    with pytest.raises(Invalid, match="match: must be a field with a column"):
        change_import(BOSS, found.pk, {"mapping": {"name": "Wer"}, "match": "email"})
    change_import(BOSS, found.pk, {"mapping": {"name": "Wer", "tier": "Stufe"}})
    assert start_dry_run(BOSS, found.pk).counts == {"created": 1}
    again = uploaded("partners", "STUFE;wer\nGold;B\n")
    assert again.mapping == {"tier": "STUFE", "name": "wer"}
    assert uploaded("offers", "Wer\nB\n").mapping == {}


@sqlite
def test_rows_that_changed_after_the_dry_run_are_refused() -> None:
    lagoon("A")
    found = checked("partners", "name,tier\nA,Gold\nB,Gold\nC,Gold\n")
    change_partner(BOSS, 1, {"tier": "Iron"})
    lagoon("B")
    found = start_apply(BOSS, found.pk)
    assert (found.counts["applied"], found.counts["refused"]) == (1, 2)
    assert errors(found) == {
        2: [["tier", "has changed since the dry run; run the dry run again"]],
        3: [["", "was added since the dry run as partner 2; run the dry run again"]],
    }


@sqlite
def test_a_manager_imports_own_partners_only() -> None:
    user = add_operator(BOSS, "mia@acme.example", "partner_manager", "Mia")
    other = add_operator(BOSS, "moe@acme.example", "partner_manager", "Moe")
    mia, moe = (Actor(ActorKind.PERSON, str(who.pk), str(who), role=Role.PARTNER_MANAGER) for who in (user, other))
    create_partner(BOSS, {"name": "Foreign", "tier": "Iron"})
    create_partner(mia, {"name": "Mine", "tier": "Iron"})
    found = checked("partners", "id,tier\n1,Gold\n2,Gold\n", mia)
    assert errors(found) == {2: [["id", "there is no partner 1; leave the cell empty for a new one"]]}
    found = applied("partners", "name,manager\nNew,\nOther,moe@acme.example\n", mia)
    assert found.counts["applied"] == 1 and errors(found)[3][0][1].startswith("only those who see all partners")
    assert Partner.objects.get(name="New").manager == user
    for use in (start_dry_run, start_apply, start_undo, delete_import):
        with pytest.raises(NotFound):
            use(moe, found.pk)
    analyst = Actor(ActorKind.PERSON, "x", role=Role.ANALYST)
    with pytest.raises(Forbidden):
        uploaded("partners", "name\nA\n", analyst)
    start_undo(BOSS, found.pk)  # those who read the trail see all imports


class Killed(BaseException):
    """The worker ends without a word."""


def test_work_that_is_killed_goes_on_after_the_last_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "AT_ONCE_ROWS_MAX", 0)
    monkeypatch.setattr("control.imports.dry_run.BATCH_ROWS", 2)
    monkeypatch.setattr("control.imports.resources.partners.Partners.batch_rows", 2)
    monkeypatch.setattr("control.imports.pace.PAUSE_S", 0)
    found = uploaded("partners", "name\n" + "".join(f"P{at}\n" for at in range(5)) + "P0\n")

    def killed(done: int, _total: int) -> None:
        if done == 2:
            raise Killed

    for start, ended in ((start_dry_run, "checked"), (start_apply, "applied"), (start_undo, "undone")):
        start(BOSS, found.pk)
        with pytest.raises(Conflict, match="this needs one that is"):
            start(BOSS, found.pk)
        job = Job.objects.get(state="ready")
        assert (job.task, job.arguments) == ("imports.run", {"import": str(found.pk)})
        with pytest.raises(Killed):
            run(found.pk, BOSS, killed)
        seen: list[int] = []
        run_import(_run(seen), job.arguments)
        run_import(_run(seen), job.arguments)  # a job may run once too often
        Job.objects.update(state="done")
        found.refresh_from_db()
        assert (found.state, seen[0]) == (ended, 4)
    assert {key: count for key, count in found.counts.items() if count} == {"created": 5, "error": 1, "undone": 5}
    assert numbers() == [] and ImportRow.objects.count() == 6


def _run(seen: list[int]) -> Any:
    class Run:
        job_id = "1"

        def progress(self, done: int, _total: int) -> None:
            seen.append(done)

    return Run()


@sqlite
def test_work_whose_person_is_gone_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "AT_ONCE_ROWS_MAX", 0)
    found = uploaded("partners", "name\nA\n")
    start_dry_run(BOSS, found.pk)
    with pytest.raises(Conflict, match="the import is checking already"):
        go_on(BOSS, found.pk)
    gone = "00000000-0000-4000-8000-000000000000"
    Import.objects.update(runner_kind="person", runner_id=gone)
    with pytest.raises(GiveUp, match="may no longer"):
        run_import(_run([]), {"import": str(found.pk)})
    Job.objects.update(state="dead")
    go_on(BOSS, found.pk)
    run_import(_run([]), Job.objects.get(state="ready").arguments)
    found.refresh_from_db()
    assert found.state == ImportState.CHECKED


@sqlite
def test_old_imports_are_deleted_with_their_files() -> None:
    found = applied("partners", "name\nA\n")
    delete_import(BOSS, applied("partners", "name\nB\n").pk)
    drop_old(_run([]), {})
    assert Import.objects.get() == found
    Import.objects.update(created="2020-01-01T00:00:00Z", applied="2020-01-01T00:00:00Z")
    with pytest.raises(Conflict, match="can be undone for 7 days"):
        start_undo(BOSS, found.pk)
    drop_old(_run([]), {})
    assert not Import.objects.exists() and not ImportRow.objects.exists() and numbers() == [1, 2]
