"""Creation, change and states of partners."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.errors import Conflict, Invalid, NotFound
from control.partners.models import Partner, PartnerTransition
from control.partners.services import DEPTH_MAX, change_partner, create_partner, transition
from control.partners.states import TRANSITIONS, PartnerStatus

ANN = Actor(ActorKind.PERSON, "1", "Ann", role=Role.OWNER)


@pytest.fixture
def partner(database: object) -> Partner:
    return create_partner(ANN, {"name": "Blue Lagoon"}, "active")


@pytest.mark.usefixtures("database")
def test_a_partner_has_all_its_fields() -> None:
    with acting(ANN):
        manager = User.objects.create_user("mia@shop.example")
    values = {
        "name": "Blue Lagoon", "kind": "partner", "type": "affiliate", "email": "b@lagoon.example",
        "company": "Blue Lagoon Ltd", "country": "DE", "language": "pt-BR", "website": "https://lagoon.example/",
        "traffic_sources": ["mail", "blog"], "tags": ["top"], "group": "Summer", "tier": "Gold", "manager": manager,
        "custom": {"floor": 3, "vip": True}, "external_ids": {"crm": "A-17"},
    }  # fmt: skip
    number = create_partner(ANN, values).number
    stored = Partner.objects.get(number=number)
    assert {name: getattr(stored, name) for name in values} == values
    assert (stored.number, stored.status) == (1, "applied")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "A", "kind": "robot"}, "kind"),
        ({"name": "A", "type": "robot"}, "type"),
        ({"name": "A", "email": "nobody"}, "email"),
        ({"name": "A", "country": "Germany"}, "country"),
        ({"name": "A", "language": "german!"}, "language"),
        ({"name": "A", "website": "javascript:alert(1)"}, "website"),
        ({"name": "A", "website": "ftp://lagoon.example/"}, "website"),
        ({"name": "A", "tags": "top"}, "tags"),
        ({"name": "A", "tags": ["top", "top"]}, "tags"),
        ({"name": "A", "tags": [7]}, "tags"),
        ({"name": "A", "traffic_sources": ["x" * 81]}, "traffic_sources"),
        ({"name": "A", "custom": ["top"]}, "custom"),
        ({"name": "A", "custom": {"a": {"b": 1}}}, "custom"),
        ({"name": "A", "external_ids": {"": "1"}}, "external_ids"),
        ({"name": "A", "status": "active"}, "status"),
        ({"name": "A", "number": 7}, "number"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("database")
def test_mistakes_in_fields(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_partner(ANN, values)
    assert {error.field for error in caught.value.errors} == {field}
    assert not Partner.objects.exists()


@pytest.mark.usefixtures("database")
def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        create_partner(ANN, {"name": "", "country": "x", "email": "y"})
    assert {error.field for error in caught.value.errors} == {"name", "country", "email"}


def test_a_change_stores_only_what_changed(partner: Partner) -> None:
    change_partner(ANN, partner.number, {"name": "Red Lagoon", "country": ""})
    event = AuditEvent.objects.latest("id")
    assert (event.before, event.after) == ({"name": "Blue Lagoon"}, {"name": "Red Lagoon"})
    assert (event.actor_name, event.partner) == ("Ann", partner.number)
    change_partner(ANN, partner.number, {"name": "Red Lagoon"})
    assert AuditEvent.objects.latest("id").pk == event.pk


def test_a_change_of_status_needs_a_transition(partner: Partner) -> None:
    with pytest.raises(Invalid, match="status: cannot be changed"):
        change_partner(ANN, partner.number, {"status": "offboarded"})


@pytest.mark.usefixtures("database")
def test_a_partner_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound, match="there is no partner 7"):
        change_partner(ANN, 7, {"name": "A"})


@pytest.mark.parametrize("old", PartnerStatus)
@pytest.mark.parametrize("new", PartnerStatus)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_transitions(partner: Partner, old: PartnerStatus, new: PartnerStatus) -> None:
    with acting(ANN):
        Partner.objects.filter(number=partner.number).update(status=old)
    if new in TRANSITIONS[old]:
        assert transition(ANN, partner.number, new, "because").status == new
    else:
        with pytest.raises(Conflict, match=f"is {old} and cannot become {new}"):
            transition(ANN, partner.number, new, "because")
    assert Partner.objects.get().status == (new if new in TRANSITIONS[old] else old)


def test_every_state_can_be_left_and_reached() -> None:
    assert set(TRANSITIONS) == set(PartnerStatus)
    assert {new for allowed in TRANSITIONS.values() for new in allowed} == set(PartnerStatus) - {"applied"}


def test_reason_and_order_of_states_are_kept(partner: Partner) -> None:
    transition(ANN, partner.number, "suspended", "stolen clicks")
    transition(ANN, partner.number, "active", "settled")
    rows = PartnerTransition.objects.values_list("old", "new", "reason", "actor")
    assert list(rows) == [
        ("", "active", "", "Ann"), ("active", "suspended", "stolen clicks", "Ann"),
        ("suspended", "active", "settled", "Ann"),
    ]  # fmt: skip
    event = AuditEvent.objects.latest("id")
    assert (event.before, event.after, event.reason) == ({"status": "suspended"}, {"status": "active"}, "settled")


@pytest.mark.parametrize("to", ["suspended", "offboarded"])
def test_a_partner_is_not_stopped_without_a_reason(partner: Partner, to: str) -> None:
    with pytest.raises(Invalid, match="reason: is missing"):
        transition(ANN, partner.number, to, "  ")
    assert Partner.objects.get().status == "active"


@pytest.mark.parametrize("first", PartnerStatus)
@pytest.mark.usefixtures("database")
def test_first_states(first: PartnerStatus) -> None:
    if first in ("applied", "invited", "approved", "active"):
        assert create_partner(ANN, {"name": "A"}, first).status == first
    else:
        with pytest.raises(Invalid, match="status: a new partner is one of"):
            create_partner(ANN, {"name": "A"}, first)


@pytest.mark.usefixtures("database")
def test_parents_form_a_tree_of_few_levels() -> None:
    chain = [create_partner(ANN, {"name": "0"})]
    for level in range(1, DEPTH_MAX):
        chain.append(create_partner(ANN, {"name": str(level), "parent": chain[-1]}))
    with pytest.raises(Invalid, match=f"parent: makes more than {DEPTH_MAX} levels"):
        create_partner(ANN, {"name": "too deep", "parent": chain[-1]})
    with pytest.raises(Invalid, match="parent: is the partner itself or one of its children"):
        change_partner(ANN, chain[0].number, {"parent": Partner.objects.get(number=chain[2].number)})
    top = create_partner(ANN, {"name": "top"})
    with pytest.raises(Invalid, match="parent: makes more than"):
        change_partner(ANN, chain[0].number, {"parent": top})
    change_partner(ANN, chain[1].number, {"parent": top})


@pytest.mark.usefixtures("committed_database")
def test_eight_writers_at_once_make_partners() -> None:
    def write(writer: int) -> None:
        try:
            for n in range(8):
                create_partner(ANN, {"name": f"{writer}-{n}"}, "active")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert sorted(Partner.objects.values_list("number", flat=True)) == list(range(1, 65))
    assert AuditEvent.objects.filter(object_type="partners.partner").count() == 64
