"""Leads that an actor may see, and how much of each."""

from uuid import UUID

from django.db.models import Count, Q, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import NotFound
from control.leads.models import Lead
from control.leads.states import SHOWN, LeadState
from control.partners.access import sees_all, visible_partners
from control.partners.selectors import sees_personal_data

OPEN = frozenset({LeadState.NEW, LeadState.OFFERED, LeadState.ACCEPTED, LeadState.WORKING})
CONFLICTS_MAX = 50
"""Most channel conflicts that a page shows."""


def visible_leads(actor: Actor, action: Action = Action.READ) -> QuerySet[Lead]:
    """Return the leads that the actor may see. Raises Forbidden.

    A partner sees those that are offered to it and those that it has accepted, never one without consent. A manager
    who sees only some partners sees theirs.
    """
    partners = visible_partners(actor, Area.PARTNERS, action)
    rows = Lead.objects.select_related("partner", "offered_to", "territory")
    if actor.partner is not None:
        own = Q(state__in=SHOWN, partner=actor.partner) | Q(state=LeadState.OFFERED, offered_to=actor.partner)
        return rows.filter(own, consent=True)
    if sees_all(actor, Area.PARTNERS):
        return rows
    return rows.filter(Q(partner__in=partners) | Q(offered_to__in=partners))


def lead_of(actor: Actor, lead_id: UUID, action: Action = Action.READ) -> Lead:
    """Return one lead. Raises Forbidden, NotFound."""
    found = visible_leads(actor, action).filter(pk=lead_id).first()
    if found is None:
        raise NotFound(f"there is no lead {lead_id}")
    return found


def shows_details(actor: Actor, lead: Lead) -> bool:
    """Return whether the actor may see company, contact and note: a partner only once it has accepted the lead."""
    if actor.partner is not None:
        return lead.consent and lead.partner_id == actor.partner and lead.state in SHOWN
    return True


def shows_contact(actor: Actor, lead: Lead) -> bool:
    """Return whether the actor may see the name and addresses of the contact."""
    return shows_details(actor, lead) and sees_personal_data(actor)


def counts_by_state(actor: Actor) -> dict[str, int]:
    """Return the number of leads in each state. Raises Forbidden."""
    return dict(visible_leads(actor).order_by().values_list("state").annotate(Count("pk")))


def channel_conflicts(actor: Actor) -> list[list[Lead]]:
    """Return open leads about the same company that are with, or offered to, different partners. Raises Forbidden."""
    rows = visible_leads(actor).filter(state__in=OPEN - {LeadState.NEW})
    keys = rows.order_by().values("company_key").annotate(leads=Count("pk")).filter(leads__gt=1)
    found: dict[str, list[Lead]] = {}
    for lead in rows.filter(company_key__in=keys.values("company_key")[:CONFLICTS_MAX]).order_by(
        "company_key", "created"
    ):
        found.setdefault(lead.company_key, []).append(lead)
    return [leads for leads in found.values() if len({lead.partner_id or lead.offered_to_id for lead in leads}) > 1]
