"""The queue of applications: list, page of one, decisions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.timesince import timesince, timeuntil

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area, Limit
from control.applications import deciding
from control.applications.models import Application
from control.applications.pages.decision_forms import ApproveForm, AskForm, AssignForm, NoteForm, RejectForm
from control.applications.pages.shown import answer_rows, duplicate_table, fact_rows, note_rows, part_table
from control.applications.selectors import application_of, sees_applications, visible_applications, visible_forms
from control.applications.states import TRANSITIONS, WAITING, ApplicationStatus
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec, Options
from control.errors import Forbidden
from control.files.models import StoredFile
from control.files.store import read_chunks
from control.partners.selectors import possible_managers
from control.ui.moments import day_text
from control.ui.states import state_text, state_tone
from control.ui.table import Cell, Tone

_HISTORY_ROWS = 30
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_PERSONAL = "your role does not see personal data, and applications consist of it"
_S = ApplicationStatus


def _due(row: Application) -> Cell | str:
    if row.status == _S.NEEDS_INFO:
        return Cell("Paused", note="waits for the applicant")
    if row.due is None:
        return ""
    now = timezone.now()
    if row.due < now:
        return Cell(f"{timesince(row.due, now)} late", badge="bad")
    return f"in {timeuntil(row.due, now)}"


def _score(row: Application) -> Cell | str:
    return Cell(str(row.score), badge=score_tone(row.score)) if row.score is not None else ""


def score_tone(score: int | None) -> Tone:
    """Return the tone of a score."""
    if score is None:
        return "neutral"
    return "good" if score >= 70 else "warn" if score >= 40 else "bad"


def _age(row: Application) -> str:
    return timesince(row.started or row.submitted, timezone.now())


def _duplicates(row: Application) -> str:
    return ", ".join(f"{entry['of']} {entry['name']}" for entry in row.duplicates[:2])


def _columns(_actor: Actor) -> Sequence[ListColumn[Application]]:
    return [
        ListColumn[Application](
            "name", "Applicant",
            lambda row: Cell(
                row.name, note=row.email, href=reverse("console_application", args=[row.pk]), avatar=True
            ),
            ("name",),
        ),
        ListColumn[Application](
            "score", "Score", _score, ("score",), numeric=True, descending_first=True,
            export=lambda row: row.score if row.score is not None else "",
        ),
        ListColumn[Application](
            "status", "State", lambda row: Cell(state_text(row.status), badge=state_tone(row.status)), ("status",),
            export=lambda row: row.status,
        ),
        ListColumn[Application](
            "due", "Due", _due, ("urgency",), export=lambda row: row.due.isoformat() if row.due is not None else ""
        ),
        ListColumn[Application](
            "submitted", "Age", _age, ("-submitted",), export=lambda row: row.submitted.isoformat()
        ),
        ListColumn[Application]("country", "Country", lambda row: row.country, ("country",)),
        ListColumn[Application]("duplicates", "May be the same as", _duplicates),
        ListColumn[Application]("form", "Form", lambda row: row.form.name, ("form__name",)),
        ListColumn[Application]("website", "Website", lambda row: row.website, shown=False),
        ListColumn[Application]("company", "Company", lambda row: row.company, ("company",), shown=False),
        ListColumn[Application]("assigned", "Assigned to", lambda row: str(row.assigned or ""), shown=False),
        ListColumn[Application](
            "referred", "Referred by", lambda row: str(row.referred_by or ""), ("referred_by__name",), shown=False
        ),
        ListColumn[Application](
            "decided", "Decided", lambda row: day_text(row.decided) if row.decided else "", ("decided",), shown=False
        ),
        ListColumn[Application]("by", "Decided by", lambda row: row.rule or row.decided_by, shown=False),
    ]  # fmt: skip


def _rows(actor: Actor) -> QuerySet[Application]:
    if not sees_applications(actor):
        raise Forbidden(_PERSONAL)
    # Databases differ in where they put rows without a due time.
    return visible_applications(actor).annotate(urgency=Coalesce("due", Value(_NEVER)))


def _search(_actor: Actor, rows: QuerySet[Application], text: str) -> QuerySet[Application]:
    for word in text.split():
        rows = rows.filter(name__icontains=word) | rows.filter(email__icontains=word) | rows.filter(
            company__icontains=word
        )  # fmt: skip
    return rows


def _states(_actor: Actor) -> Options:
    return [("waiting", "Waiting for a decision"), *_S.choices]


def _in_state(rows: QuerySet[Application], state: str) -> QuerySet[Application]:
    return rows.filter(status__in=WAITING) if state == "waiting" else rows.filter(status=state)


def _forms(actor: Actor) -> Options:
    return [(str(form.pk), form.name) for form in visible_forms(actor)]


def _approve_one(actor: Actor, row_id: str, _values: Mapping[str, Any]) -> Mapping[str, Any]:
    deciding.approve(actor, UUID(row_id))
    return {}


def _reject_one(actor: Actor, row_id: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
    text, note = values.get("reason_text", ""), values.get("note", "")
    deciding.reject(actor, UUID(row_id), values["reason"], text, note=note)
    return {}


APPLICATIONS: ListSpec[Application] = ListSpec(
    key="applications", title="Applications", noun="application", nouns="applications",
    url_name="console_applications", rows=_rows, columns=_columns, order="due",
    text="People who want to become partners, the most urgent first.",
    search=_search, search_label="Search by name, e-mail or company",
    empty=Empty(
        "No applications",
        "They appear here when people send an application form. Publish one, and pass its address on.",
        "user-plus", "Application forms", "console_application_forms",
    ),
    filters=(
        Filter("status", "State", _in_state, _states),
        Filter("form", "Form", lambda rows, value: rows.filter(form=UUID(value)), _forms),
        Filter("country", "Country", lambda rows, value: rows.filter(country=value.upper()), kind="text"),
    ),
    bulk=(
        BulkAction(
            "approve", "Approve", "approved", _approve_one, action=Action.APPROVE,
            text="Each becomes a partner and gets a mail with an invitation. This cannot be undone.",
        ),
        BulkAction(
            "reject", "Reject", "rejected", _reject_one, form=RejectForm, action=Action.APPROVE, danger=True,
            text="Each gets a mail with the reason. This cannot be undone.",
        ),
    ),
)  # fmt: skip


@page(Area.PARTNERS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List applications."""
    if not sees_applications(actor):
        raise Forbidden(_PERSONAL)
    actions = [("Application forms", reverse("console_application_forms"), "forms")]
    return list_page(request, actor, APPLICATIONS, actions=actions)


