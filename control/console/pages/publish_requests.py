"""Pages of requests that another person approves terms."""

from collections.abc import Sequence
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.base import add_refusal
from control.console.forms.page import form_page, posted
from control.console.forms.program import AskToPublishForm, DecisionForm
from control.console.forms.when import local_text
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.errors import Refused
from control.program.models import PublishRequest, RequestState
from control.program.selectors import version_of
from control.program.services import publish_requests as services
from control.ui.moments import minute_text
from control.ui.states import state_tone
from control.ui.table import Cell

_HISTORY_ROWS = 20


def _columns(_actor: Actor) -> Sequence[ListColumn[PublishRequest]]:
    return [
        ListColumn[PublishRequest](
            "what", "Request",
            lambda row: Cell(_title(row), href=reverse("console_publish_request", args=[row.pk])),
        ),
        ListColumn[PublishRequest](
            "state", "State", lambda row: Cell(row.get_state_display(), badge=state_tone(row.state))
        ),
        ListColumn[PublishRequest]("requester", "By", lambda row: row.requester),
        ListColumn[PublishRequest]("comment", "Comment", lambda row: row.comment),
        ListColumn[PublishRequest]("decider", "Decided by", lambda row: row.decider),
        ListColumn[PublishRequest](
            "created", "Since", lambda row: minute_text(row.created), ("created",), descending_first=True
        ),
    ]  # fmt: skip


def _title(row: PublishRequest) -> str:
    if row.back_to is not None:
        return f"Bring version {row.back_to} back"
    count = len(row.diff)
    return f"Publish {count} {'change' if count == 1 else 'changes'}"


REQUESTS: ListSpec[PublishRequest] = ListSpec(
    key="publish-requests", title="Publish requests", noun="request", nouns="requests",
    url_name="console_publish_requests", rows=services.publish_requests, columns=_columns, order="-created",
    text="Terms that wait for the approval of another person.",
    empty=Empty(
        "No requests", "Somebody whose role needs an approval asks for it on the page Publish.", "rocket",
    ),
    search=lambda _actor, rows, text: rows.filter(requester__icontains=text) | rows.filter(comment__icontains=text),
    search_label="Search by person or comment",
    filters=(Filter("state", "State", lambda rows, value: rows.filter(state=value), lambda _: RequestState.choices),),
)  # fmt: skip


@page(Area.PROGRAM)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List requests."""
    return list_page(request, actor, REQUESTS, can_add=False)


@page(Area.PROGRAM, Action.WRITE)
def ask_back(request: HttpRequest, actor: Actor, seq: int) -> HttpResponse:
    """Ask another person to approve that the terms of a version come back."""
    version_of(actor, seq)
    form = AskToPublishForm(posted(request))

    def save() -> tuple[str, str]:
        made = services.ask_to_publish(actor, form.cleaned_data["comment"], seq)
        return "The request is sent.", reverse("console_publish_request", args=[made.pk])

    return form_page(
        request, form, save, title=f"Ask to bring version {seq} back?", submit="Ask for approval", live=False,
        text="Another person with the right to publish decides.",
        crumbs=[("Versions", reverse("console_versions")), (f"Version {seq}", reverse("console_version", args=[seq]))],
    )  # fmt: skip


@page(Area.PROGRAM)
def show(request: HttpRequest, actor: Actor, request_id: UUID) -> HttpResponse:
    """Show a request with its difference. A POST decides about it, or withdraws it."""
    row = services.publish_request_of(actor, request_id)
    form = DecisionForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            done = _act(actor, row, request.POST.get("decision", ""), form.cleaned_data["reason"])
        except Refused as error:
            add_refusal(form, error)
        else:
            messages.success(request, done)
            return HttpResponseRedirect(request.path)
    is_open = row.state == RequestState.OPEN
    mine = (row.requester_kind, row.requester_id) == (actor.kind, actor.id)
    context = {
        "row": row, "title": _title(row), "form": form, "is_open": is_open,
        "badge": state_tone(row.state),
        "outdated": is_open and not services.is_unchanged(row),
        "may_decide": is_open and services.may_decide(actor, row),
        "may_withdraw": is_open and mine,
        "crumbs": [("Publish requests", reverse("console_publish_requests"))],
        "facts": [
            ("By", row.requester), ("Asked", minute_text(row.created) + " UTC"),
            ("Counts from", local_text(row.at) if row.at else "As soon as possible"),
            ("Comment", row.comment), ("Decided by", row.decider),
            ("Decided", minute_text(row.decided) + " UTC" if row.decided else ""),
            ("Reason", row.decision_reason), ("Content", row.content_hash),
        ],
        "version": reverse("console_version", args=[row.version]) if row.version else "",
        "items": timeline(history_of("program.publishrequest", str(row.pk))[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "console/publish_request.html", context)


def _act(actor: Actor, row: PublishRequest, decision: str, reason: str) -> str:
    if decision == "approve":
        done = services.approve_request(actor, row.pk, reason)
        return f"Version {done.version} is published." if done.version else "Approved. The terms are scheduled."
    if decision == "withdraw":
        services.withdraw_request(actor, row.pk)
        return "The request is withdrawn."
    services.decline_request(actor, row.pk, reason)
    return "The request is declined. The drafts stay."
