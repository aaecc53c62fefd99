"""Pages of a partner's links: the list, one link with its QR code, a new one, many at once."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.figures.filters import today
from control.console.figures.period import preset
from control.console.figures.sums import figure_of
from control.console.forms.base import add_refusal, check_answer, is_check
from control.console.forms.page import posted
from control.engine.answers import Filters, report
from control.errors import NotFound, Refused
from control.portal.access import portal_page
from control.portal.figures import asking
from control.portal.forms import BulkLinkForm, LinkForm
from control.portal.links import link_address, promotable_offers, qr_svg
from control.portal.paging import page_of
from control.program.access import visible_links
from control.program.codes import codes_beginning_with
from control.program.models import Link, LinkStatus
from control.program.services.links import create_link, create_links, set_link_status
from control.ui.moments import day_text
from control.ui.table import Cell, Column, Row, Table

_FIGURE_DAYS = "30d"
_MADE_SHOWN_MAX = 200


@portal_page(Area.LINKS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the links with their figures of the last 30 days."""
    query = " ".join(request.GET.get("q", "").replace("\0", "").split())[:200]
    status = request.GET.get("status", "") if request.GET.get("status") in LinkStatus.values else ""
    rows, page = page_of(request, _matching(actor, query, status))
    figures = asking(lambda: _figures(actor, [link.code for link in rows])).answer or {}
    context = {
        "table": _table(rows, figures), "page": page, "is_filtered": bool(query or status),
        "may_write": actor.may(Area.LINKS, Action.WRITE),
        "selects": [
            {
                "name": "status", "label": _("Any status"), "value": status,
                "options": [("active", _("Active")), ("inactive", _("Paused"))],
            }
        ],
    }  # fmt: skip
    return render(request, "portal/links.html", context)


def _matching(actor: Actor, query: str, status: str) -> QuerySet[Link]:
    rows = visible_links(actor).select_related("offer").order_by("-created", "-id")
    if query:
        rows = rows.filter(
            codes_beginning_with(query) | Q(offer__name__icontains=query) | Q(landing_url__icontains=query)
        )
    return rows.filter(status=status) if status else rows


def _figures(actor: Actor, codes: list[str]) -> dict[str, tuple[str, str]]:
    """Return clicks and earnings by code."""
    if not codes:
        return {}
    period = preset(_FIGURE_DAYS, today())
    only = Filters(period.from_, period.to, (actor.partner or 0,), values={"link": tuple(codes)})
    found = report(actor, "kpi", ["link"], only)
    rows = [row for row in found.rows if row["currency"] == found.currency]
    return {str(row["link"]): (figure_of(row, "clicks"), figure_of(row, "payout")) for row in rows}


def _table(rows: list[Link], figures: dict[str, tuple[str, str]]) -> Table:
    heads = [
        Column(_("Link")), Column(_("Offer")), Column(_("Clicks, 30 days"), numeric=True),
        Column(_("Earned, 30 days"), numeric=True), Column(_("Status")),
    ]  # fmt: skip
    body = []
    for link in rows:
        clicks, earned = figures.get(link.code, ("0", "–"))
        note = link.landing_url or ", ".join(link.ordered_subs().values())
        head = Cell(link.code, note=note[:80], href=reverse("portal_link", args=[link.code]))
        body.append(Row([head, link.offer.name, clicks, earned, status_cell(link)]))
    return Table(_("Links"), heads, body)


def status_cell(link: Link) -> Cell:
    """Return the badge of a link's state."""
    is_active = link.status == LinkStatus.ACTIVE
    return Cell(_("Active") if is_active else _("Paused"), badge="good" if is_active else "neutral")


def _find(actor: Actor, code: str, action: Action = Action.READ) -> Link:
    link = visible_links(actor, action).select_related("offer").filter(code=code).first()
    if link is None:
        raise NotFound(f"there is no link {code}")
    return link


