"""The builder of application forms: list, settings, fields, preview, funnel."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.applications import auto_rules, forms_services
from control.applications.brand import brand_of
from control.applications.funnel import Funnel, funnel
from control.applications.models import ApplicationForm
from control.applications.pages.field_form import FieldForm, initial_of, moved, placed
from control.applications.public import drawn_form
from control.applications.selectors import form_of, rules_of, visible_forms
from control.applications.states import FormStatus, Reapply, RuleMode
from control.applications.weights import PART_TEXTS, WEIGHTS
from control.configuration import current_configuration
from control.console.access import page
from control.console.forms.base import ListField, MapField, Section
from control.console.forms.page import form_page, posted
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, ListColumn, ListSpec
from control.custom_forms.definition import FIELD_TYPES, REQUIRED_FIELDS_MAX, text_in
from control.errors import Refused
from control.partners.models import PartnerType
from control.partners.selectors import possible_managers
from control.ui.moments import day_text
from control.ui.states import state_text, state_tone
from control.ui.table import Cell

FUNNEL_DAYS = 30
_FORMS = "Application forms"


def _columns(_actor: Actor) -> Sequence[ListColumn[ApplicationForm]]:
    return [
        ListColumn[ApplicationForm](
            "name", "Form",
            lambda row: Cell(
                row.name, note=f"/apply/{row.slug}/", href=reverse("console_application_form", args=[row.pk])
            ),
            ("name",),
        ),
        ListColumn[ApplicationForm](
            "status", "State", lambda row: Cell(state_text(row.status), badge=state_tone(row.status)), ("status",)
        ),
        ListColumn[ApplicationForm]("group", "Group", lambda row: row.group, ("group",)),
        ListColumn[ApplicationForm]("manager", "Manager", lambda row: str(row.manager or "")),
        ListColumn[ApplicationForm]("created", "Made", lambda row: day_text(row.created), ("created",)),
    ]  # fmt: skip


FORMS: ListSpec[ApplicationForm] = ListSpec(
    key="application-forms", title=_FORMS, noun="form", nouns="forms", url_name="console_application_forms",
    text="Each form has a public page on which people apply.", rows=visible_forms, columns=_columns, order="name",
    search=lambda _actor, rows, text: rows.filter(name__icontains=text), search_label="Search by name",
    empty=Empty(
        "No application forms yet", "Make one, and pass its address on: people apply there to become partners.",
        "forms", "New form", "console_application_form_new",
    ),
)  # fmt: skip


class SettingsForm(forms.Form):
    """Settings of an application form."""

    name = forms.CharField(label="Name", max_length=120, help_text="Title of the page.")
    slug = forms.CharField(label="Address", max_length=60, help_text="Last part of the address, such as creators.")
    intro = forms.CharField(
        label="Text above the fields", required=False, max_length=4_000, widget=forms.Textarea({"rows": 4})
    )
    intros = MapField(label="The text in other languages", required=False, help_text="de: Text, one line a language.")
    color = forms.CharField(label="Colour", max_length=7, required=False, help_text="Such as #0F6CBD.")
    group = forms.CharField(label="Group", max_length=80, required=False, help_text="Group of the new partners.")
    partner_type = forms.ChoiceField(label="Type", choices=PartnerType.choices, required=False)
    manager = forms.ChoiceField(
        label="Manager", required=False, help_text="Gets the applications, and manages the new partners."
    )
    contract_template = forms.CharField(
        label="Contract template", max_length=60, required=False,
        help_text="Code of the contract that a new partner is sent.",
    )  # fmt: skip
    verify_email = forms.BooleanField(label="Applicants confirm their mail address", required=False)
    sla_h = forms.IntegerField(label="Decide within", min_value=1, max_value=2_000, help_text="Hours of business time.")
    reapply = forms.ChoiceField(label="Apply again after a rejection", choices=Reapply.choices)
    reapply_days = forms.IntegerField(label="Days", min_value=1, max_value=3_650)
    referral_allowed = forms.BooleanField(label="Partners may pass the form on with ?ref=NUMBER", required=False)
    countries = ListField(label="Wanted countries", required=False, help_text="Codes with commas, such as DE, AT.")
    words = ListField(
        label="Words on a fitting site", required=False,
        help_text="With commas. Topics that the applicant names count instead, if a field asks for them.",
    )  # fmt: skip
    weights = MapField(
        label="Points that differ", required=False,
        help_text="A line for each part, such as site_answers: 20. Parts: "
        + ", ".join(f"{name} {points:+d}" for name, points in WEIGHTS.items()),
    )  # fmt: skip
    embed_hosts = ListField(
        label="Hosts that may show the form in a frame", required=False, help_text="Such as www.example.com."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["manager"].choices = [  # type: ignore[attr-defined]
            ("", "Nobody"), *((str(user.pk), str(user)) for user in possible_managers())
        ]  # fmt: skip

    def clean_weights(self) -> dict[str, int]:
        """Read the points. Raises ValidationError."""
        try:
            return {name: int(points) for name, points in self.cleaned_data["weights"].items()}
        except ValueError:
            raise forms.ValidationError("write a whole number for each part, such as site_answers: 20") from None

    def values(self) -> dict[str, Any]:
        """Return the settings as the service takes them."""
        own = dict(self.cleaned_data)
        texts, english = own.pop("intros"), own.pop("intro")
        own["intro"] = {**texts, **({"en": english} if english else {})}
        own["manager"] = own["manager"] or None
        return own


_SECTIONS = (
    Section("Page", ("name", "slug", "intro", "intros", "color", "embed_hosts")),
    Section("New partners", ("group", "partner_type", "manager", "contract_template")),
    Section("Decisions", ("verify_email", "sla_h", "reapply", "reapply_days", "referral_allowed")),
    Section("Score", ("countries", "words", "weights"), f"Parts: {'; '.join(PART_TEXTS.values())}."),
)  # fmt: skip


def _initial(form: ApplicationForm) -> dict[str, Any]:
    same = set(SettingsForm.base_fields) - {"intro", "intros", "manager"}
    return {
        **{name: getattr(form, name) for name in same}, "intro": form.intro.get("en", ""),
        "intros": {name: text for name, text in form.intro.items() if name != "en"},
        "manager": str(form.manager_id or ""),
    }  # fmt: skip


def form_crumbs(form: ApplicationForm | None = None) -> list[tuple[str, str]]:
    """Return the way to a form."""
    crumbs = [("Applications", reverse("console_applications")), (_FORMS, reverse("console_application_forms"))]
    return crumbs if form is None else [*crumbs, (form.name, form_address(form))]


def form_address(form: ApplicationForm) -> str:
    """Return the page of a form in the console."""
    return reverse("console_application_form", args=[form.pk])


@page(Area.PARTNERS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List application forms."""
    can_add = actor.may(Area.PARTNERS, Action.WRITE)
    return list_page(request, actor, FORMS, can_add=can_add, crumbs=form_crumbs()[:1])


