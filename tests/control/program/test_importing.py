"""Import and export of program files."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from control.audit.models import AuditEvent
from control.errors import Forbidden
from control.numbers.sequence import take_one
from control.partners.models import Partner
from control.partners.services import transition
from control.program import importing
from control.program.importing import import_program
from control.program.models import Coupon, Link, Offer, Plan, ProgramVersion, SealedSecret
from control.program.publishing import publish
from control.program.selectors import program_of, version_of
from control.program.services.links import set_link_status
from control.program.stored_secrets import load_secrets
from program.file import read_program
from program.program import Program
from program.to_toml import program_to_toml
from tests.control.program.sample import ANN, live
from tests.control.program.test_access import PEOPLE
from tests.program.programs import programs

FILE = """
[program]
name = "Acme"
currency = "USD"
fallback_url = "https://acme.example/"
api_keys = ["key-of-events-long-enough"]
[[partner]]
id = 7
name = "Blue Lagoon"
[[partner]]
id = 9
name = "Gone"
status = "inactive"
[[offer]]
id = 101
name = "Shoes"
landing_url = "https://shop.example/?cid={click_id}"
allowed_hosts = ["*.shop.example"]
postback_secret = "s3cret-of-shoes"
goals = [{ key = "1", name = "Purchase" }]
[[link]]
code = "bl"
offer = 101
partner = 7
landing_url = "https://www.shop.example/summer?cid={click_id}"
subs = { sub1 = "newsletter", sub12 = "ü" }
[[link]]
code = "gone"
offer = 101
partner = 9
status = "inactive"
[[coupon]]
code = "BLUE10"
partner = 7
offer = 101
to = "2026-03-01T00:00:00Z"
[[plan]]
offer = 101
percent = "8"
[[plan]]
offer = 101
partner = 7
goal = "1"
percent = "8.5"
fixed = "1.20 USD"
hold = "14d"
model = "linear"
[attribution]
models = ["first"]
"""


def _read(text: str = FILE) -> Program:
    reading = read_program(text, lambda _: None)
    assert reading.program is not None, reading.mistakes
    return reading.program


def _changed(*pairs: tuple[str, str]) -> Program:
    text = FILE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return _read(text)


@pytest.mark.usefixtures("database")
def test_a_file_imported_and_published_is_the_program_of_the_file() -> None:
    program = _read()
    report = import_program(ANN, program)
    assert {noun: (count.created, count.changed) for noun, count in report.counts.items()} == {
        "partner": (2, 0), "offer": (1, 0), "plan": (2, 0), "coupon": (1, 0), "link": (2, 0),
    }  # fmt: skip
    assert publish(ANN).terms_hash == program.hash
    assert (live().routes, live().labels) == (program.routes, program.labels)
    assert (take_one("partner"), take_one("offer")) == (10, 102)


@pytest.mark.usefixtures("database")
def test_a_second_import_changes_nothing() -> None:
    import_program(ANN, _read())
    publish(ANN)
    events, versions = AuditEvent.objects.count(), ProgramVersion.objects.count()
    report = import_program(ANN, _read())
    assert report.lines == [] and report.version is None
    assert all((count.created, count.changed) == (0, 0) for count in report.counts.values())
    assert (AuditEvent.objects.count(), ProgramVersion.objects.count()) == (events, versions)
    assert Plan.objects.filter(state="draft").count() == 0


@pytest.mark.usefixtures("database")
def test_a_renamed_partner_is_found_by_the_new_name() -> None:
    import_program(ANN, _read())
    import_program(ANN, _read(FILE.replace("Blue Lagoon", "Crimson Cove")))
    assert "crimson cove" in Partner.objects.get(number=7).search


@pytest.mark.usefixtures("database")
def test_a_dry_run_shows_the_difference_and_stores_nothing() -> None:
    import_program(ANN, _read())
    publish(ANN)
    events = AuditEvent.objects.count()
    program = _changed(
        ('percent = "8"', 'percent = "9"'), ('name = "Blue Lagoon"', 'name = "Red Sea"'), ("s3cret-of-shoes", "n3w"),
        ('[[coupon]]', '[[link]]\ncode = "new"\noffer = 101\npartner = 7\n[[coupon]]'), ("2026-03-01", "2026-04-01"),
    )  # fmt: skip
    report = import_program(ANN, program, dry_run=True)
    assert report.lines == [
        "~ partner 7: name: Blue Lagoon -> Red Sea",
        "~ raises the commission for Shoes from 8 % to 9 %",
        "+ coupon BLUE10 of partner 7 for offer 101",
        "~ ends coupon BLUE10 of partner 7 for offer 101",
        "+ link new",
        "~ postback secret of offer 101",
    ]
    assert AuditEvent.objects.count() == events and version_of(ANN).seq == 1
    assert "s3cret" not in str(report) and "n3w" not in str(report)
    assert import_program(ANN, program).lines == report.lines
    assert version_of(ANN).seq == 2 and "new" in live().routes.links
    assert publish(ANN).terms_hash == program.hash


@pytest.mark.usefixtures("database")
def test_secrets_arrive_sealed() -> None:
    import_program(ANN, _read())
    secrets = load_secrets()
    assert secrets.postback_secrets == {101: "s3cret-of-shoes"}
    assert secrets.api_keys == ("key-of-events-long-enough",)
    assert not any(b"s3cret" in bytes(row.sealed_secret) for row in SealedSecret.objects.all())
    assert not any("s3cret-of-shoes" in str((event.before, event.after)) for event in AuditEvent.objects.all())


@pytest.mark.usefixtures("database")
def test_states_that_the_file_does_not_contradict_are_kept() -> None:
    import_program(ANN, _read())
    publish(ANN)
    transition(ANN, 7, "dormant")
    transition(ANN, 9, "offboarded", "gone")
    set_link_status(ANN, "bl", "inactive")
    report = import_program(ANN, _read())
    assert report.lines == ["~ link bl: status: inactive -> active"]
    assert list(Partner.objects.values_list("status", flat=True)) == ["dormant", "offboarded"]
    import_program(ANN, _changed(('name = "Blue Lagoon"', 'name = "Blue Lagoon"\nstatus = "inactive"')))
    partner = Partner.objects.get(number=7)
    assert partner.status == "suspended" and live().routes.partners[7] == "inactive"
    assert partner.transitions.order_by("-id").first().new == "suspended"


@pytest.mark.usefixtures("database")
def test_entries_that_the_file_lacks_stay() -> None:
    import_program(ANN, _read())
    publish(ANN)
    small = _read('[program]\nname = "Acme"\ncurrency = "USD"\nfallback_url = "https://acme.example/"\n')
    import_program(ANN, small)
    assert (Partner.objects.count(), Offer.objects.count(), Link.objects.count()) == (2, 1, 2)
    assert Plan.objects.filter(state="published", ending=False).count() == 2
    assert Coupon.objects.filter(ending=False).count() == 1


@pytest.mark.usefixtures("database")
def test_an_import_in_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH_ROWS", 3)
    partners = "".join(f'[[partner]]\nid = {n}\nname = "P{n}"\n' for n in range(10, 21))
    links = "".join(f'[[link]]\ncode = "l{n}"\noffer = 101\npartner = {n}\n' for n in range(10, 21))
    program = _changed(("[[coupon]]", partners + links + "[[coupon]]"))
    told: list[tuple[int, int]] = []
    import_program(ANN, program, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (29, 29) and [done for done, _ in told] == sorted(done for done, _ in told)
    assert publish(ANN).terms_hash == program.hash and live().routes == program.routes


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_only_those_who_may_publish_import() -> None:
    for who, actor in PEOPLE.items():
        if who not in ("owner", "admin", "key admin"):
            with pytest.raises(Forbidden):
                import_program(actor, _read(), dry_run=True)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(program=programs())
def test_any_file_goes_in_and_comes_out(database: Any, program: Program) -> None:
    with transaction.atomic():
        import_program(ANN, program)
        version = publish(ANN)
        assert version.terms_hash == program.hash
        again = read_program("\n".join(program_to_toml(program_of(version_of(ANN)))), lambda _: None).program
        assert again is not None
        assert (again.hash, again.routes, again.labels) == (program.hash, program.routes, program.labels)
        transaction.set_rollback(True)
