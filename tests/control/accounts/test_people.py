"""People: who may add, change and disable whom; one owner stays."""

import pytest
from allauth.account.models import EmailAddress

from control.accounts.actor import Actor, command_line
from control.accounts.models import Seat, User
from control.accounts.people import (
    add_operator,
    change_person,
    disable_person,
    new_user,
    people,
    person_by_email,
    store_with_seat,
)
from control.accounts.roles import PartnerRole, Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.errors import Conflict, Forbidden, Invalid, NotFound
from control.partners.services import create_partner

pytestmark = pytest.mark.usefixtures("database")
PASSWORD = "correct horse battery"


def _person(role: Role) -> Actor:
    return Actor(ActorKind.PERSON, "1", role.label, role=role)


def test_an_operator_is_stored_with_a_verified_address() -> None:
    user = add_operator(_person(Role.ADMIN), " Fay@Acme.example ", "finance", "Fay", PASSWORD)
    assert (user.email, user.role, user.check_password(PASSWORD)) == ("fay@acme.example", "finance", True)
    assert EmailAddress.objects.get(user=user).verified
    assert AuditEvent.objects.get().actor_name == "Administrator"


def test_mistakes_are_all_told() -> None:
    with pytest.raises(Invalid) as caught:
        add_operator(command_line(), "fay@acme.example", "finance", "", "1234")
    assert len(caught.value.errors) >= 3 and {error.field for error in caught.value.errors} == {"password"}
    with pytest.raises(Invalid, match="email"):
        add_operator(command_line(), "not an address", "finance")
    with pytest.raises(Invalid, match="role: must be one of"):
        add_operator(command_line(), "fay@acme.example", "boss")


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.OWNER, Role.ADMIN)])
def test_other_roles_change_and_see_nobody(role: Role) -> None:
    user = add_operator(command_line(), "fay@acme.example", "finance")
    for call in (
        lambda: add_operator(_person(role), "x@acme.example", "read_only"),
        lambda: change_person(_person(role), user.pk, {"role": "owner"}),
        lambda: disable_person(_person(role), user.pk),
        lambda: people(_person(role)),
    ):
        with pytest.raises(Forbidden):
            call()


def test_only_an_owner_makes_changes_and_disables_owners() -> None:
    owner = add_operator(command_line(), "ann@acme.example", "owner")
    admin = _person(Role.ADMIN)
    user = add_operator(admin, "fay@acme.example", "finance")
    for call in (
        lambda: add_operator(admin, "x@acme.example", "owner"),
        lambda: change_person(admin, user.pk, {"role": "owner"}),
        lambda: change_person(admin, owner.pk, {"role": "finance"}),
        lambda: change_person(admin, owner.pk, {"name": "Eve"}),
        lambda: disable_person(admin, owner.pk),
    ):
        with pytest.raises(Forbidden, match="only an owner"):
            call()
    change_person(_person(Role.OWNER), user.pk, {"role": "owner", "name": "Fay"})
    user.refresh_from_db()
    assert (user.role, user.name) == ("owner", "Fay")


def test_the_last_owner_stays() -> None:
    first = add_operator(command_line(), "ann@acme.example", "owner")
    for values in ({"is_active": False}, {"role": "admin"}):
        with pytest.raises(Conflict, match="last owner"):
            change_person(_person(Role.OWNER), first.pk, values)
    second = add_operator(command_line(), "ben@acme.example", "owner")
    disable_person(_person(Role.OWNER), first.pk)
    with pytest.raises(Conflict, match="last owner"):
        disable_person(_person(Role.OWNER), second.pk)
    assert not User.objects.get(pk=first.pk).is_active


def test_a_partner_sees_and_changes_its_own_people_only() -> None:
    numbers = [create_partner(command_line(), {"name": name}).number for name in ("Blue", "Red")]
    users = []
    for number in numbers:
        user = new_user(f"p{number}@shop.example", "", None)
        with acting(command_line()):
            store_with_seat(user, number, PartnerRole.MEMBER)
        users.append(user)
    add_operator(command_line(), "ann@acme.example", "owner")
    boss = Actor(ActorKind.PERSON, "1", "Boss", partner=numbers[0], partner_role=PartnerRole.OWNER)
    assert list(people(boss)) == [users[0]]
    assert change_person(boss, users[0].pk, {"name": "Pat"}).name == "Pat"
    with pytest.raises(NotFound):
        change_person(boss, users[1].pk, {"name": "Pat"})
    with pytest.raises(NotFound):
        person_by_email(boss, "ann@acme.example")
    with pytest.raises(Forbidden):
        change_person(boss, users[0].pk, {"role": "owner"})
    with pytest.raises(Forbidden):
        add_operator(boss, "x@acme.example", "owner")
    with pytest.raises(Conflict, match="belongs to a partner"):
        change_person(command_line(), users[0].pk, {"role": "owner"})
    assert Seat.objects.count() == 2


def test_an_address_belongs_to_one_person_and_other_fields_cannot_be_changed() -> None:
    user = add_operator(command_line(), "ann@acme.example", "owner")
    with pytest.raises(Conflict, match="already"):
        add_operator(command_line(), "Ann@acme.example", "owner")
    with pytest.raises(Invalid, match="password: cannot be changed"):
        change_person(command_line(), user.pk, {"password": "x", "id": 1})
