"""Pages of links."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.forms.program import LINK_SECTIONS, LinkEditForm, LinkForm
from control.console.forms.when import WhenForm
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec, Options, day_filters
from control.errors import Conflict, NotFound
from control.imports.fields import show_subs
from control.program.access import visible_links, visible_offers
from control.program.codes import codes_beginning_with
from control.program.filters import LINK_FILTERS
from control.program.models import Link, LinkStatus
from control.program.services.links import change_link, create_link, set_link_status
from control.scheduled.models import ChangeKind
from control.scheduled.services import cancel_change, schedule_status
from control.ui.addresses import page_address
from control.ui.moments import day_text
from control.ui.states import state_tone
from control.ui.table import Cell

_HISTORY_ROWS = 100
OFFERS_MAX = 500
"""Most offers in the choice of a filter or form."""


def _subs_text(link: Link) -> str:
    return ", ".join(f"{name}: {value}" for name, value in link.ordered_subs().items())


_COLUMNS: Sequence[ListColumn[Link]] = (
    ListColumn[Link](
        "code", "Code",
        lambda row: Cell(
            row.code, note=row.landing_url[:80], href=page_address("console_link", row.code)
        ),
        ("code",),
    ),
    ListColumn[Link](
        "offer", "Offer", lambda row: Cell(row.offer.name, href=page_address("console_offer", row.offer_id)),
        ("offer",),
    ),
    ListColumn[Link](
        "partner", "Partner",
        lambda row: Cell(row.partner.name, href=page_address("console_partner", row.partner_id)), ("partner",),
    ),
    ListColumn[Link](
        "status", "Status", lambda row: Cell(row.get_status_display(), badge=state_tone(row.status)), ("status",)
    ),
    ListColumn[Link](
        "created", "Since", lambda row: day_text(row.created), ("id",), descending_first=True
    ),
    ListColumn[Link]("landing_url", "Landing page", lambda row: row.landing_url, shown=False),
    ListColumn[Link]("subs", "Subs", _subs_text, shown=False, export=lambda row: show_subs(row.subs)),
)  # fmt: skip


def _rows(actor: Actor) -> QuerySet[Link]:
    rows = visible_links(actor).select_related("offer", "partner")
    return rows.only("code", "status", "landing_url", "subs", "created", "offer__name", "partner__name")


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
        rows=_rows, columns=lambda _actor: _COLUMNS, order="-created",
        search=_search, search_label="Search by code or number of the partner",
        empty=Empty(
            "No links yet", "A link leads visitors of one partner to one offer.", "link", "New link", "console_link_new"
        ),
        filters=(
            Filter("status", "Status", options=lambda _: LinkStatus.choices),
            Filter(
                "landing_page", "Landing page", options=lambda _: [("own", "Its own"), ("offer", "The offer's")]
            ),
            Filter("offer", "Offer", options=offers_to_choose),
            *day_filters("created", "Made"),
        ),
        filter_set=LINK_FILTERS,
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
        link = create_link(
            actor, values["offer"].number, values["partner"].number, values["code"] or "",
            landing_url=values["landing_url"] or "", subs=values["subs"],
        )  # fmt: skip
        return f"The link {link.code} is made.", reverse("console_links")

    crumbs = [("Links", reverse("console_links"))]
    return form_page(request, form, save, title="New link", submit="Make link", crumbs=crumbs, sections=LINK_SECTIONS)


def _find(actor: Actor, code: str, action: Action = Action.READ) -> Link:
    link = visible_links(actor, action).select_related("offer", "partner").filter(code=code).first()
    if link is None:
        raise NotFound(f"there is no link {code}")
    return link


@page(Area.LINKS)
def show(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    """Show a link: where it leads, its subs, its history."""
    link = _find(actor, code)
    own = link.landing_url
    context = {
        "link": link, "title": link.code, "crumbs": [("Links", reverse("console_links"))],
        "facts": [
            ("Offer", link.offer.name), ("Partner", link.partner.name),
            ("Landing page", own or f"{link.offer.landing_url} (the offer's)"),
            ("Made", day_text(link.created)),
        ],
        "subs": list(link.ordered_subs().items()),
        "edit": reverse("console_link_edit", args=[code]) if actor.may(Area.LINKS, Action.WRITE) else "",
        "items": timeline(history_of("program.link", str(link.pk))[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "console/link.html", context)


@page(Area.LINKS, Action.WRITE)
def edit(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    """Change the landing page, the subs or the status of a link."""
    link = _find(actor, code, Action.WRITE)
    address = reverse("console_link", args=[code])
    initial = {"landing_url": link.landing_url, "subs": link.ordered_subs(), "status": link.status}
    form = LinkEditForm(link, posted(request), initial=initial)

    def save() -> tuple[str, str]:
        values = form.cleaned_data
        change_link(actor, code, {**values, "landing_url": values["landing_url"] or ""})
        return f"The link {code} is saved. It counts within seconds.", address

    crumbs = [("Links", reverse("console_links")), (code, address)]
    return form_page(request, form, save, title=f"Edit {code}", submit="Save", crumbs=crumbs)
