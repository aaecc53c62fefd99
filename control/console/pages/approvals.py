"""Pages of approvals: partners' access to offers that are not open."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.forms.partners import OptionalReasonForm
from control.console.forms.program import AccessForm, DecideForm
from control.console.lists.page import list_page
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec, day_filters
from control.console.pages.links import offers_to_choose
from control.errors import Conflict, NotFound
from control.program.access import approvals
from control.program.filters import APPROVAL_FILTERS
from control.program.models import Approval, ApprovalStatus
from control.program.services.approvals import decide_access
from control.ui.addresses import page_address
from control.ui.moments import day_text
from control.ui.states import state_tone
from control.ui.table import Cell

_COLUMNS: Sequence[ListColumn[Approval]] = (
    ListColumn[Approval](
        "partner", "Partner",
        lambda row: Cell(row.partner.name, href=page_address("console_approval", row.pk)), ("partner__name",),
    ),
    ListColumn[Approval]("offer", "Offer", lambda row: row.offer.name, ("offer__name",)),
    ListColumn[Approval](
        "status", "Status", lambda row: Cell(row.get_status_display(), badge=state_tone(row.status)), ("status",)
    ),
    ListColumn[Approval]("reason", "Reason", lambda row: row.reason),
    ListColumn[Approval](
        "created", "Since", lambda row: day_text(row.created), ("created",), descending_first=True
    ),
)  # fmt: skip


def _decide(status: ApprovalStatus) -> Any:
    def change(actor: Actor, row_id: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        row = _find(actor, int(row_id))
        if row.status == status:
            raise Conflict(f"{row.partner} is {row.status} already")
        decide_access(actor, row.offer_id, row.partner_id, status, values["reason"])
        return {}

    return change


def _find(actor: Actor, row_id: int) -> Approval:
    row = approvals(actor).filter(pk=row_id).first()
    if row is None:
        raise NotFound(f"there is no approval {row_id}")
    return row


APPROVALS = ListSpec(
        key="approvals", title="Approvals", noun="request", nouns="requests", url_name="console_approvals",
        rows=approvals, columns=lambda _actor: _COLUMNS, order="-created",
        text="Partners who ask for offers that are not open to all.",
        empty=Empty(
            "No requests", "Partners who ask for an offer appear here. You can also give access without a request.",
            "user-check", "Give access", "console_approval_new",
        ),
        search=lambda _actor, rows, text: rows.filter(partner__name__icontains=text),
        search_label="Search by partner",
        filters=(
            Filter("status", "Status", options=lambda _: ApprovalStatus.choices),
            Filter("offer", "Offer", options=offers_to_choose),
            *day_filters("created", "Made"),
        ),
        filter_set=APPROVAL_FILTERS,
        bulk=(
            BulkAction(
                "approve", "Approve", "approved", _decide(ApprovalStatus.APPROVED), form=OptionalReasonForm,
                text="Their links to the offer work within seconds.", action=Action.APPROVE,
            ),
            BulkAction(
                "reject", "Reject", "rejected", _decide(ApprovalStatus.REJECTED), form=OptionalReasonForm,
                text="Their links to the offer stop within seconds.", danger=True, action=Action.APPROVE,
            ),
        ),
    )  # fmt: skip


@page(Area.PARTNERS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List approvals."""
    return list_page(request, actor, APPROVALS, can_add=actor.may(Area.PARTNERS, Action.APPROVE))


@page(Area.PARTNERS, Action.APPROVE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Give a partner access to an offer without a request."""
    form = AccessForm(actor, posted(request), initial={name: request.GET.get(name) for name in ("offer", "partner")})

    def save() -> tuple[str, str]:
        values = form.cleaned_data
        offer, partner = values["offer"], values["partner"]
        decide_access(actor, offer.number, partner.number, ApprovalStatus.APPROVED, values["reason"])
        return f"{partner} may promote {offer}.", reverse("console_approvals")

    return form_page(
        request, form, save, title="Give access", text="Links of the partner to the offer work within seconds.",
        submit="Give access", crumbs=[("Approvals", reverse("console_approvals"))],
    )  # fmt: skip


@page(Area.PARTNERS, Action.APPROVE)
def decide(request: HttpRequest, actor: Actor, approval_id: int) -> HttpResponse:
    """Approve or reject a partner for an offer."""
    row = _find(actor, approval_id)
    form = DecideForm(posted(request), initial={"status": row.status, "reason": ""})

    def save() -> tuple[str, str]:
        values = form.cleaned_data
        made = decide_access(actor, row.offer_id, row.partner_id, values["status"], values["reason"])
        return f"{row.partner} is {made.status} for {row.offer}.", reverse("console_approvals")

    return form_page(
        request, form, save, title=f"{row.partner} for {row.offer}", text=row.reason, submit="Decide",
        crumbs=[("Approvals", reverse("console_approvals"))], live=False,
    )  # fmt: skip
