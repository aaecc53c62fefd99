"""Access of partners to offers that are not open."""

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.changes import locked
from control.errors import Conflict, FieldError, Invalid
from control.partners.access import check_partners, require_operator
from control.partners.models import Partner
from control.program.models import Approval, ApprovalStatus, Link, Offer, OfferAccess
from control.program.routing import Touched, publish_routes
from control.program.versions import changing_program


def request_access(actor: Actor, offer: int, partner: int, reason: str = "") -> Approval:
    """Ask for access to an offer. Raises Forbidden, NotFound, and Conflict if the offer is not for asking."""
    check_partners(actor, Area.LINKS, Action.WRITE, partner)
    with changing_program(actor, reason):
        row, who = locked(Offer, "offer", number=offer), locked(Partner, "partner", number=partner)
        if row.access != OfferAccess.APPROVAL:
            raise Conflict(f"offer {offer} is {row.access}; nobody asks for access to it")
        if Approval.objects.filter(offer=row, partner=who).exists():
            raise Conflict(f"partner {partner} has asked for offer {offer} already")
        return Approval.objects.create(offer=row, partner=who, reason=reason)


def decide_access(actor: Actor, offer: int, partner: int, status: str, reason: str = "") -> Approval:
    """Approve or reject a partner for an offer, asked or not; its links follow at once.

    Raises Forbidden, NotFound, Invalid.
    """
    require_operator(actor, Area.PARTNERS, Action.APPROVE)
    check_partners(actor, Area.PARTNERS, Action.APPROVE, partner)
    with changing_program(actor, reason):
        if status not in (ApprovalStatus.APPROVED, ApprovalStatus.REJECTED):
            raise Invalid(FieldError("status", "must be approved or rejected"))
        row, who = locked(Offer, "offer", number=offer), locked(Partner, "partner", number=partner)
        approval = Approval.objects.filter(offer=row, partner=who).first() or Approval(offer=row, partner=who)
        approval.status, approval.reason = status, reason
        approval.save()
        publish_routes(Touched(links=Link.objects.filter(offer=row, partner=who)))
    return approval
