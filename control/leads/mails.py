"""Mails about leads: to the people of a partner who may answer, and to the manager of leads."""

from collections.abc import Mapping

from control.accounts.models import Seat, User
from control.accounts.roles import PARTNERS, Action, Area, PartnerRole, Role
from control.leads.models import Lead, LeadRouting
from control.notifications.mails import page_link, queue_mail
from control.partners.models import Partner

READERS_MAX = 20
"""Most people of a partner that get a mail about one lead."""
_ANSWERING = [role.value for role in PartnerRole if Action.WRITE in PARTNERS[role][Area.PARTNERS].actions]


def mail_partner(kind: str, lead: Lead, partner: Partner) -> None:
    """Tell the people of a partner who may answer; without any, the address of the partner. No detail is told."""
    values = {
        "country": lead.country, "product": lead.product, "due": lead.deadline,
        "link": page_link("portal_lead", lead.pk),
    }  # fmt: skip
    seats = Seat.objects.filter(partner=partner, role__in=_ANSWERING, user__is_active=True).select_related("user")
    people = [seat.user for seat in seats.order_by("pk")[:READERS_MAX]]
    for person in people:
        queue_mail(kind, person.email, values, person=person, partner=partner)
    if not people and partner.email:
        queue_mail(kind, partner.email, values, partner=partner)


def mail_manager(kind: str, lead: Lead, routing: LeadRouting, more: Mapping[str, object] | None = None) -> None:
    """Tell the manager of leads; without one, the owners of the program."""
    values = {"company": lead.company, "link": page_link("console_lead", lead.pk), **(more or {})}
    manager = routing.manager
    if manager is not None and manager.is_active:
        people = [manager]
    else:
        people = list(User.objects.filter(role=Role.OWNER, is_active=True).order_by("pk")[:READERS_MAX])
    for person in people:
        queue_mail(kind, person.email, values, person=person)
