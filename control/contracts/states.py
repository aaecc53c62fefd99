"""States of a contract, and the transitions between them."""

from collections.abc import Mapping

from django.db.models import TextChoices


class ContractState(TextChoices):
    """State of a contract."""

    SENT = "sent", "Sent"
    VIEWED = "viewed", "Viewed"
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    COUNTERSIGNED = "countersigned", "Countersigned"
    ACTIVE = "active", "Active"
    EXPIRING = "expiring", "Expiring"
    EXPIRED = "expired", "Expired"
    TERMINATED = "terminated", "Terminated"


_S = ContractState
OPEN = frozenset({_S.SENT, _S.VIEWED})
"""States in which the partner has not answered yet."""
IN_FORCE = frozenset({_S.ACTIVE, _S.EXPIRING})
TRANSITIONS: Mapping[ContractState, frozenset[ContractState]] = {
    _S.SENT: frozenset({_S.VIEWED, _S.ACCEPTED, _S.DECLINED, _S.WITHDRAWN}),
    _S.VIEWED: frozenset({_S.ACCEPTED, _S.DECLINED, _S.WITHDRAWN}),
    _S.ACCEPTED: frozenset({_S.COUNTERSIGNED, _S.ACTIVE}),
    _S.COUNTERSIGNED: frozenset({_S.ACTIVE}),
    _S.ACTIVE: frozenset({_S.EXPIRING, _S.TERMINATED}),
    _S.EXPIRING: frozenset({_S.EXPIRED, _S.TERMINATED}),
    _S.DECLINED: frozenset(),
    _S.WITHDRAWN: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.TERMINATED: frozenset(),
}
"""States that a contract may go to, by the state it is in."""
