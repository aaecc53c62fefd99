"""Queries on partners: rights, search."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from control.accounts.actor import Actor, command_line
from control.accounts.people import add_operator
from control.accounts.roles import Role
from control.audit.origin import ActorKind
from control.errors import NotFound
from control.partners.models import Partner
from control.partners.search_text import folded
from control.partners.selectors import (
    counts_by_status,
    partner,
    possible_managers,
    search_partners,
    sees_personal_data,
)
from control.partners.services import change_partner, create_partner


def found(text: str, *, personal: bool = True) -> list[str]:
    return [row.name for row in search_partners(Partner.objects.order_by("name"), text, personal=personal)]


@pytest.mark.parametrize(
    ("text", "plain"), [("Ärger", "arger"), ("ĐORĐE", "đorđe"), ("ß", "ss"), ("İ", "i"), ("日本", "日本"), ("", "")]
)
def test_folded(text: str, plain: str) -> None:
    assert folded(text) == plain


@pytest.mark.usefixtures("database", "acting_test")
def test_search_knows_name_company_mail_and_number() -> None:
    boss = command_line()
    first = create_partner(boss, {"name": "Ärger & Söhne", "email": "a@x.example", "company": "Blau GmbH"})
    create_partner(boss, {"name": "Other 100%_\\"})
    for text in ("ÄRGER", "arger sohne", "blau", "A@X", str(first.number)):
        assert "Ärger & Söhne" in found(text), text
    assert found("100%_\\") == ["Other 100%_\\"] and found("%") == ["Other 100%_\\"]
    assert found("nobody") == []
    change_partner(boss, first.number, {"name": "Ruhe"})
    assert found("ruhe") == ["Ruhe"] and found("arger") == []
    assert found("blau", personal=False) == [] and found("ruh", personal=False) == ["Ruhe"]


@pytest.mark.usefixtures("database", "acting_test")
def test_bulk_create_can_be_searched_too() -> None:
    Partner.objects.bulk_create([Partner(number=7, name="Grüße")])
    assert found("grusse") == ["Grüße"]


@pytest.mark.usefixtures("database", "acting_test")
def test_managers_find_and_count_their_own() -> None:
    boss = command_line()
    user = add_operator(boss, "m@x.example", "partner_manager", "M")
    manager = Actor(ActorKind.PERSON, str(user.pk), "M", role=Role.PARTNER_MANAGER)
    own = create_partner(manager, {"name": "Own"}, "active")
    foreign = create_partner(boss, {"name": "Foreign"}, "active")
    assert partner(manager, own.number).manager == user
    assert counts_by_status(manager) == {"active": 1} and counts_by_status(boss) == {"active": 2}
    with pytest.raises(NotFound):
        partner(manager, foreign.number)
    assert list(possible_managers()) == [user]


@pytest.mark.parametrize(("role", "sees"), [(Role.OWNER, True), (Role.ANALYST, False), (Role.READ_ONLY, False)])
def test_personal_data(role: Role, sees: bool) -> None:
    assert sees_personal_data(Actor(ActorKind.PERSON, "1", role=role)) is sees


@pytest.mark.usefixtures("committed_database")
def test_migration_writes_the_text_of_the_partners_that_are_there() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([("partners", "0001_initial")])
    old = executor.loader.project_state([("partners", "0001_initial")]).apps.get_model("partners", "Partner")
    old.objects.bulk_create([old(number=number, name=f"Ärger {number}") for number in range(1, 503)])
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    assert search_partners(Partner.objects.all(), "arger 502").count() == 1
    assert search_partners(Partner.objects.all(), "arger").count() == 502
