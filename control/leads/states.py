"""States of a lead, and the transitions between them."""

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class LeadState(TextChoices):
    """State of a lead."""

    NEW = "new", _("New")
    OFFERED = "offered", _("Offered")
    ACCEPTED = "accepted", _("Accepted")
    WORKING = "working", _("Working")
    WON = "won", _("Won")
    LOST = "lost", _("Lost")
    EXPIRED = "expired", _("Expired")


class Answer(TextChoices):
    """Answer to an offer of a lead, and its end."""

    WAITING = "", "Waiting"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    LATE = "late", "No answer in time"
    WITHDRAWN = "withdrawn", "Withdrawn"
    RECLAIMED = "reclaimed", "Taken back"


_S = LeadState
TRANSITIONS: Mapping[LeadState, frozenset[LeadState]] = {
    _S.NEW: frozenset({_S.OFFERED, _S.EXPIRED}),
    _S.OFFERED: frozenset({_S.OFFERED, _S.ACCEPTED, _S.NEW}),
    _S.ACCEPTED: frozenset({_S.WORKING, _S.NEW, _S.OFFERED}),
    _S.WORKING: frozenset({_S.WORKING, _S.WON, _S.LOST, _S.NEW, _S.OFFERED}),
    _S.WON: frozenset(),
    _S.LOST: frozenset(),
    _S.EXPIRED: frozenset(),
}
"""States that a lead may go to. A lead that is taken back is offered to the next partner at once, if there is one."""
HELD = frozenset({_S.ACCEPTED, _S.WORKING})
"""States in which a partner works on the lead."""
SHOWN = HELD | {_S.WON, _S.LOST}
"""States in which the partner sees the details."""
