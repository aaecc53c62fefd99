"""Pages of territories: list with conflicts, editor, and who owns a customer."""

from collections.abc import Sequence
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, ListColumn, ListSpec
from control.partners.access import sees_all
from control.territories.forms import SECTIONS, PointForm, TerritoryForm, initial_of
from control.territories.matching import POINT_FIELDS, RULES, Point
from control.territories.models import Territory
from control.territories.selectors import conflicts, territories_at, territory_of, visible_territories
from control.territories.services import as_owners, change_territory, create_territory
from control.ui.addresses import page_address
from control.ui.moments import day_text
from control.ui.table import Cell

_HISTORY_ROWS = 20
_VALUES_SHOWN = 4
_CONFLICTS_SHOWN = 10


def rules_text(row: Territory) -> str:
    """Write the rules of a territory in one line."""
    if row.catch_all:
        return "Everything that is left"
    parts = [_some(row.rules[name]) for name in RULES if row.rules.get(name)]
    return "; ".join(parts) or "Everything"


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _VALUES_SHOWN
    return ", ".join(texts[:_VALUES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _owners(row: Territory) -> str:
    return _some([owner.partner.name for owner in row.owners.all()])


def _columns(_actor: Actor) -> Sequence[ListColumn[Territory]]:
    return [
        ListColumn[Territory](
            "name", "Territory", lambda row: Cell(row.name, href=page_address("console_territory", str(row.pk))),
            ("name",),
        ),
        ListColumn[Territory]("rank", "Rank", lambda row: str(row.rank), ("catch_all", "rank"), numeric=True),
        ListColumn[Territory]("rules", "Rules", rules_text),
        ListColumn[Territory]("owners", "Owners", _owners),
        ListColumn[Territory]("starts", "Starts", lambda row: day_text(row.starts) if row.starts else "", ("starts",)),
        ListColumn[Territory]("ends", "Ends", lambda row: day_text(row.ends) if row.ends else "", ("ends",)),
    ]  # fmt: skip


TERRITORIES: ListSpec[Territory] = ListSpec(
    key="territories", title="Territories", noun="territory", nouns="territories", url_name="console_territories",
    rows=visible_territories, columns=_columns, order="rank",
    text="Which partners own which customers. Leads go to the owners first.",
    empty=Empty(
        "No territories yet", "A territory says which customers belong to which partners.", "location",
        "New territory", "console_territory_new",
    ),
    search=lambda _actor, rows, text: rows.filter(name__icontains=text), search_label="Search by name",
)  # fmt: skip


def _may_write(actor: Actor) -> bool:
    return actor.may(Area.PARTNERS, Action.WRITE) and sees_all(actor, Area.PARTNERS)


@page(Area.PARTNERS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List territories, with the conflicts among them."""
    found = conflicts(actor, timezone.now())
    return list_page(
        request, actor, TERRITORIES, can_add=_may_write(actor), above="console/territory_conflicts.html",
        conflicts=[
            {
                "first": one.first, "second": one.second, "point": point_text(one.overlap.point),
                "since": one.overlap.since,
            }
            for one in found[:_CONFLICTS_SHOWN]
        ],
        conflicts_more=max(0, len(found) - _CONFLICTS_SHOWN),
        actions=[("Who owns this customer?", reverse("console_territory_test"), "search")],
    )  # fmt: skip


def point_text(point: Point) -> str:
    """Write a customer in one line."""
    return ", ".join(value for name in POINT_FIELDS if (value := getattr(point, name))) or "every customer"


def _crumbs() -> list[tuple[str, str]]:
    return [("Territories", reverse("console_territories"))]


@page(Area.PARTNERS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add a territory."""
    form = TerritoryForm(actor, posted(request))

    def save() -> tuple[str, str]:
        row = create_territory(actor, form.values(), as_owners(form.cleaned_data["owners"]))
        return f"{row} is stored.", reverse("console_territories")

    return form_page(
        request, form, save, title="New territory", submit="Add territory", crumbs=_crumbs(), sections=SECTIONS
    )


@page(Area.PARTNERS, Action.WRITE)
def edit(request: HttpRequest, actor: Actor, territory_id: UUID) -> HttpResponse:
    """Show and change a territory."""
    row = territory_of(actor, territory_id)
    form = TerritoryForm(actor, posted(request), initial=initial_of(row))

    def save() -> tuple[str, str]:
        weights = {owner.partner_id: owner.weight for owner in row.owners.all()}
        owners = {number: weights.get(number, 1) for number in form.cleaned_data["owners"]}
        change_territory(actor, row.pk, form.values(), owners)
        return f"{form.cleaned_data['name']} is stored.", reverse("console_territories")

    return form_page(
        request, form, save, title=row.name, submit="Save", crumbs=_crumbs(), sections=SECTIONS,
        items=timeline(history_of("territories.territory", str(row.pk))[:_HISTORY_ROWS], actor),
    )  # fmt: skip


@page(Area.PARTNERS)
def test(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Say which territories match a customer, the one that owns it first."""
    is_asked = any(request.GET.get(name) for name in POINT_FIELDS)
    form = PointForm(request.GET if is_asked else None)
    found = []
    if is_asked and form.is_valid():
        visible = {row.pk: row for row in visible_territories(actor)}
        found = [visible[row.pk] for row in territories_at(form.point(), timezone.now()) if row.pk in visible]
    items = [
        {
            "title": row.name, "text": f"Rank {row.rank}: {rules_text(row)}", "end": _owners(row) or "Nobody",
            "icon": "circle-check" if position == 0 else "point", "href": _edit_address(actor, row),
        }
        for position, row in enumerate(found)
    ]  # fmt: skip
    context = {"form": form, "items": items, "is_asked": is_asked, "crumbs": _crumbs()}
    return render(request, "console/territory_test.html", context)


def _edit_address(actor: Actor, row: Territory) -> str:
    return page_address("console_territory", str(row.pk)) if actor.may(Area.PARTNERS, Action.WRITE) else ""