@portal_page(Area.LINKS)
def show(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    """Show a link to copy, its QR code and its figures; with POST, pause it or let it count again."""
    link = _find(actor, code)
    if request.method == "POST":
        return _switch(request, actor, code)
    address = link_address(link.code)
    clicks, earned = (asking(lambda: _figures(actor, [link.code])).answer or {}).get(link.code, ("0", "–"))
    context = {
        "link": link, "address": address, "qr": qr_svg(address, _("QR code of the link")), "status": status_cell(link),
        "is_new": "new" in request.GET, "may_write": actor.may(Area.LINKS, Action.WRITE),
        "is_active": link.status == LinkStatus.ACTIVE,
        "facts": [
            (_("Offer"), link.offer.name), (_("Page"), link.landing_url or _("the page of the offer")),
            *((_("Sub %(number)s") % {"number": name[3:]}, value) for name, value in link.ordered_subs().items()),
            (_("Made"), day_text(link.created)),
            (_("Clicks, 30 days"), clicks), (_("Earned, 30 days"), earned),
        ],
    }  # fmt: skip
    return render(request, "portal/link.html", context)


def _switch(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    _find(actor, code, Action.WRITE)
    to = request.POST.get("status", "")
    try:
        set_link_status(actor, code, to)
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    else:
        paused = to == LinkStatus.INACTIVE
        messages.success(request, _("The link is paused.") if paused else _("The link counts again."))
    return HttpResponseRedirect(reverse("portal_link", args=[code]))


@portal_page(Area.LINKS)
def qr(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    """Send the QR code of a link as a file."""
    link = _find(actor, code)
    svg = qr_svg(link_address(link.code), link.code)
    answer = HttpResponse(svg, content_type="image/svg+xml")
    answer["Content-Disposition"] = f'attachment; filename="{link.code}.svg"'
    return answer


@portal_page(Area.LINKS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make a link: choose an offer; page, name and subs only if wanted."""
    form = LinkForm(promotable_offers(actor), posted(request), initial={"offer": request.GET.get("offer")})

    def save() -> str:
        values = form.cleaned_data
        link = create_link(
            actor, values["offer"].number, actor.partner or 0, values["code"] or "",
            landing_url=values["landing_url"], subs=form.subs(),
        )  # fmt: skip
        return f"{reverse('portal_link', args=[link.code])}?new=1"

    return _form_page(request, form, save, "portal/link_new.html")


@portal_page(Area.LINKS, Action.WRITE)
def bulk(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make a link for each of several pages, and show them all to copy."""
    form = BulkLinkForm(promotable_offers(actor), posted(request), initial={"offer": request.GET.get("offer")})

    def save() -> str:
        values = form.cleaned_data
        subs = {"sub1": values["sub1"]} if values["sub1"] else {}
        common = {"offer": values["offer"].number, "partner": actor.partner, "subs": subs}
        made = create_links(actor, [{**common, "landing_url": page} for page in values["pages"]])
        text = ngettext("%(count)d link is made.", "%(count)d links are made.", len(made)) % {"count": len(made)}
        messages.success(request, text)
        return f"{reverse('portal_links_made')}?{'&'.join(f'code={link.code}' for link in made)}"

    return _form_page(request, form, save, "portal/link_bulk.html")


@portal_page(Area.LINKS)
def made(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the addresses of some links, one in each line, to copy them at once."""
    codes = request.GET.getlist("code")[:_MADE_SHOWN_MAX]
    rows = visible_links(actor).filter(code__in=codes).order_by("id")
    return render(request, "portal/links_made.html", {"addresses": [link_address(row.code) for row in rows]})


def _form_page(request: HttpRequest, form: forms.Form, save: Callable[[], str], template: str) -> HttpResponse:
    """Show a form, check it while somebody fills it in, and save it."""
    if is_check(request):
        return check_answer(request, form)
    if request.method == "POST" and form.is_valid():
        try:
            return HttpResponseRedirect(save())
        except Refused as error:
            add_refusal(form, error)
    chosen: Any = form.fields["offer"]
    return render(request, template, {"form": form, "has_offers": chosen.queryset.exists()})
