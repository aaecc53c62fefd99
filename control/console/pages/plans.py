"""Pages of plans and coupons: drafts, which somebody publishes."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.forms.program import PLAN_SECTIONS, CouponForm, PlanForm, initial_of_plan
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec, day_filters
from control.console.pages.links import offers_to_choose
from control.console.pages.offers import plan_text
from control.errors import NotFound, Refused
from control.program.access import coupons, plans
from control.program.filters import COUPON_FILTERS, PLAN_FILTERS
from control.program.models import Coupon, Plan, TermsState
from control.program.services.terms_rows import change_plan, create_coupon, create_plan, discard, end
from control.ui.addresses import page_address
from control.ui.moments import day_text, minute_text
from control.ui.states import state_tone
from control.ui.table import Cell
from schemas.values.durations import format_duration

_HISTORY_ROWS = 50


def _state(row: Plan | Coupon) -> Cell:
    if row.ending:
        return Cell("Ends with the next version", badge="warn")
    return Cell(row.get_state_display(), badge=state_tone("pending" if row.state == TermsState.DRAFT else row.state))


_PLAN_COLUMNS: Sequence[ListColumn[Plan]] = (
    ListColumn[Plan](
        "pays", "Pays", lambda row: Cell(plan_text(row), href=page_address("console_plan", row.pk)),
        ("percent_e6", "fixed_minor"), descending_first=True,
    ),
    ListColumn[Plan]("offer", "Offer", lambda row: row.offer.name, ("offer__name",)),
    ListColumn[Plan]("partner", "Partner", lambda row: str(row.partner or "All partners"), ("partner",)),
    ListColumn[Plan]("state", "State", _state, ("state",)),
    ListColumn[Plan]("hold", "Hold", lambda row: format_duration(row.hold_us) if row.hold_us else "", ("hold_us",)),
    ListColumn[Plan]("model", "Model", lambda row: row.model, shown=False),
    ListColumn[Plan](
        "created", "Made", lambda row: day_text(row.created), ("created",), descending_first=True
    ),
)  # fmt: skip


PLANS: ListSpec[Plan] = ListSpec(
    key="plans", title="Plans", noun="plan", nouns="plans", url_name="console_plans", rows=plans,
    columns=lambda _actor: _PLAN_COLUMNS,
    text="What an offer pays. Drafts count once somebody publishes them.", order="offer",
    empty=Empty(
        "No plans yet", "Without a plan an offer pays nothing. Make an offer first, then its plan.", "receipt",
        "New plan", "console_plan_new",
    ),
    search=lambda _actor, rows, text: rows.filter(offer__name__icontains=text),
    search_label="Search by offer",
    filters=(
        Filter("state", "State", options=lambda _: TermsState.choices),
        Filter("offer", "Offer", options=offers_to_choose),
        Filter("percent_min", "Percent at least", kind="number"),
        Filter("percent_max", "Percent at most", kind="number"),
        Filter("fixed_min", "Fixed amount at least", kind="number", example="12.50 USD"),
        Filter("fixed_max", "Fixed amount at most", kind="number", example="12.50 USD"),
        *day_filters("created", "Made"),
    ),
    filter_set=PLAN_FILTERS,
)  # fmt: skip


def _coupon_columns(_actor: Actor) -> Sequence[ListColumn[Coupon]]:
    return [
        ListColumn[Coupon](
            "code", "Code", lambda row: Cell(row.code, code=True, href=page_address("console_coupon", row.pk)),
            ("key",),
        ),
        ListColumn[Coupon]("offer", "Offer", lambda row: row.offer.name, ("offer__name",)),
        ListColumn[Coupon]("partner", "Partner", lambda row: row.partner.name, ("partner__name",)),
        ListColumn[Coupon]("state", "State", _state, ("state",)),
        ListColumn[Coupon]("starts", "Starts", lambda row: _time(row.starts), ("starts",)),
        ListColumn[Coupon]("ends", "Ends", lambda row: _time(row.ends), ("ends",)),
    ]  # fmt: skip


def _time(moment: Any) -> str:
    return minute_text(moment) if moment else ""


COUPONS: ListSpec[Coupon] = ListSpec(
    key="coupons", title="Coupons", noun="coupon", nouns="coupons", url_name="console_coupons", rows=coupons,
    columns=_coupon_columns, order="code",
    empty=Empty(
        "No coupons yet", "An order that names the code of a coupon is credited to its partner, without a click.",
        "ticket", "New coupon", "console_coupon_new",
    ),
    search=lambda _actor, rows, text: rows.filter(code__icontains=text), search_label="Search by code",
    filters=(
        Filter("state", "State", options=lambda _: TermsState.choices),
        Filter("offer", "Offer", options=offers_to_choose),
        *day_filters("starts", "Starts"),
        *day_filters("ends", "Ends"),
        *day_filters("created", "Made"),
    ),
    filter_set=COUPON_FILTERS,
)  # fmt: skip


@page(Area.PROGRAM)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List plans."""
    return list_page(request, actor, PLANS, can_add=actor.may(Area.PROGRAM, Action.WRITE))


