"""Pages of publishing: what changes, versions, compare, rollback."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.page import form_page, posted
from control.console.forms.partners import ReasonForm
from control.console.forms.program import AskToPublishForm, PublishForm
from control.console.forms.when import add_when, local_text
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.distribution.selectors import spread_of
from control.partners.models import Partner
from control.program.models import Offer, ProgramVersion, RequestState, VersionKind
from control.program.publishing import may_publish_alone, preview, rollback
from control.program.publishing import publish as publish_program
from control.program.selectors import diff, version_of, versions
from control.program.services.publish_requests import ask_to_publish, publish_requests
from control.scheduled.services import schedule_terms
from control.ui.addresses import page_address
from control.ui.moments import minute_text, second_text
from control.ui.table import Cell
from program.toml.tables import Mistake

_OBJECT = re.compile(r"(offer|partner)\[(\d+)\]")


def _columns(_actor: Actor) -> Sequence[ListColumn[ProgramVersion]]:
    return [
        ListColumn[ProgramVersion](
            "seq", "Version", lambda row: Cell(str(row.seq), href=page_address("console_version", row.seq)),
        ),
        ListColumn[ProgramVersion]("kind", "Kind", lambda row: Cell(row.get_kind_display(), badge="info")),
        ListColumn[ProgramVersion]("diff", "Changes", lambda row: _first(row.diff)),
        ListColumn[ProgramVersion]("author", "By", lambda row: row.author),
        ListColumn[ProgramVersion]("reason", "Reason", lambda row: row.reason),
        ListColumn[ProgramVersion]("published", "Published", lambda row: second_text(row.published)),
        ListColumn[ProgramVersion](
            "effective", "Counts from", lambda row: second_text(row.effective), shown=False
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remark:
    """Mistake or warning of the engine's checks, with the object that it is about."""

    text: str
    name: str = ""
    href: str = ""


def _remarks(mistakes: Sequence[Mistake]) -> list[Remark]:
    """Name the objects of mistakes. A place is a path such as `offer[7].landing_url`, with the number of the object."""
    found = [(mistake.message, _OBJECT.match(mistake.place)) for mistake in mistakes]
    numbers = {kind: {int(m[2]) for _, m in found if m and m[1] == kind} for kind in ("offer", "partner")}
    names = {
        ("offer", number): name
        for number, name in Offer.objects.filter(number__in=numbers["offer"]).values_list("number", "name")
    } | {
        ("partner", number): name
        for number, name in Partner.objects.filter(number__in=numbers["partner"]).values_list("number", "name")
    }
    remarks = []
    for message, match in found:
        key = (match[1], int(match[2])) if match else ("", 0)
        name = names.get(key, "")
        remarks.append(Remark(message, name, reverse(f"console_{key[0]}", args=[key[1]]) if name else ""))
    return remarks


