"""Offers and links that an actor may see or change."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.partners.access import sees_all, visible_partners
from control.program.models import Approval, ApprovalStatus, Link, Offer, OfferAccess, OfferStatus


def visible_offers(actor: Actor) -> QuerySet[Offer]:
    """Return offers: all for operators; for partners those that are open, may be asked for, or are theirs."""
    actor.require(Area.PROGRAM, Action.READ)
    if actor.partner is None:
        return Offer.objects.all()
    approval = Approval.objects.filter(offer=OuterRef("pk"), partner=actor.partner, status=ApprovalStatus.APPROVED)
    return Offer.objects.exclude(status=OfferStatus.DRAFT).filter(~Q(access=OfferAccess.PRIVATE) | Exists(approval))


def visible_links(actor: Actor, action: Action = Action.READ) -> QuerySet[Link]:
    """Return the links of the partners that the actor may see. Raises Forbidden."""
    partners = visible_partners(actor, Area.LINKS, action)
    return Link.objects.all() if sees_all(actor, Area.LINKS) else Link.objects.filter(partner__in=partners)
