"""Actor: who asks for a change, with the rights to check."""

from dataclasses import dataclass

from control.accounts.roles import (
    KEYS,
    NOTHING,
    OPERATORS,
    PARTNER_ROLE_OF_SCOPE,
    PARTNERS,
    Action,
    Area,
    Grant,
    KeyScope,
    Limit,
    PartnerRole,
    Role,
    seen_by,
)
from control.audit.origin import ActorKind, Origin
from control.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Actor(Origin):
    """Origin of a change, with its role. Exactly one of the roles, or the scope of a key, gives the rights."""

    role: Role | None = None
    scope: KeyScope | None = None
    partner: int | None = None
    """Number of the partner that the actor belongs to; None for operators."""
    partner_role: PartnerRole | None = None
    viewer_role: Role | None = None
    """Role of the operator who sees the pages as this actor does; None for the person itself."""

    def grant(self, area: Area) -> Grant:
        """Return what the actor may do in an area."""
        own = self._own_grant(area)
        return own if self.viewer_role is None else seen_by(OPERATORS[self.viewer_role][area], own)

    def _own_grant(self, area: Area) -> Grant:
        if self.partner is not None:
            role = self.partner_role or (PARTNER_ROLE_OF_SCOPE[self.scope] if self.scope is not None else None)
            return PARTNERS[role][area] if role is not None else NOTHING
        if self.scope is not None:
            return KEYS[self.scope][area]
        if self.kind in (ActorKind.COMMAND, ActorKind.JOB):  # who may run commands has the database itself
            return OPERATORS[Role.OWNER][area]
        return OPERATORS[self.role][area] if self.role is not None else NOTHING

    def may(self, area: Area, action: Action) -> bool:
        """Return whether the actor may do something to some objects of an area; selectors say to which."""
        return action in self.grant(area).actions

    def require(self, area: Area, action: Action) -> Grant:
        """Return the grant that allows an action. Raises Forbidden."""
        grant = self.grant(area)
        if action not in grant.actions:
            raise Forbidden(f"your role does not allow this ({action.name.lower()} {area.value.replace('_', ' ')})")
        return grant

    def is_limited(self, area: Area, limit: Limit) -> bool:
        return self.grant(area).limit is limit

    @property
    def is_operator(self) -> bool:
        return self.partner is None


def command_line() -> Actor:
    """Return the actor of commands."""
    return Actor(ActorKind.COMMAND, name="command line")