@page(Area.PARTNERS)
def show(request: HttpRequest, actor: Actor, application_id: UUID) -> HttpResponse:
    """Show an application: what to do, answers, score with evidence, duplicates, history."""
    application = _one(actor, application_id)
    allowed = TRANSITIONS[_S(application.status)]
    may_decide = actor.may(Area.PARTNERS, Action.APPROVE)
    context = {
        "title": application.name, "application": application,
        "crumbs": [("Applications", reverse("console_applications"))],
        "acts": [
            (label, _act_address(application, act), kind)
            for act, (label, to, kind) in _BUTTONS.items() if may_decide and to in allowed
        ],
        "more": [
            {"label": label, "href": _act_address(application, act)}
            for act, label in (("note", "Add a note"), ("assign", "Assign"))
        ] if actor.may(Area.PARTNERS, Action.WRITE) else [],
        "facts": fact_rows(application), "answers": answer_rows(application), "parts": part_table(application),
        "score": application.score, "score_tone": score_tone(application.score),
        "duplicates": duplicate_table(actor, application), "notes": note_rows(application),
        "items": timeline(history_of("applications.application", str(application.pk))[:_HISTORY_ROWS], actor)
        if actor.may(Area.AUDIT, Action.READ) else [],
    }  # fmt: skip
    return render(request, "applications/console/application.html", context)


_BUTTONS: Mapping[str, tuple[str, ApplicationStatus, str]] = {
    "approve": ("Approve", _S.APPROVED, "primary"),
    "ask": ("Ask for more", _S.NEEDS_INFO, ""),
    "reject": ("Reject", _S.REJECTED, "quiet-danger"),
}


def _one(actor: Actor, application_id: UUID) -> Application:
    if not sees_applications(actor):
        raise Forbidden(_PERSONAL)
    return application_of(actor, application_id)


def _address(application: Application) -> str:
    return reverse("console_application", args=[application.pk])


def _act_address(application: Application, act: str) -> str:
    return reverse("console_application_act", args=[application.pk, act])


