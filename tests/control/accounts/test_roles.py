"""The matrix of roles: complete, and with the lines that must never be crossed."""

import pytest

from control.accounts.actor import Actor, command_line
from control.accounts.roles import (
    AREA_TEXTS,
    KEYS,
    OPERATORS,
    PARTNERS,
    Action,
    Area,
    KeyScope,
    Limit,
    PartnerRole,
    Role,
)
from control.audit.origin import ActorKind
from control.errors import Forbidden


def test_every_role_has_a_grant_in_every_area() -> None:
    assert set(AREA_TEXTS) == set(Area)
    for matrix, roles in ((OPERATORS, Role), (PARTNERS, PartnerRole), (KEYS, KeyScope)):
        assert set(matrix) == set(roles)
        for grants in matrix.values():
            assert set(grants) == set(Area)
            for grant in grants.values():
                assert Action.READ in grant.actions or not grant.actions


def test_read_only_roles_write_nothing() -> None:
    for grants in (
        OPERATORS[Role.READ_ONLY], OPERATORS[Role.ANALYST], PARTNERS[PartnerRole.READ_ONLY], KEYS[KeyScope.READ],
    ):  # fmt: skip
        assert all(grant.actions <= {Action.READ} for grant in grants.values())


def test_settings_people_and_money_are_of_few() -> None:
    def who(area: Area, action: Action) -> set[str]:
        return {role.value for role, grants in OPERATORS.items() if action in grants[area].actions}

    assert who(Area.SETTINGS, Action.READ) == who(Area.PEOPLE, Action.READ) == {"owner", "admin"}
    assert who(Area.AUDIT, Action.READ) == {"owner", "admin"}
    assert who(Area.PAYMENT_DATA, Action.WRITE) == {"owner", "finance"}
    assert who(Area.STATEMENTS, Action.APPROVE) == {"owner"}
    assert who(Area.PROGRAM, Action.APPROVE) == {"owner", "admin"}
    assert all(grants[Area.SETTINGS].actions == frozenset() for grants in PARTNERS.values())
    assert all(grants[Area.JOBS].actions == frozenset() for grants in PARTNERS.values())


def test_limits() -> None:
    assert OPERATORS[Role.PARTNER_MANAGER][Area.PARTNERS].limit is Limit.OWN
    assert OPERATORS[Role.ANALYST][Area.PARTNERS].limit is Limit.IMPERSONAL
    assert OPERATORS[Role.ADMIN][Area.PAYMENT_DATA].limit is Limit.MASKED


@pytest.mark.parametrize(
    ("actor", "writes"),
    [
        (Actor(ActorKind.PERSON), False),
        (Actor(ActorKind.PERSON, role=Role.OWNER), True),
        (Actor(ActorKind.PERSON, role=Role.ANALYST), False),
        (Actor(ActorKind.PERSON, role=Role.OWNER, partner=7), False),
        (Actor(ActorKind.PERSON, partner=7, partner_role=PartnerRole.OWNER), False),
        (Actor(ActorKind.API_KEY, scope=KeyScope.WRITE), False),
        (Actor(ActorKind.API_KEY, scope=KeyScope.ADMIN), True),
        (Actor(ActorKind.API_KEY, scope=KeyScope.ADMIN, partner=7), False),
        (command_line(), True),
    ],
)
def test_rights_follow_role_scope_and_partner(actor: Actor, writes: bool) -> None:
    assert actor.may(Area.SETTINGS, Action.WRITE) is writes
    if writes:
        assert actor.require(Area.SETTINGS, Action.WRITE)
    else:
        with pytest.raises(Forbidden, match="your role does not allow this"):
            actor.require(Area.SETTINGS, Action.WRITE)
