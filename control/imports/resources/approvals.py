"""Approvals of partners for offers that are not open."""

from collections.abc import Hashable, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.errors import Conflict
from control.imports import fields
from control.imports.fields import Field
from control.imports.references import find_offers, find_partners
from control.imports.resource import Item, Resource
from control.program.access import approvals
from control.program.filters import APPROVAL_FILTERS
from control.program.models import Approval, ApprovalStatus, Link
from control.program.routing import publish_keys
from control.program.services.approvals import decide_access, request_access


class Approvals(Resource[Approval]):
    """Approvals, by offer and partner."""

    key, noun, nouns = "approvals", "approval", "approvals"
    filters = APPROVAL_FILTERS
    area = Area.PARTNERS
    action = Action.APPROVE
    match_text = "Rows find approvals by offer and partner."
    fields = (
        Field("offer", "Offer", names=("offer id", "campaign"), required=True, help="Number or name."),
        Field("partner", "Partner", fields.number, names=("partner id", "affiliate id"), required=True,
              help="Number of the partner."),
        Field("status", "Status", fields.one_of(dict(ApprovalStatus.choices)), names=("state", "decision"),
              required=True, help="approved, rejected or requested."),
        Field("reason", "Reason", names=("comment", "note")),
    )  # fmt: skip

    def visible(self, actor: Actor) -> QuerySet[Approval]:
        return approvals(actor)

    def value(self, row: Approval, key: str) -> Any:
        return getattr(row, f"{key}_id" if key in ("offer", "partner") else key)

    def resolve(self, actor: Actor, items: Sequence[Item[Approval]]) -> None:
        find_offers(actor, items)
        find_partners(actor, items, self.area, self.action)

    def identity(self, values: Any, _match: str) -> Hashable | None:
        return (values.get("offer"), values.get("partner"))

    def stored(self, actor: Actor, _match: str, wanted: Sequence[Hashable]) -> dict[Hashable, list[Approval]]:
        pairs = [key for key in wanted if isinstance(key, tuple) and all(key)]
        rows = self.writable(actor).filter(
            offer__in={offer for offer, _ in pairs}, partner__in={who for _, who in pairs}
        )
        return {(row.offer_id, row.partner_id): [row] for row in rows if (row.offer_id, row.partner_id) in pairs}

    def store_one(self, actor: Actor, item: Item[Approval], _reason: str) -> None:
        row, values = item.stored, item.values
        offer, partner = (row.offer_id, row.partner_id) if row is not None else (values["offer"], values["partner"])
        status = values.get("status", row.status if row is not None else "")
        reason = values.get("reason", row.reason if row is not None else "")
        if status == ApprovalStatus.REQUESTED and row is not None and row.status != status:
            raise Conflict(f"is {row.status}, and does not go back to requested")
        if status == ApprovalStatus.REQUESTED and row is None:
            approval = request_access(actor, offer, partner, reason)
        else:
            approval = decide_access(actor, offer, partner, status, reason)
        item.made, item.object_id, item.name = row is None, str(approval.pk), str(approval)

    def publish_batch(self, items: Sequence[Item[Approval]]) -> None:
        pairs = Q()
        for item in items:
            if item.stored is not None:
                pairs |= Q(offer=item.stored.offer_id, partner=item.stored.partner_id)
            elif item.is_good:
                pairs |= Q(offer=item.values["offer"], partner=item.values["partner"])
        if pairs:
            publish_keys(links=list(Link.objects.filter(pairs).values_list("code", flat=True)))
