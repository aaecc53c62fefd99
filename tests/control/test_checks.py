"""`clew audit` of the control plane finds what does not fit together."""

import pytest
from django.utils import timezone

from control.audit.chain import chain_events
from control.audit.models import AuditEvent
from control.checks import check_all
from control.numbers.models import Sequence
from control.program.models import Link, ProgramPart, ProgramVersion
from control.program.publishing import publish
from control.program.services.links import create_link
from tests.control.program.sample import ANN, lagoon, plan, shoes

CHAIN = "audit events outside their hash chain"
VERSIONS = "program versions that differ from their hashes"
ROUTES = "published routes that differ from their rows"
NUMBERS = "numbers that could be given twice"
CONTRACTS = "contracts that differ from what was accepted"


@pytest.fixture(autouse=True)
def published(database: object) -> None:
    offer = shoes()
    plan(offer)
    publish(ANN, "first")
    create_link(ANN, offer.number, lagoon().number, "bl")
    chain_events(timezone.now())


def faults() -> dict[str, tuple[str, ...]]:
    return {check.name: check.faults for check in check_all()}


def test_what_services_have_written_is_whole() -> None:
    assert ProgramVersion.objects.count() >= 2 and AuditEvent.objects.exists()
    assert faults() == {CHAIN: (), VERSIONS: (), ROUTES: (), NUMBERS: (), CONTRACTS: ()}


def test_a_part_that_is_missing_is_found() -> None:
    newest = ProgramVersion.objects.first()
    assert newest is not None
    ProgramPart.objects.filter(hash=newest.routes_root).delete()
    [fault] = faults()[VERSIONS]
    assert fault.startswith(f"version {newest.seq}: the database lacks 1 parts")


def test_terms_that_were_changed_are_found() -> None:
    first = ProgramVersion.objects.get(seq=1)
    ProgramPart.objects.filter(hash=first.terms_hash).delete()
    ProgramPart.objects.create(hash=first.terms_hash, content=b"{}")
    assert f"the terms do not have the hash {first.terms_hash}" in faults()[VERSIONS][0]


def test_a_routes_part_that_was_changed_is_found() -> None:
    newest = ProgramVersion.objects.first()
    assert newest is not None
    other = ProgramPart.objects.exclude(hash__in=[newest.routes_root, newest.terms_hash]).order_by("hash")
    changed = other.last()
    assert changed is not None
    ProgramPart.objects.filter(pk=changed.pk).delete()
    ProgramPart.objects.create(hash=changed.hash, content=b"something else")
    assert faults()[VERSIONS]


def test_a_counter_that_was_set_back_is_found() -> None:
    Sequence.objects.filter(kind="partner").update(last=0)
    assert faults()[NUMBERS] == ("partner 1 exists, and the next partner would get the number 1",)


@pytest.mark.usefixtures("acting_test")
def test_a_link_that_was_changed_behind_the_services_is_found() -> None:
    Link.objects.update(status="inactive")
    [fault] = faults()[ROUTES]
    assert fault.startswith("version 3 has other routes than its rows")
