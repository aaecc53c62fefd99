"""Pages of imports: the file, its columns, the dry run, the result. Each step can be left and taken up again."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.forms.base import add_refusal
from control.console.forms.imports import FileForm, ReasonForm, chosen_mapping, column_choices, match_choices
from control.console.lists.page import list_page
from control.console.lists.spec import Empty, Filter, ListColumn, ListSpec
from control.console.pages.import_rows import counts_of, error_lines, rows_part, tone_of
from control.errors import FieldError, Invalid, Refused
from control.files.upload import TOO_LARGE, UPLOAD_BYTES_MAX
from control.imports import services
from control.imports.models import WORKING, Import, ImportState
from control.imports.resources import RESOURCES, find_resource
from control.imports.selectors import importable, imports, one_import
from control.imports.undo_terms import undo_refusal
from control.ui.formats import count_text
from control.ui.moments import minute_text
from control.ui.table import Cell

_S = ImportState
_WORK = {_S.CHECKING: "Dry run", _S.APPLYING: "Applying", _S.UNDOING: "Undoing"}


def _address(found: Import) -> str:
    return reverse("console_import", args=[found.pk])


def _columns(_actor: Actor) -> Sequence[ListColumn[Import]]:
    return [
        ListColumn[Import]("file", "File", lambda row: Cell(row.file.name, href=_address(row)), ("file__name",)),
        ListColumn[Import]("type", "Type", lambda row: row.type.capitalize(), ("type",)),
        ListColumn[Import](
            "state", "State", lambda row: Cell(row.get_state_display(), badge=tone_of(row.state)), ("state",)
        ),
        ListColumn[Import](
            "rows", "Rows", lambda row: count_text(row.rows_count), ("rows_count",), numeric=True,
            descending_first=True, export=lambda row: row.rows_count,
        ),
        ListColumn[Import]("by", "Uploaded by", lambda row: row.creator_name, ("creator_name",)),
        ListColumn[Import](
            "created", "Uploaded", lambda row: minute_text(row.created), ("created",),
            descending_first=True,
        ),
    ]  # fmt: skip


IMPORTS = ListSpec(
        key="imports", title="Imports", noun="import", nouns="imports", url_name="console_imports", rows=imports,
        columns=_columns, order="-created",
        text="Files become partners, offers, links, plans, coupons or approvals. Files are kept for 30 days.",
        empty=Empty(
            "No imports yet", "Upload a CSV or XLSX file. A dry run shows what changes before anything does.",
            "file-spreadsheet", "New import", "console_import_new",
        ),
        search=lambda _actor, rows, text: rows.filter(file__name__icontains=text),
        search_label="Search by file name",
        filters=(
            Filter(
                "type", "Type", lambda rows, value: rows.filter(type=value),
                lambda _: [(key, resource.nouns.capitalize()) for key, resource in RESOURCES.items()],
            ),
            Filter("state", "State", lambda rows, value: rows.filter(state=value), lambda _: ImportState.choices),
        ),
    )  # fmt: skip


@page(Area.PARTNERS, Action.WRITE)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List imports."""
    return list_page(request, actor, IMPORTS, can_add=True)


