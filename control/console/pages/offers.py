"""Pages of offers."""

from collections.abc import Sequence

from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.figures.home import object_figures
from control.console.forms.page import form_page, posted
from control.console.forms.partners import OptionalReasonForm
from control.console.forms.program import OFFER_SECTIONS, OfferForm, initial_of_offer
from control.console.forms.when import add_when, local_text
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec, day_filters
from control.console.pages.scheduled import waiting_of
from control.errors import NotFound
from control.program.access import visible_offers
from control.program.filters import OFFER_FILTERS
from control.program.models import Offer, OfferAccess, OfferStatus, Plan, TermsState
from control.program.services import offers as services
from control.scheduled.models import ChangeKind
from control.scheduled.services import schedule_status
from control.ui.addresses import page_address
from control.ui.moments import day_text
from control.ui.states import state_text, state_tone
from control.ui.table import Cell
from schemas.values.durations import format_duration

_HISTORY_ROWS = 100
VERBS = {OfferStatus.ACTIVE: "Activate", OfferStatus.PAUSED: "Pause", OfferStatus.ARCHIVED: "Archive"}
_TEXTS = {
    OfferStatus.ACTIVE: "Links of the offer work within seconds, if a published version has it.",
    OfferStatus.PAUSED: "Links of the offer lead to the fallback page within seconds. Late conversions still count.",
    OfferStatus.ARCHIVED: "Links of the offer stop within seconds. It stays for reports and late conversions.",
}


_COLUMNS: Sequence[ListColumn[Offer]] = (
    ListColumn[Offer](
        "name", "Offer",
        lambda row: Cell(row.name, note=row.landing_url[:80], href=page_address("console_offer", row.number)),
        ("name",),
    ),
    ListColumn[Offer](
        "number", "Number", lambda row: str(row.number), ("number",), numeric=True, export=lambda row: row.number
    ),
    ListColumn[Offer](
        "status", "Status", lambda row: Cell(state_text(row.status), badge=state_tone(row.status)), ("status",)
    ),
    ListColumn[Offer](
        "published", "Version", lambda row: Cell("Live", badge="good") if row.published else "Not published"
    ),
    ListColumn[Offer]("access", "Access", lambda row: row.get_access_display(), ("access",)),
    ListColumn[Offer]("goals", "Goals", lambda row: ", ".join(goal["name"] for goal in row.goals)),
    ListColumn[Offer]("window", "Click window", lambda row: format_duration(row.click_window_us), shown=False),
    ListColumn[Offer](
        "created", "Since", lambda row: day_text(row.created), ("created",), descending_first=True
    ),
)  # fmt: skip


def _search(_actor: Actor, rows: QuerySet[Offer], text: str) -> QuerySet[Offer]:
    if text.isascii() and text.isdecimal() and len(text) < 11:
        return rows.filter(number=int(text))
    for word in text.split():
        rows = rows.filter(name__icontains=word)
    return rows


OFFERS: ListSpec[Offer] = ListSpec(
    key="offers", title="Offers", noun="offer", nouns="offers", url_name="console_offers", rows=visible_offers,
    columns=lambda _actor: _COLUMNS, order="name", search=_search, search_label="Search by name or number",
    empty=Empty(
        "No offers yet", "An offer is a page to send visitors to, with the goals that count. Make the first one.",
        "target-arrow", "New offer", "console_offer_new",
    ),
    filters=(
        Filter("status", "Status", options=lambda _: OfferStatus.choices),
        Filter("access", "Access", options=lambda _: OfferAccess.choices),
        *day_filters("created", "Made"),
    ),
    filter_set=OFFER_FILTERS,
)  # fmt: skip


def find(actor: Actor, number: int) -> Offer:
    """Return an offer. Raises NotFound."""
    offer = visible_offers(actor).filter(number=number).first()
    if offer is None:
        raise NotFound(f"there is no offer {number}")
    return offer


def _address(number: int) -> str:
    return reverse("console_offer", args=[number])


