"""Changes of notes."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import OPERATORS, Action, Area, Limit
from control.changes import changing
from control.errors import FieldError, Invalid, validate
from control.notifications.notices import notify
from control.partners.access import require_operator
from control.partners.models import Partner
from control.partners.selectors import partner as find_partner
from control.timeline.models import MENTIONS_MAX, Mention, Note

_MENTIONED = "%(who)s mentions you in a note about %(partner)s."
_READERS = [
    role for role, grants in OPERATORS.items()
    if Action.READ in grants[Area.PARTNERS].actions and grants[Area.PARTNERS].limit is not Limit.IMPERSONAL
]  # fmt: skip


def add_note(
    actor: Actor, partner: int, text: str, audience: str = "internal", mentions: Sequence[UUID] = ()
) -> Note:  # fmt: skip
    """Store a note about a partner, and tell the operators whom it mentions. Raises Forbidden, NotFound, Invalid."""
    require_operator(actor, Area.PARTNERS, Action.WRITE)
    found = find_partner(actor, partner)
    with changing(actor):
        users = _mentioned(found, mentions)
        note = Note(
            partner=found, object_id=str(partner), text=text.strip(), audience=audience,
            author=(actor.name or actor.kind)[:254],
        )  # fmt: skip
        validate(note)
        note.save(force_insert=True)
        for user in users:
            Mention(note=note, user=user).save(force_insert=True)
        values = {"who": note.author, "partner": found.name}
        notify(users, "partner_note.mentioned", _MENTIONED, values, reverse("console_partner", args=[partner]))
    return note


def possible_mentions(partner: Partner) -> QuerySet[User]:
    """Return the operators who may read notes about a partner."""
    own_only = [role for role in _READERS if OPERATORS[role][Area.PARTNERS].limit is Limit.OWN]
    others = [role for role in _READERS if role not in own_only]
    may_read = Q(role__in=others) | Q(role__in=own_only, partners=partner.number)
    users: QuerySet[User] = User.objects.filter(may_read, is_active=True)
    return users.distinct().order_by("name", "email")


def _mentioned(partner: Partner, ids: Sequence[UUID]) -> list[User]:
    """Return the operators with these ids. Raises Invalid."""
    wanted = list(dict.fromkeys(ids))
    if len(wanted) > MENTIONS_MAX:
        raise Invalid(FieldError("mentions", f"has {len(wanted)} people; at most {MENTIONS_MAX} are possible"))
    found = {user.pk: user for user in possible_mentions(partner).filter(pk__in=wanted)}
    if missing := [str(key) for key in wanted if key not in found]:
        raise Invalid(FieldError("mentions", f"{missing[0]} is not an operator who may read notes about this partner"))
    return [found[key] for key in wanted]