@page(Area.PROGRAM)
def coupon_index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List coupons."""
    return list_page(request, actor, COUPONS, can_add=actor.may(Area.PROGRAM, Action.WRITE))


def _crumbs(kind: str) -> list[tuple[str, str]]:
    return [("Plans", reverse("console_plans"))] if kind == "plan" else [("Coupons", reverse("console_coupons"))]


@page(Area.PROGRAM, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Draft a plan."""
    initial = {"offer": request.GET.get("offer"), "partner": request.GET.get("partner")}
    form = PlanForm(actor, posted(request), initial=initial)

    def save() -> tuple[str, str]:
        plan = create_plan(actor, form.values())
        return "The plan is a draft; it counts once it is published.", reverse("console_plan", args=[plan.pk])

    return form_page(
        request, form, save, title="New plan", submit="Save draft", crumbs=_crumbs("plan"), sections=PLAN_SECTIONS
    )


@page(Area.PROGRAM, Action.WRITE)
def edit(request: HttpRequest, actor: Actor, plan_id: UUID) -> HttpResponse:
    """Change a draft of a plan."""
    plan = _find(plans(actor), "plan", plan_id)
    form = PlanForm(actor, posted(request), initial=initial_of_plan(plan))
    address = reverse("console_plan", args=[plan.pk])

    def save() -> tuple[str, str]:
        change_plan(actor, plan.pk, form.values())
        return "The draft is saved.", address

    return form_page(
        request, form, save, title="Edit the draft", submit="Save draft",
        crumbs=[*_crumbs("plan"), (plan_text(plan), address)], sections=PLAN_SECTIONS,
    )  # fmt: skip


@page(Area.PROGRAM, Action.WRITE)
def coupon_new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Draft a coupon."""
    form = CouponForm(actor, posted(request))

    def save() -> tuple[str, str]:
        coupon = create_coupon(actor, form.cleaned_data)
        return f"{coupon.code} is a draft; it counts once it is published.", reverse("console_coupons")

    return form_page(request, form, save, title="New coupon", submit="Save draft", crumbs=_crumbs("coupon"))


def _find(rows: QuerySet[Any], noun: str, row_id: UUID) -> Any:
    row = rows.filter(pk=row_id).first()
    if row is None:
        raise NotFound(f"there is no {noun} {row_id}")
    return row


@page(Area.PROGRAM)
def show(request: HttpRequest, actor: Actor, plan_id: UUID) -> HttpResponse:
    """Show a plan; with POST, discard a draft, or let the next version end a published one."""
    plan = _find(plans(actor), "plan", plan_id)
    if request.method == "POST":
        return _changed(request, actor, Plan, plan, reverse("console_plans"))
    facts = [
        ("Offer", plan.offer.name), ("Partner", str(plan.partner or "All partners")),
        ("Goal", plan.goal or "All goals"),
        ("Hold", format_duration(plan.hold_us) if plan.hold_us else ""), ("Attribution model", plan.model),
    ]  # fmt: skip
    edit_page = reverse("console_plan_edit", args=[plan.pk])
    return render(
        request, "console/terms_row.html", _row_context(actor, plan, plan_text(plan), facts, "plan", edit_page)
    )


@page(Area.PROGRAM)
def coupon_show(request: HttpRequest, actor: Actor, coupon_id: UUID) -> HttpResponse:
    """Show a coupon; with POST, discard a draft, or let the next version end a published one."""
    coupon = _find(coupons(actor), "coupon", coupon_id)
    if request.method == "POST":
        return _changed(request, actor, Coupon, coupon, reverse("console_coupons"))
    facts = [
        ("Offer", coupon.offer.name), ("Partner", coupon.partner.name), ("Starts", _time(coupon.starts)),
        ("Ends", _time(coupon.ends)),
    ]  # fmt: skip
    return render(request, "console/terms_row.html", _row_context(actor, coupon, coupon.code, facts, "coupon", ""))


def _row_context(
    actor: Actor, row: Plan | Coupon, title: str, facts: list[tuple[str, str]], kind: str, edit_page: str
) -> dict[str, object]:
    writes, is_draft = actor.may(Area.PROGRAM, Action.WRITE), row.state == TermsState.DRAFT
    facts = [
        *facts, ("Counts from", _time(row.valid_from)), ("Counted until", _time(row.valid_to)),
        ("Published in version", str(row.published_in or "")), ("Ended in version", str(row.ended_in or "")),
    ]  # fmt: skip
    return {
        "row": row, "title": title, "facts": facts, "crumbs": _crumbs(kind), "state": _state(row),
        "edit": edit_page if writes and is_draft else "", "can_discard": writes and is_draft,
        "can_end": writes and row.state == TermsState.PUBLISHED,
        "items": timeline(history_of(f"program.{kind}", str(row.pk))[:_HISTORY_ROWS], actor),
    }  # fmt: skip


def _changed(request: HttpRequest, actor: Actor, model: Any, row: Plan | Coupon, list_address: str) -> HttpResponse:
    try:
        if request.POST.get("do") == "discard":
            discard(actor, model, row.pk)
            messages.success(request, "The draft is discarded.")
            return HttpResponseRedirect(list_address)
        ended = end(actor, model, row.pk, ending=request.POST.get("do") == "end")
        messages.success(request, "It ends with the next version." if ended.ending else "It goes on.")
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return HttpResponseRedirect(request.path)