@page(Area.PARTNERS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Add a form."""
    form = SettingsForm(posted(request), initial=_initial(ApplicationForm()))

    def save() -> tuple[str, str]:
        made = forms_services.create_application_form(actor, form.values())
        return "The form is stored as a draft. Add its fields, then publish it.", form_address(made)

    return form_page(
        request, form, save, title="New application form", submit="Make form", crumbs=form_crumbs(), sections=_SECTIONS
    )


@page(Area.PARTNERS, Action.WRITE)
def edit(request: HttpRequest, actor: Actor, form_id: UUID) -> HttpResponse:
    """Change the settings of a form. They count at once."""
    row = form_of(actor, form_id)
    form = SettingsForm(posted(request), initial=_initial(row))

    def save() -> tuple[str, str]:
        forms_services.change_application_form(actor, form_id, form.values())
        return "The settings are saved.", form_address(row)

    return form_page(
        request, form, save, title="Settings of the form", submit="Save", crumbs=form_crumbs(row), sections=_SECTIONS
    )


@page(Area.PARTNERS)
def show(request: HttpRequest, actor: Actor, form_id: UUID) -> HttpResponse:
    """Show a form: its address, how many people came how far, its fields, its rules; with POST, change it."""
    form = form_of(actor, form_id)
    if request.method == "POST":
        return _posted(request, actor, form)
    definition, newest = form.fields.definition, form.fields.newest()
    required = 2 + sum(field.required for field in definition.fields)
    base_url = current_configuration().settings.web.url or request.build_absolute_uri("/").rstrip("/")
    context = {
        "title": form.name, "form": form, "crumbs": form_crumbs(), "address": f"{base_url}/apply/{form.slug}/",
        "is_published": form.status == FormStatus.PUBLISHED, "may_change": actor.may(Area.PARTNERS, Action.WRITE),
        "version": newest, "has_changes": newest is None or newest.content != form.fields.draft,
        "fields": [
            {
                "key": field.key, "label": field.label_in("en"), "type": FIELD_TYPES[field.type],
                "required": field.required, "is_first": position == 0,
                "is_last": position == len(definition.fields) - 1, "more": _more(field),
            }
            for position, field in enumerate(definition.fields)
        ],
        "required": required, "required_max": REQUIRED_FIELDS_MAX,
        "funnel": _funnel_rows(funnel(form, FUNNEL_DAYS)), "days": FUNNEL_DAYS,
        "rules": [
            {
                "title": rule.name, "text": auto_rules.sentence(rule),
                "end": "On" if rule.mode == RuleMode.ON else "Off",
                "href": reverse("console_application_rule", args=[rule.pk]),
            }
            for rule in rules_of(actor, form_id)
        ],
        "may_add_rule": actor.may(Area.PARTNERS, Action.APPROVE),
    }  # fmt: skip
    return render(request, "applications/console/form.html", context)


def _more(field: Any) -> str:
    parts = [f"fills {field.fills}" if field.fills else "", "gives points" if field.score else ""]
    if field.visible_if is not None:
        parts.append(f"shown if {field.visible_if.text()}")
    return ", ".join(part for part in parts if part)


def _funnel_rows(found: Funnel) -> list[tuple[str, int, str]]:
    """Return each step with its number and its share of the step before."""
    steps = [
        ("Visited", found.visited), ("Started", found.started), ("Sent", found.submitted),
        ("Address verified", found.verified), ("Decided", found.decided), ("Approved", found.approved),
    ]  # fmt: skip
    before = [0, *(number for _, number in steps)]
    return [
        (name, number, f"{round(100 * number / last)} %" if last else "")
        for (name, number), last in zip(steps, before, strict=False)
    ]


@page(Area.PARTNERS, Action.WRITE)
def field_new(request: HttpRequest, actor: Actor, form_id: UUID) -> HttpResponse:
    """Add a field."""
    return _field_page(request, actor, form_of(actor, form_id), "")


@page(Area.PARTNERS, Action.WRITE)
def field_edit(request: HttpRequest, actor: Actor, form_id: UUID, key: str) -> HttpResponse:
    """Change a field."""
    form = form_of(actor, form_id)
    if form.fields.definition.field(key) is None:
        raise Http404("there is no such field")
    return _field_page(request, actor, form, key)


def _field_page(request: HttpRequest, actor: Actor, row: ApplicationForm, key: str) -> HttpResponse:
    definition = row.fields.definition
    field = definition.field(key)
    keys = [own.key for own in definition.fields]
    place = keys.index(key) if field is not None else len(keys)
    form = FieldForm(
        posted(request), initial=initial_of(field) if field is not None else {}, before=definition.fields[:place]
    )
    # A mistake in the definition names its place, as in fields.2.options.
    form.row_fields = {f"fields.{place}.{name}": name for name in form.fields}  # type: ignore[attr-defined]
    form.row_fields |= {f"fields.{place}.visible_if": "shown_if"}  # type: ignore[attr-defined]

    def save() -> tuple[str, str]:
        content = placed(definition, form.definition(), key)
        forms_services.change_application_form(actor, row.pk, {}, content)
        return "The field is stored. People see it when the form is published.", form_address(row)

    sections = (
        Section("Question", ("key", "type", "label", "help", "required", "options", "fills")),
        Section("Limits, languages, conditions and points",
                ("labels", "helps", "min", "max", "pattern", "shown_if", "shown_values", "score"), folded=True),
    )  # fmt: skip
    title = "New field" if field is None else f"Field {key}"
    return form_page(
        request, form, save, title=title, submit="Store field", crumbs=form_crumbs(row), sections=sections, live=True
    )


def _posted(request: HttpRequest, actor: Actor, form: ApplicationForm) -> HttpResponse:
    """Publish or close a form, or move or remove one of its fields. Raises Forbidden."""
    actor.require(Area.PARTNERS, Action.WRITE)
    form_id, what, key = form.pk, request.POST.get("act", ""), request.POST.get("key", "")
    try:
        if what == "publish":
            version = forms_services.publish_fields(actor, form_id)
            messages.success(request, f"Version {version.number} is published.")
        elif what == "close":
            forms_services.close_form(actor, form_id)
            messages.success(request, "The form takes no more applications.")
        elif what in _STEPS:
            content = moved(form.fields.definition, key, _STEPS[what])
            forms_services.change_application_form(actor, form_id, {}, content)
        else:
            raise Http404("there is no such action")
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return HttpResponseRedirect(form_address(form))


_STEPS = {"up": -1, "down": 1, "remove": 0}


@page(Area.PARTNERS)
def preview(request: HttpRequest, actor: Actor, form_id: UUID) -> HttpResponse:
    """Show the draft as applicants will see it. Nothing can be sent from here."""
    form = form_of(actor, form_id)
    drawn = drawn_form(form.fields.definition, "en")()
    context = {
        "title": form.name, "brand": brand_of(form), "intro": text_in(form.intro, "en"), "form": drawn,
        "back": form_address(form),
    }  # fmt: skip
    return render(request, "applications/console/preview.html", context)
