"""List of partners."""

from collections.abc import Callable, Sequence

from django.db.models import QuerySet

from control.accounts.actor import Actor
from control.accounts.roles import Area, Limit
from control.console.forms.partners import ManagerForm, TagForm, TierForm, reason_form
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec, Options, day_filters
from control.console.pages import partner_bulk
from control.partners.access import visible_partners
from control.partners.filters import NOBODY, PARTNER_FILTERS
from control.partners.models import Partner, PartnerType
from control.partners.selectors import possible_managers, search_partners, sees_personal_data, used_values
from control.partners.states import PartnerStatus
from control.ui.addresses import page_address
from control.ui.moments import day_text
from control.ui.states import state_text, state_tone
from control.ui.table import Cell

_UNSHOWN = (
    *("traffic_sources", "custom", "external_ids", "search"),
    *("manager__password", "manager__last_login", "manager__role", "manager__is_active", "manager__created"),
)
"""Columns that the list never shows; most are JSON or times, which take long to read."""


def _name(partner: Partner) -> Cell:
    return Cell(partner.name, note=partner.email, href=_page(partner), avatar=True)


def _name_only(partner: Partner) -> Cell:
    return Cell(partner.name, href=_page(partner), avatar=True)


def _page(partner: Partner) -> str:
    return page_address("console_partner", partner.number)


def _made_columns(*, private: bool) -> Sequence[ListColumn[Partner]]:
    status = ListColumn[Partner](
        "status", "Status", lambda row: Cell(state_text(row.status), badge=state_tone(row.status)), ("status",),
        export=lambda row: row.status,
    )  # fmt: skip
    number = ListColumn[Partner](
        "number", "Number", lambda row: str(row.number), ("number",), numeric=True, export=lambda row: row.number
    )
    shown = [
        ListColumn[Partner]("name", "Partner", _name if private else _name_only, ("name",)),
        number,
        status,
        ListColumn[Partner]("type", "Type", lambda row: row.get_type_display() if row.type else "", ("type",)),
        ListColumn[Partner]("tier", "Tier", lambda row: row.tier, ("tier",)),
        ListColumn[Partner]("country", "Country", lambda row: row.country, ("country",)),
        ListColumn[Partner](
            "manager", "Manager", lambda row: str(row.manager or ""), ("manager__name", "manager__email")
        ),
        ListColumn[Partner](
            "created", "Since", lambda row: day_text(row.created), ("created",), descending_first=True,
            export=lambda row: row.created.date().isoformat(),
        ),
        ListColumn[Partner]("group", "Group", lambda row: row.group, ("group",), shown=False),
        ListColumn[Partner]("tags", "Tags", lambda row: ", ".join(row.tags), shown=False),
        ListColumn[Partner]("kind", "Kind", lambda row: row.get_kind_display(), shown=False),
        ListColumn[Partner]("language", "Language", lambda row: row.language, ("language",), shown=False),
    ]  # fmt: skip
    hidden = [
        ListColumn[Partner]("email", "E-mail", lambda row: row.email, ("email",), shown=False),
        ListColumn[Partner]("company", "Company", lambda row: row.company, ("company",), shown=False),
        ListColumn[Partner]("website", "Website", lambda row: row.website, shown=False),
    ]
    return [*shown, *hidden] if private else shown


_COLUMNS, _IMPERSONAL_COLUMNS = _made_columns(private=True), _made_columns(private=False)


def _columns(actor: Actor) -> Sequence[ListColumn[Partner]]:
    return _COLUMNS if sees_personal_data(actor) else _IMPERSONAL_COLUMNS


def _rows(actor: Actor) -> QuerySet[Partner]:
    return visible_partners(actor).select_related("manager").defer(*_UNSHOWN)


def _search(actor: Actor, rows: QuerySet[Partner], text: str) -> QuerySet[Partner]:
    return search_partners(rows, text, personal=sees_personal_data(actor))


def _managers(actor: Actor) -> Options:
    if actor.is_limited(Area.PARTNERS, Limit.OWN):
        return ()
    return [(NOBODY, "Nobody"), *((str(user.pk), str(user)) for user in possible_managers().only("name", "email"))]


def _values_of(name: str) -> Callable[[Actor], Options]:
    """Return the options of a field whose values people make up themselves."""

    return lambda actor: [(value, value) for value in used_values(actor, name)]


FILTERS: Sequence[Filter[Partner]] = (
    Filter("status", "Status", options=lambda _: PartnerStatus.choices),
    Filter("type", "Type", options=lambda _: PartnerType.choices[1:]),
    Filter("tier", "Tier", options=_values_of("tier")),
    Filter("country", "Country", options=_values_of("country")),
    Filter("manager", "Manager", options=_managers),
    Filter("group", "Group", kind="text"),
    Filter("tags", "Tag", kind="text"),
    Filter("external_id", "External id", kind="text", is_for=sees_personal_data),
    *day_filters("created", "Added"),
)


def _state_action(key: str, label: str, done: str, to: PartnerStatus, text: str, *, danger: bool = False) -> BulkAction:
    return BulkAction(
        key, label, done, partner_bulk.to_state(to), partner_bulk.back_to_state, reason_form(to), text, danger
    )


BULK = (
    _state_action("activate", "Activate", "activated", PartnerStatus.ACTIVE, "Their links work within seconds."),
    _state_action(
        "suspend", "Suspend", "suspended", PartnerStatus.SUSPENDED,
        "Their links stop within seconds. Open commissions stay.", danger=True,
    ),
    BulkAction("tier", "Set tier", "moved to a tier", partner_bulk.set_tier, partner_bulk.reset, TierForm),
    BulkAction("tag", "Add tag", "tagged", partner_bulk.add_tag, partner_bulk.reset, TagForm),
    BulkAction(
        "manager", "Set manager", "given to a manager", partner_bulk.set_manager, partner_bulk.reset,
        ManagerForm,
    ),
)  # fmt: skip

PARTNERS = ListSpec(
    key="partners",
    title="Partners",
    noun="partner",
    nouns="partners",
    url_name="console_partners",
    rows=_rows,
    columns=_columns,
    empty=Empty(
        "No partners yet",
        "Partners send visitors through links and earn commissions. Add the first one, or take an application.",
        "users",
        "New partner",
        "console_partner_new",
    ),
    order="name",
    search=_search,
    search_label="Search by name, company, e-mail or number",
    filters=FILTERS,
    filter_set=PARTNER_FILTERS,
    bulk=BULK,
)