def _first(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return str(lines[0]) if len(lines) == 1 else f"{lines[0]}, and {len(lines) - 1} more"


VERSIONS: ListSpec[ProgramVersion] = ListSpec(
    key="versions", title="Versions", noun="version", nouns="versions", url_name="console_versions", rows=versions,
    columns=_columns, order="-seq", by_cursor=True,
    text="Every version of the program. Any one can be brought back.",
    empty=Empty(
        "Nothing is published yet", "Links work and commissions count once a first version is published.",
        "versions", "Publish", "console_publish",
    ),
    search=lambda _actor, rows, text: rows.filter(author__icontains=text) | rows.filter(reason__icontains=text),
    search_label="Search by person or reason",
    filters=(Filter("kind", "Kind", lambda rows, value: rows.filter(kind=value), lambda _: VersionKind.choices),),
)  # fmt: skip


@page(Area.PROGRAM)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List versions."""
    return list_page(request, actor, VERSIONS, can_add=actor.may(Area.PROGRAM, Action.APPROVE))


@page(Area.PROGRAM)
def publish(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show what publishing would change, in words and money, with the checks; with POST, publish."""
    may_publish = may_publish_alone(actor)
    may_ask = not may_publish and actor.may(Area.PROGRAM, Action.WRITE)
    form = AskToPublishForm(posted(request)) if may_ask else PublishForm(posted(request))
    add_when(form, "Time from which the terms count. Leave it empty for as soon as possible.")
    if request.method == "POST":

        def save() -> tuple[str, str]:
            at = form.cleaned_data["at"]
            if may_ask:
                asked = ask_to_publish(actor, form.cleaned_data["comment"], at=at)
                return "The request is sent.", reverse("console_publish_request", args=[asked.pk])
            if at is not None:
                schedule_terms(actor, at, form.cleaned_data["reason"])
                return f"The terms count from {local_text(at)}.", reverse("console_scheduled")
            version = publish_program(actor, form.cleaned_data["reason"])
            return f"Version {version.seq} is published.", reverse("console_version", args=[version.seq])

        return form_page(
            request, form, save, title="Publish", submit="Ask for approval" if may_ask else "Publish", live=False,
            crumbs=[("Publish", reverse("console_publish"))],
        )  # fmt: skip
    found = preview(actor)
    context = {
        "title": "Publish", "form": form, "may_publish": may_publish, "difference": found.difference,
        "mistakes": _remarks(found.compiled.mistakes),
        "warnings": _remarks(found.compiled.warnings),
        "can_publish": may_publish and found.compiled.program is not None and bool(found.difference),
        "can_ask": may_ask and found.compiled.program is not None and bool(found.difference),
        "waiting": publish_requests(actor).filter(state=RequestState.OPEN).count(),
        "crumbs": [("Versions", reverse("console_versions"))],
    }  # fmt: skip
    return render(request, "console/publish.html", context)


@page(Area.PROGRAM)
def version(request: HttpRequest, actor: Actor, seq: int) -> HttpResponse:
    """Show a version, and how it differs from another one: the one before unless the address names one."""
    row = version_of(actor, seq)
    other = request.GET.get("with", "")
    against = int(other) if other.isascii() and other.isdecimal() and len(other) < 11 else None
    lines = diff(actor, against, seq) if against is not None else [str(line) for line in row.diff]
    newest = version_of(actor)
    differs, alone = row.terms_hash != newest.terms_hash, may_publish_alone(actor)
    may_ask = not alone and actor.may(Area.PROGRAM, Action.WRITE)
    context = {
        "version": row, "title": f"Version {seq}", "lines": lines, "against": against,
        "crumbs": [("Versions", reverse("console_versions"))],
        "facts": [
            ("Kind", row.get_kind_display()), ("By", row.author), ("Approved by", row.approver), ("Reason", row.reason),
            ("Published", second_text(row.published) + " UTC"),
            ("Counts from", second_text(row.effective) + " UTC"),
            ("Live on", _live_on(row)),
            ("Terms", row.terms_hash), ("Routes", row.routes_root),
        ],
        "rollback": reverse("console_rollback", args=[seq]) if alone and differs else "",
        "ask_back": reverse("console_rollback_ask", args=[seq]) if may_ask and differs else "",
        "newest": newest.seq if newest.seq != seq else None,
    }  # fmt: skip
    return render(request, "console/version.html", context)


def _live_on(row: ProgramVersion) -> str:
    spread = spread_of(row)
    return f"{spread.live} of {spread.edges} edges" if spread.edges else "no edge: none follows the control plane now"


@page(Area.PROGRAM, Action.APPROVE)
def roll_back(request: HttpRequest, actor: Actor, seq: int) -> HttpResponse:
    """Ask before the terms of a version come back; then make the version that brings them."""
    row, form = version_of(actor, seq), ReasonForm(posted(request))

    def save() -> tuple[str, str]:
        made = rollback(actor, seq, form.cleaned_data["reason"])
        return f"Version {made.seq} brings version {seq} back.", reverse("console_version", args=[made.seq])

    crumbs = [("Versions", reverse("console_versions")), (f"Version {seq}", reverse("console_version", args=[seq]))]
    text = f"A new version gets the terms of {minute_text(row.published)}. Drafts stay drafts."
    return form_page(
        request,
        form,
        save,
        title=f"Bring version {seq} back?",
        text=text,
        submit="Bring back",
        crumbs=crumbs,
        live=False,
    )
