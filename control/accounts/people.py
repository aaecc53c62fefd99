"""Changes of people: adding, changing, disabling."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.models import Seat, User, normal_email
from control.accounts.roles import Action, Area, PartnerRole, Role
from control.accounts.sessions import end_sessions, verify_email
from control.audit.origin import ActorKind
from control.changes import changing
from control.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, validate


def add_operator(actor: Actor, email: str, role: str, name: str = "", password: str | None = None) -> User:
    """Store an operator. Without a password one signs in by e-mail code. Raises Forbidden, Invalid, Conflict."""
    actor.require(Area.PEOPLE, Action.WRITE)
    if not actor.is_operator:
        raise Forbidden("a partner's people cannot add operators")
    may_give(actor, role_of(role))
    with changing(actor):
        user = new_user(email, name, password)
        user.role = role
        store_operator(user)
    return user


def new_user(email: str, name: str, password: str | None) -> User:
    """Make a person, not stored yet. Raises Invalid, Conflict."""
    user = User(email=normal_email(email), name=name.strip())
    if User.objects.filter(email=user.email).exists():
        raise Conflict(f"there is a user {user.email} already")
    if password is None:
        user.set_unusable_password()
    else:
        check_password(password, user)
        user.set_password(password)
    return user


def check_password(password: str, user: User) -> None:
    """Check a new password. Raises Invalid."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(*(FieldError("password", message) for message in error.messages)) from None


def store_operator(user: User) -> None:
    """Store a person whose address is known to be right, in the open transaction. Raises Invalid."""
    validate(user)
    user.save(force_insert=True)
    verify_email(user)


def store_with_seat(user: User, partner: int, role: PartnerRole) -> None:
    """Store one of a partner's people, in the open transaction. Raises Invalid."""
    store_operator(user)
    Seat.objects.create(user=user, partner_id=partner, role=role)


def role_of(text: str) -> Role:
    """Return the role of an operator. Raises Invalid."""
    try:
        return Role(text)
    except ValueError:
        raise Invalid(FieldError("role", f"must be one of {', '.join(Role.values)}")) from None


def partner_role_of(text: str) -> PartnerRole:
    """Return the role of one of a partner's people. Raises Invalid."""
    try:
        return PartnerRole(text)
    except ValueError:
        raise Invalid(FieldError("role", f"must be one of {', '.join(PartnerRole.values)}")) from None


def may_give(actor: Actor, role: Role | PartnerRole) -> None:
    """Check that the actor may make somebody an owner: only owners may. Raises Forbidden."""
    if role.value != Role.OWNER.value:
        return
    commands = actor.kind in (ActorKind.COMMAND, ActorKind.JOB)
    owner = actor.role is Role.OWNER or actor.partner_role is PartnerRole.OWNER
    operator_of_partner = isinstance(role, PartnerRole) and actor.is_operator
    if not (commands or owner or operator_of_partner):
        raise Forbidden("only an owner may make, change or disable an owner")


def change_person(actor: Actor, user_id: UUID | str, values: Mapping[str, Any]) -> User:
    """Change name or role of an operator, or enable a person again. Raises Forbidden, NotFound, Invalid, Conflict."""
    actor.require(Area.PEOPLE, Action.WRITE)
    if unknown := sorted(values.keys() - {"name", "role", "is_active"}):
        raise Invalid(*(FieldError(name, "cannot be changed; leave it out") for name in unknown))
    with changing(actor):
        user = _locked(actor, user_id)
        if user.role == Role.OWNER:
            may_give(actor, Role.OWNER)
        if "name" in values:
            user.name = str(values["name"]).strip()
        if "role" in values:
            _change_role(actor, user, str(values["role"]))
        if "is_active" in values:
            user.is_active = bool(values["is_active"])
        _one_owner_stays(user)
        validate(user)
        user.save()
        if not user.is_active:
            end_sessions(user)
    return user


def change_own_profile(actor: Actor, user: User, name: str, locale: str, time_zone: str) -> None:
    """Change name, language and time zone of the person who asks. Raises Invalid."""
    with changing(actor):
        row = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        row.name, row.locale, row.time_zone = name.strip(), locale, time_zone
        validate(row)
        row.save(update_fields=["name", "locale", "time_zone"])


def _change_role(actor: Actor, user: User, text: str) -> None:
    if not actor.is_operator:
        raise Forbidden("roles within a partner are those of seats")
    if not user.role:
        raise Conflict(f"{user.email} belongs to a partner and has no role of an operator")
    role = role_of(text)
    may_give(actor, role)
    user.role = role


def disable_person(actor: Actor, user_id: UUID | str) -> User:
    """Disable a person, and end the sessions. Raises Forbidden, NotFound, Conflict."""
    return change_person(actor, user_id, {"is_active": False})


def _locked(actor: Actor, user_id: UUID | str) -> User:
    user = people(actor).select_for_update(of=("self",)).filter(pk=user_id).first()
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


def _one_owner_stays(user: User) -> None:
    """Refuse the change that would leave no owner. Raises Conflict."""
    if user.role == Role.OWNER and user.is_active:
        return
    was_owner = User.objects.filter(pk=user.pk, role=Role.OWNER, is_active=True).exists()
    others = User.objects.exclude(pk=user.pk).filter(role=Role.OWNER, is_active=True)
    if was_owner and not others.exists():
        raise Conflict("the last owner stays; make somebody else an owner first")


def people(actor: Actor) -> QuerySet[User]:
    """Return the people whom the actor may see: operators and all partners' people, or those of the own partner.

    Raises Forbidden.
    """
    actor.require(Area.PEOPLE, Action.READ)
    found: QuerySet[User] = User.objects.all()
    if actor.partner is None:
        return found
    return found.filter(pk__in=Seat.objects.filter(partner_id=actor.partner).values("user_id"))


def person_by_email(actor: Actor, email: str) -> User:
    """Return a person. Raises Forbidden, NotFound."""
    user = people(actor).filter(email=normal_email(email)).first()
    if user is None:
        raise NotFound(f"there is no user {normal_email(email)}")
    return user