def _approving(actor: Actor, application: Application, data: Any) -> tuple[forms.Form, Callable[[], str]]:
    form = ApproveForm(data, initial={"contract_template": application.form.contract_template})
    known = [entry for entry in application.duplicates if entry["of"] == "partner"]
    form.fields["partner"].choices = [  # type: ignore[attr-defined]
        ("", "A new partner"), *((entry["id"], f"{entry['name']} ({entry['id']})") for entry in known)
    ]  # fmt: skip

    def save() -> str:
        values = form.cleaned_data
        partner = int(values["partner"]) if values["partner"] else None
        done = deciding.approve(
            actor, application.pk, contract_template=values["contract_template"], partner=partner, note=values["note"]
        )
        return f"{done.name} is approved, and invited to partner {done.partner_id}."

    return form, save


def _asking(actor: Actor, application: Application, data: Any) -> tuple[forms.Form, Callable[[], str]]:
    form = AskForm(data)

    def save() -> str:
        deciding.ask(actor, application.pk, form.cleaned_data["question"])
        return f"{application.name} gets the question by mail."

    return form, save


def _rejecting(actor: Actor, application: Application, data: Any) -> tuple[forms.Form, Callable[[], str]]:
    form = RejectForm(data)

    def save() -> str:
        _reject_one(actor, str(application.pk), form.cleaned_data)
        return f"{application.name} is rejected, and told why by mail."

    return form, save


def _noting(actor: Actor, application: Application, data: Any) -> tuple[forms.Form, Callable[[], str]]:
    form = NoteForm(data)

    def save() -> str:
        deciding.note(actor, application.pk, form.cleaned_data["text"])
        return "The note is stored."

    return form, save


def _assigning(actor: Actor, application: Application, data: Any) -> tuple[forms.Form, Callable[[], str]]:
    form = AssignForm(data, initial={"assigned": str(application.assigned_id or "")})
    people = possible_managers()
    if actor.is_limited(Area.PARTNERS, Limit.OWN):
        people = people.filter(pk=UUID(actor.id))
    form.fields["assigned"].choices = [("", "Nobody"), *((str(user.pk), str(user)) for user in people)]  # type: ignore[attr-defined]

    def save() -> str:
        chosen = form.cleaned_data["assigned"]
        deciding.assign(actor, application.pk, UUID(chosen) if chosen else None)
        return "The application is assigned." if chosen else "The application is nobody's now."

    return form, save


_ACTS: Mapping[str, tuple[str, str, Callable[..., tuple[forms.Form, Callable[[], str]]], str, bool]] = {
    "approve": (
        "Approve {name}?", "Approve", _approving,
        "The person becomes a partner and gets one mail with an invitation.", False,
    ),
    "ask": ("Ask {name} for more", "Send the question", _asking, "", False),
    "reject": (
        "Reject {name}?", "Reject", _rejecting,
        "The person gets a mail with the reason, and with the day from which one may apply again.", True,
    ),
    "note": ("Note about {name}", "Store the note", _noting, "Only operators see notes.", False),
    "assign": ("Assign {name}", "Assign", _assigning, "", False),
}  # fmt: skip


@page(Area.PARTNERS, Action.WRITE)
def act(request: HttpRequest, actor: Actor, application_id: UUID, act: str) -> HttpResponse:
    """Ask for what a decision needs, and make it."""
    if act not in _ACTS:
        raise Http404("there is no such action")
    application = _one(actor, application_id)
    if act in _BUTTONS:
        actor.require(Area.PARTNERS, Action.APPROVE)
        if request.method != "POST" and _BUTTONS[act][1] not in TRANSITIONS[_S(application.status)]:
            messages.error(request, f"The application is {state_text(application.status).lower()} already.")
            return HttpResponseRedirect(_address(application))
    title, submit, make, text, danger = _ACTS[act]
    form, save = make(actor, application, posted(request))
    crumbs = [("Applications", reverse("console_applications")), (application.name, _address(application))]
    return form_page(
        request, form, lambda: (save(), _address(application)), title=title.format(name=application.name),
        submit=submit, crumbs=crumbs, text=text, danger=danger, live=False,
    )  # fmt: skip


@page(Area.PARTNERS)
def file(request: HttpRequest, actor: Actor, application_id: UUID, file_id: UUID) -> HttpResponse:
    """Send a file of an application, always as a download: a stranger has made it."""
    application = _one(actor, application_id)
    own = {str(value["file"]) for value in application.answers.values() if isinstance(value, dict) and "file" in value}
    found = StoredFile.objects.filter(pk=file_id).first() if str(file_id) in own else None
    if found is None:
        raise Http404("there is no such file")
    answer = HttpResponse(b"".join(read_chunks(found)), content_type=found.content_type)
    answer["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    return answer
