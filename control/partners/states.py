"""States of a partner, and the transitions between them."""

from collections.abc import Mapping

from django.db.models import TextChoices


class PartnerStatus(TextChoices):
    """State of a partner."""

    APPLIED = "applied", "Applied"
    INVITED = "invited", "Invited"
    APPROVED = "approved", "Approved"
    ACTIVE = "active", "Active"
    DORMANT = "dormant", "Dormant"
    SUSPENDED = "suspended", "Suspended"
    OFFBOARDED = "offboarded", "Offboarded"


_S = PartnerStatus

TRANSITIONS: Mapping[PartnerStatus, frozenset[PartnerStatus]] = {
    _S.APPLIED: frozenset({_S.INVITED, _S.APPROVED, _S.ACTIVE, _S.OFFBOARDED}),
    _S.INVITED: frozenset({_S.APPROVED, _S.ACTIVE, _S.OFFBOARDED}),
    _S.APPROVED: frozenset({_S.INVITED, _S.ACTIVE, _S.OFFBOARDED}),
    _S.ACTIVE: frozenset({_S.DORMANT, _S.SUSPENDED, _S.OFFBOARDED}),
    _S.DORMANT: frozenset({_S.ACTIVE, _S.SUSPENDED, _S.OFFBOARDED}),
    _S.SUSPENDED: frozenset({_S.ACTIVE, _S.OFFBOARDED}),
    # A partner who comes back keeps the number, and with it the history.
    _S.OFFBOARDED: frozenset({_S.APPROVED, _S.ACTIVE}),
}
"""States that a partner may go to, by the state it is in."""
FIRST_STATES = frozenset({_S.APPLIED, _S.INVITED, _S.APPROVED, _S.ACTIVE})
"""States that a new partner may have."""
LINKS_WORK = frozenset({_S.ACTIVE, _S.DORMANT})
"""States in which clicks and conversions count. Dormant is a label for people."""
NEVER_ACTIVE = frozenset({_S.APPLIED, _S.INVITED, _S.APPROVED})
"""States before the first activity."""
REASON_REQUIRED = frozenset({_S.SUSPENDED, _S.OFFBOARDED})