@page(Area.PARTNERS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Upload a file."""
    types = importable(actor)
    wanted = request.GET.get("type", "")
    form = FileForm(types, request.POST or None, request.FILES or None, initial={"type": wanted})
    if getattr(request, TOO_LARGE, False):
        form.add_error("file", f"The file has more than {UPLOAD_BYTES_MAX // 1024**2} MiB. Split it.")
    elif request.method == "POST" and form.is_valid():
        try:
            found = _uploaded(actor, form.cleaned_data)
        except Refused as error:
            add_refusal(form, error)
        else:
            return HttpResponseRedirect(_address(found))
    context = {
        "title": "New import", "form": form, "steps": _steps(None), "crumbs": [("Imports", reverse("console_imports"))],
        "fields": {
            RESOURCES[key].nouns.capitalize(): ", ".join(own.label for own in RESOURCES[key].fields) for key in types
        },
    }  # fmt: skip
    return render(request, "console/import_new.html", context)


def _uploaded(actor: Actor, data: dict[str, Any]) -> Import:
    file = data["file"]
    return services.upload(
        actor, data["type"], file.name, file.chunks(), encoding=data["encoding"], delimiter=data["delimiter"]
    )


@page(Area.PARTNERS, Action.WRITE)
def show(request: HttpRequest, actor: Actor, import_id: UUID) -> HttpResponse:
    """Show an import at the step that it has reached, and take the next one."""
    found = one_import(actor, import_id)
    if request.method == "POST":
        return _posted(request, actor, found)
    if found.state == _S.UPLOADED:
        return _columns_page(request, found)
    return render(request, "console/import.html", _context(request, found))


@page(Area.PARTNERS, Action.WRITE)
def columns(request: HttpRequest, actor: Actor, import_id: UUID) -> HttpResponse:
    """Show the columns again after a dry run."""
    found = one_import(actor, import_id)
    if found.state not in (_S.UPLOADED, _S.CHECKED):
        return HttpResponseRedirect(_address(found))
    return _columns_page(request, found)


@page(Area.PARTNERS, Action.WRITE)
def errors(request: HttpRequest, actor: Actor, import_id: UUID) -> HttpResponse:
    """Download the rows with mistakes, as they are in the file, with a column that says what to correct."""
    found = one_import(actor, import_id)
    answer = StreamingHttpResponse(
        (line.encode("utf-8", "replace") for line in error_lines(found)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="errors-{found.type}.csv"'
    return answer  # type: ignore[return-value]


def _posted(request: HttpRequest, actor: Actor, found: Import) -> HttpResponse:
    wish = request.POST.get("do", "")
    if wish in ("columns", "dry-run", "form"):
        return _columns_posted(request, actor, found, wish)
    if wish == "apply":
        form = ReasonForm(request.POST, needed=found.needs_reason)
        if not form.is_valid():
            return render(request, "console/import.html", _context(request, found, form))
    changes: dict[str, Callable[[], object]] = {
        "apply": lambda: services.start_apply(actor, found.pk, request.POST.get("reason", "")),
        "undo": lambda: services.start_undo(actor, found.pk),
        "resume": lambda: services.go_on(actor, found.pk),
        "delete": lambda: services.delete_import(actor, found.pk),
    }
    try:
        changes.get(wish, lambda: None)()
    except Refused as error:
        messages.error(request, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        return HttpResponseRedirect(_address(found))
    if wish == "delete":
        messages.success(request, f"The import of {found.file.name} is discarded.")
        return HttpResponseRedirect(reverse("console_imports"))
    return HttpResponseRedirect(_address(found))


def _columns_posted(request: HttpRequest, actor: Actor, found: Import, wish: str) -> HttpResponse:
    """Keep the chosen columns; with `dry-run`, go on with them."""
    values: dict[str, Any] = {"clear_empty": "clear_empty" in request.POST}
    try:
        if wish == "form":
            form = {name: request.POST.get(name, "") for name in ("encoding", "delimiter")}
            services.change_import(actor, found.pk, form)
            return HttpResponseRedirect(_address(found))
        mapping, twice = chosen_mapping(found, request.POST)
        if twice:
            raise Invalid(*(FieldError(f"mapping.{key}", "is chosen for two columns; leave one out") for key in twice))
        match = request.POST.get("match", "")
        values |= {"mapping": mapping, "match": match if match in mapping else ""}
        services.change_import(actor, found.pk, values)
        services.start_dry_run(actor, found.pk)
    except Refused as error:
        return _columns_page(request, found, error, request.POST)
    return HttpResponseRedirect(_address(found))


def _columns_page(
    request: HttpRequest, found: Import, error: Refused | None = None, values: Any = None
) -> HttpResponse:
    resource = find_resource(found.type)
    if values is not None:
        found.mapping, found.match = chosen_mapping(found, values)[0], values.get("match", found.match)
        found.clear_empty = "clear_empty" in values
    mistakes = {}
    if isinstance(error, Invalid):
        mistakes = {own.field.removeprefix("mapping."): own.message for own in error.errors}
    context = {
        "import": found, "title": found.file.name, "steps": _steps(found), "resource": resource,
        "crumbs": [("Imports", reverse("console_imports"))], "address": _address(found),
        "columns": column_choices(found, resource, mistakes), "matches": match_choices(found, resource),
        "problem": f"The file {found.problem}." if found.problem else "",
        "refusal": str(error) if error is not None else "", "file_form": FileForm([], initial=_form_values(found)),
    }  # fmt: skip
    return render(request, "console/import_columns.html", context)


def _form_values(found: Import) -> dict[str, str]:
    return {name: str(found.form.get(name, "")) for name in ("encoding", "delimiter")}


def _context(request: HttpRequest, found: Import, form: ReasonForm | None = None) -> dict[str, Any]:
    is_working = found.state in WORKING
    to_do = found.counts.get("created", 0) + found.counts.get("changed", 0)
    return {
        "import": found,
        "title": found.file.name,
        "resource": find_resource(found.type),
        "crumbs": [("Imports", reverse("console_imports"))],
        "steps": _steps(found),
        "tone": tone_of(found.state),
        "is_working": is_working,
        "is_stuck": is_working and not services.is_open(found),
        "work": _WORK.get(_S(found.state), ""),
        "counts": counts_of(found),
        "to_do": to_do,
        "form": form or ReasonForm(needed=found.needs_reason),
        "can_apply": found.state == _S.CHECKED and to_do > 0,
        "can_undo": not undo_refusal(found, timezone.now()),
        "errors": sum(found.counts.get(name, 0) for name in ("error", "refused")),
        **({} if is_working else rows_part(request, found)),
    }


def _steps(found: Import | None) -> list[dict[str, str]]:
    """Return the steps of an import; those that can be taken again have an address."""
    labels = ("File", "Columns", "Dry run", "Result")
    state = _S(found.state) if found is not None else None
    at = {None: 0, _S.UPLOADED: 1, _S.CHECKING: 2, _S.CHECKED: 2}.get(state, 3)
    again = {1: reverse("console_import_columns", args=[found.pk])} if found and state == _S.CHECKED else {}
    return [
        {
            "label": label, "href": again.get(step, ""),
            "state": "done" if step < at else "current" if step == at else "next",
        }
        for step, label in enumerate(labels)
    ]  # fmt: skip
