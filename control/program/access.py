"""Offers and links that an actor may see or change."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.partners.access import sees_all, visible_partners
from control.program.models import (
    Approval,
    ApprovalStatus,
    Coupon,
    Link,
    Offer,
    OfferAccess,
    OfferStatus,
    Plan,
    TermsState,
)


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


def approvals(actor: Actor) -> QuerySet[Approval]:
    """Return the approvals of the partners that the actor may see. Raises Forbidden."""
    partners = visible_partners(actor)
    rows = Approval.objects.select_related("partner", "offer")
    return rows if sees_all(actor, Area.PARTNERS) else rows.filter(partner__in=partners)


def plans(actor: Actor) -> QuerySet[Plan]:
    """Return plans: all for operators; for partners those that pay or paid them. Raises Forbidden."""
    offers = visible_offers(actor)
    rows = Plan.objects.select_related("offer", "partner")
    if actor.partner is None:
        return rows
    theirs = rows.exclude(state=TermsState.DRAFT).filter(Q(partner=None) | Q(partner=actor.partner))
    return theirs.filter(offer__in=offers)


def coupons(actor: Actor) -> QuerySet[Coupon]:
    """Return coupons: all for operators, else the partner's own that were published. Raises Forbidden."""
    actor.require(Area.PROGRAM, Action.READ)
    rows = Coupon.objects.select_related("offer", "partner")
    return rows if actor.partner is None else rows.exclude(state=TermsState.DRAFT).filter(partner=actor.partner)
