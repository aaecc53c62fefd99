"""Part of the engine's data that an actor may see: the one place that limits what is asked."""

from dataclasses import dataclass, replace

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.partners.access import sees_all, visible_partners
from control.partners.settings import money_shown


@dataclass(frozen=True, slots=True)
class Scope:
    """Data that a request may see."""

    partner: int | None = None
    """The one partner whose token is sent; None for operators."""
    partners: tuple[int, ...] | None = None
    """Partners to which the request is limited; None for all."""
    shows: frozenset[str] = frozenset()
    """Money that the one partner sees besides its earnings: some of MONEY_SHOWN."""

    def narrowed(self, partners: tuple[int, ...] | None) -> "Scope":
        """Limit the scope further to these partners; None does not limit."""
        if partners is None:
            return self
        if self.partners is None:
            return replace(self, partners=partners)
        return replace(self, partners=tuple(number for number in partners if number in frozenset(self.partners or ())))


def scope_of(actor: Actor, area: Area = Area.REPORTS) -> Scope:
    """Return what an actor may see of an area. Raises Forbidden."""
    actor.require(area, Action.READ)
    if actor.partner is not None:
        return Scope(actor.partner, (actor.partner,), money_shown())
    if sees_all(actor, area):
        return Scope()
    return Scope(None, tuple(visible_partners(actor, area).order_by("number").values_list("number", flat=True)))