@page(Area.PROGRAM)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List offers."""
    return list_page(request, actor, OFFERS, can_add=actor.may(Area.PROGRAM, Action.WRITE))


@page(Area.PROGRAM)
def show(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Show an offer: fields, plans, history."""
    offer = find(actor, number)
    plans = Plan.objects.filter(offer=offer).exclude(state=TermsState.ENDED).select_related("partner")
    moves = [state for state in OfferStatus if state in services.TRANSITIONS[OfferStatus(offer.status)]]
    may_change = actor.may(Area.PROGRAM, Action.WRITE)
    context = {
        "offer": offer, "title": offer.name, "crumbs": [("Offers", reverse("console_offers"))],
        "facts": [
            ("Number", str(offer.number)), ("Landing page", offer.landing_url),
            ("Allowed hosts", ", ".join(offer.allowed_hosts)), ("Who may promote it", offer.get_access_display()),
            ("Goals", ", ".join(f"{goal['name']} ({goal['key']})" for goal in offer.goals)),
            ("Click window", format_duration(offer.click_window_us)),
            ("Impression window", format_duration(offer.impression_window_us)),
            ("Links", str(offer.links.aggregate(count=Count("pk"))["count"])),
            ("Description", offer.description),
        ],
        "plans": [
            {
                "title": plan_text(plan), "text": str(plan.partner or "All partners"), "end": state_text(plan.state),
                "href": page_address("console_plan", plan.pk), "icon": "receipt",
            }
            for plan in plans[:50]
        ],
        "moves": [
            {"label": VERBS[state], "href": reverse("console_offer_move", args=[number, state.value])}
            for state in moves if may_change
        ],
        "edit": reverse("console_offer_edit", args=[number]) if may_change else "",
        "add_plan": f"{reverse('console_plan_new')}?offer={number}" if may_change else "",
        "scheduled": waiting_of(actor, ChangeKind.OFFER, str(number)),
        **object_figures(actor, "offer", number),
        "items": timeline(history_of("program.offer", str(number))[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "console/offer.html", context)


def plan_text(plan: Plan) -> str:
    """Write what a plan pays: "8.5 % + 1.20 USD"."""
    from control.console.forms.program import initial_of_plan

    values = initial_of_plan(plan)
    parts = [f"{values['percent']}\u202f%" if values["percent"] else "", values["fixed"]]
    pays = " + ".join(part for part in parts if part) or "pays nothing"
    return f"{pays} for {plan.goal}" if plan.goal else pays


@page(Area.PROGRAM, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make an offer."""
    form = OfferForm(None, posted(request))

    def save() -> tuple[str, str]:
        offer = services.create_offer(actor, form.values(), form.cleaned_data["status"])
        return f"{offer.name} is made. Give it a plan, then publish.", _address(offer.number)

    return form_page(
        request, form, save, title="New offer", submit="Make offer", crumbs=[("Offers", reverse("console_offers"))],
        sections=OFFER_SECTIONS,
    )  # fmt: skip


@page(Area.PROGRAM, Action.WRITE)
def edit(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Change an offer."""
    offer = find(actor, number)
    form = OfferForm(offer, posted(request), initial=initial_of_offer(offer))

    def save() -> tuple[str, str]:
        services.change_offer(actor, number, form.values())
        return f"{offer.name} is saved.", _address(number)

    crumbs = [("Offers", reverse("console_offers")), (offer.name, _address(number))]
    return form_page(
        request, form, save, title=f"Edit {offer.name}", submit="Save", crumbs=crumbs, sections=OFFER_SECTIONS
    )


@page(Area.PROGRAM, Action.WRITE)
def move(request: HttpRequest, actor: Actor, number: int, to: str) -> HttpResponse:
    """Ask before an offer changes its state; then change it."""
    offer = find(actor, number)
    if to not in VERBS:
        raise Http404(f"there is no state {to}")
    state, form = OfferStatus(to), OptionalReasonForm(posted(request))
    add_when(form)

    def save() -> tuple[str, str]:
        if (at := form.cleaned_data["at"]) is not None:
            schedule_status(actor, ChangeKind.OFFER, str(number), to, at, form.cleaned_data["reason"])
            return f"{offer.name} is {state.label.lower()} from {local_text(at)}.", _address(number)
        services.set_offer_status(actor, number, to, form.cleaned_data["reason"])
        return f"{offer.name} is {state.label.lower()}.", _address(number)

    crumbs = [("Offers", reverse("console_offers")), (offer.name, _address(number))]
    return form_page(
        request, form, save, title=f"{VERBS[state]} {offer.name}?", text=_TEXTS[state], submit=VERBS[state],
        crumbs=crumbs, live=False, danger=state is OfferStatus.ARCHIVED,
    )  # fmt: skip


@page(Area.PROGRAM, Action.APPROVE)
def secret(request: HttpRequest, actor: Actor, number: int) -> HttpResponse:
    """Ask before an offer gets a new postback secret; then make it and show it this once."""
    offer = find(actor, number)
    crumbs = [("Offers", reverse("console_offers")), (offer.name, _address(number))]
    if request.method == "POST":
        text = services.rotate_postback_secret(actor, number)
        answer = render(request, "console/secret.html", {
            "title": f"Postback secret of {offer.name}", "text": text, "crumbs": crumbs, "back": _address(number),
        })  # fmt: skip
        answer["Cache-Control"] = "no-store"
        return answer
    context = {
        "title": f"New postback secret for {offer.name}?", "submit": "Make secret", "crumbs": crumbs,
        "text": "Postbacks with the old secret are refused within seconds.", "back": _address(number), "danger": True,
    }  # fmt: skip
    return render(request, "console/ask.html", context)
