"""Pages of links."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.dateformat import format as format_date

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.forms.program import LinkForm
from control.console.forms.when import WhenForm
from control.console.lists.page import list_page
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec, Options
from control.errors import Conflict, NotFound
from control.program.access import visible_links, visible_offers
from control.program.codes import codes_beginning_with
from control.program.models import Link, LinkStatus
from control.program.services.links import create_link, set_link_status
from control.scheduled.models import ChangeKind
from control.scheduled.services import cancel_change, schedule_status
from control.ui.states import state_tone
from control.ui.table import Cell

OFFERS_MAX = 500
"""Most offers in the choice of a filter or form."""


def _columns(_actor: Actor) -> Sequence[ListColumn[Link]]:
    return [
        ListColumn[Link]("code", "Code", lambda row: Cell(row.code, code=True), ("code",)),
        ListColumn[Link](
            "offer", "Offer", lambda row: Cell(row.offer.name, href=reverse("console_offer", args=[row.offer_id])),
            ("offer",),
        ),
        ListColumn[Link](
            "partner", "Partner",
            lambda row: Cell(row.partner.name, href=reverse("console_partner", args=[row.partner_id])), ("partner",),
        ),
        ListColumn[Link](
            "status", "Status", lambda row: Cell(row.get_status_display(), badge=state_tone(row.status)), ("status",)
        ),
        ListColumn[Link](
            "created", "Since", lambda row: format_date(row.created, "j M Y"), ("id",), descending_first=True
        ),
    ]  # fmt: skip


def offers_to_choose(actor: Actor) -> Options:
    """Return the offers for a filter."""
    rows = visible_offers(actor).order_by("name").values_list("number", "name")
    return [(str(number), name) for number, name in rows[:OFFERS_MAX]]


def _search(_actor: Actor, rows: QuerySet[Link], text: str) -> QuerySet[Link]:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else -1
    return rows.filter(codes_beginning_with(text) | Q(partner_id=number))


def _switch(to: LinkStatus) -> Any:
    def change(actor: Actor, row_id: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        link = _visible(actor, row_id)
        if values.get("at"):
            made = schedule_status(actor, ChangeKind.LINK, link.code, to, datetime.fromisoformat(values["at"]))
            return {"scheduled": str(made.pk)}
        if link.status == to:
            raise Conflict(f"{link.code} is {link.status} already")
        set_link_status(actor, link.code, to)
        return {"now": to.value}

    return change


def _switch_back(actor: Actor, row_id: str, _values: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    if "scheduled" in before:
        cancel_change(actor, UUID(before["scheduled"]))
        return
    link = _visible(actor, row_id)
    if link.status != before["now"]:
        raise Conflict(f"{link.code} is {link.status} meanwhile")
    set_link_status(actor, link.code, LinkStatus.INACTIVE if link.status == LinkStatus.ACTIVE else LinkStatus.ACTIVE)


def _visible(actor: Actor, row_id: str) -> Link:
    link = visible_links(actor).filter(pk=row_id).first()
    if link is None:
        raise NotFound(f"there is no link {row_id}")
    return link


LINKS = ListSpec(
        key="links", title="Links", noun="link", nouns="links", url_name="console_links",
        rows=lambda actor: visible_links(actor).select_related("offer", "partner"),
        columns=_columns, order="-created", search=_search, search_label="Search by code or number of the partner",
        empty=Empty(
            "No links yet", "A link leads visitors of one partner to one offer.", "link", "New link", "console_link_new"
        ),
        filters=(
            Filter("status", "Status", lambda rows, value: rows.filter(status=value), lambda _: LinkStatus.choices),
            Filter("offer", "Offer", lambda rows, value: rows.filter(offer__number=value), offers_to_choose),
        ),
        bulk=(
            BulkAction(
                "on", "Switch on", "switched on", _switch(LinkStatus.ACTIVE), _switch_back, area=Area.LINKS,
                form=WhenForm,
                text="They work within seconds, if partner and offer are active.",
            ),
            BulkAction(
                "off", "Switch off", "switched off", _switch(LinkStatus.INACTIVE), _switch_back, area=Area.LINKS,
                form=WhenForm,
                text="They lead to the fallback page within seconds.", danger=True,
            ),
        ),
    )  # fmt: skip


@page(Area.LINKS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List links."""
    return list_page(request, actor, LINKS, can_add=actor.may(Area.LINKS, Action.WRITE))


@page(Area.LINKS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make a link."""
    initial = {"offer": request.GET.get("offer"), "partner": request.GET.get("partner")}
    form = LinkForm(actor, posted(request), initial=initial)

    def save() -> tuple[str, str]:
        values = form.cleaned_data
        link = create_link(actor, values["offer"].number, values["partner"].number, values["code"] or "")
        return f"The link {link.code} is made.", reverse("console_links")

    crumbs = [("Links", reverse("console_links"))]
    return form_page(request, form, save, title="New link", submit="Make link", crumbs=crumbs)
