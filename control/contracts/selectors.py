"""Contracts and templates that an actor may see: the one place that filters them."""

from uuid import UUID

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.contracts.models import Contract, ContractTemplate
from control.errors import NotFound
from control.partners.access import require_operator, sees_all, visible_partners


def visible_contracts(actor: Actor) -> QuerySet[Contract]:
    """Return the contracts of the partners that the actor may see. Raises Forbidden."""
    partners = visible_partners(actor, Area.CONTRACTS, Action.READ)
    rows = Contract.objects.select_related("partner", "version__template", "acceptance", "supersedes")
    return rows if sees_all(actor, Area.CONTRACTS) else rows.filter(partner__in=partners)


def contract_of(actor: Actor, contract_id: UUID) -> Contract:
    """Return one contract. Raises Forbidden, NotFound."""
    found = visible_contracts(actor).filter(pk=contract_id).first()
    if found is None:
        raise NotFound(f"there is no contract {contract_id}")
    return found


def templates(actor: Actor) -> QuerySet[ContractTemplate]:
    """Return the templates. Raises Forbidden."""
    require_operator(actor, Area.CONTRACTS, Action.READ)
    return ContractTemplate.objects.prefetch_related("versions")


def template_of(actor: Actor, template_id: UUID) -> ContractTemplate:
    """Return one template. Raises Forbidden, NotFound."""
    found = templates(actor).filter(pk=template_id).first()
    if found is None:
        raise NotFound(f"there is no contract template {template_id}")
    return found
