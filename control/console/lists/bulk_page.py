"""Pages of changes of many rows: the question before one, its course, and its undoing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.console.lists.bulk import action_of, start_bulk, undo_bulk, undo_refusal
from control.console.lists.read import known_of, matching, ordered
from control.console.lists.spec import BulkAction, ListSpec, find_spec
from control.console.lists.state import ListState
from control.console.models import BulkChange, BulkState
from control.errors import NotFound, Refused
from control.ui.formats import count_text

_NAMES_SHOWN_MAX = 10
_REFUSED_SHOWN_MAX = 100


def ask(request: HttpRequest, actor: Actor, spec: ListSpec[Any], state: ListState) -> HttpResponse:
    """Ask before rows are changed; with `sure`, change them."""
    action = next((known for known in spec.bulk_actions(actor) if known.key == request.POST.get("do")), None)
    query = state.query(known_of(spec, actor))
    back = reverse(spec.url_name) + (f"?{query}" if query else "")
    if action is None:
        messages.error(request, "That is not something that can be done here.")
        return HttpResponseRedirect(back)
    rows = _marked(request, actor, spec, state)
    if not rows:
        messages.warning(request, f"Mark {spec.nouns} first; then choose what to do with them.")
        return HttpResponseRedirect(back)
    sure = "sure" in request.POST
    form = (action.form or forms.Form)(request.POST if sure else None)
    if sure and form.is_valid():
        bulk = start_bulk(actor, spec.key, action, rows, form.cleaned_data)
        if bulk.state != BulkState.DONE:
            return HttpResponseRedirect(reverse("console_bulk", args=[bulk.pk]))
        return HttpResponseRedirect(f"{back}{'&' if query else '?'}changed={bulk.pk}")
    return render(request, "console/bulk_ask.html", _question(actor, spec, state, action, rows, form, back, request))


def _question(
    actor: Actor, spec: ListSpec[Any], state: ListState, action: BulkAction, rows: Sequence[str], form: forms.Form,
    back: str, request: HttpRequest,
) -> dict[str, object]:  # fmt: skip
    matched = matching(spec, actor, state)
    total = matched.order_by().count()
    every = request.POST.get("rows") == "all"
    shown = matched if every else spec.rows(actor).filter(pk__in=rows[:_NAMES_SHOWN_MAX])
    return {
        "spec": spec, "action": action, "form": form, "back": back, "address": request.get_full_path(),
        "title": f"{action.label}: {count_text(len(rows))} {spec.noun if len(rows) == 1 else spec.nouns}",
        "names": [str(row) for row in shown[:_NAMES_SHOWN_MAX]], "more": max(0, len(rows) - _NAMES_SHOWN_MAX),
        "rows": [] if every else rows, "every": every,
        "total": total if not every and total > len(rows) else 0,
    }  # fmt: skip


def _marked(request: HttpRequest, actor: Actor, spec: ListSpec[Any], state: ListState) -> list[str]:
    """Return the ids of the marked rows, or of all that match; those that the actor may not see are left out."""
    matched = matching(spec, actor, state)
    if request.POST.get("rows") == "all":
        return [str(key) for key in ordered(spec, actor, state, matched).values_list("pk", flat=True)]
    wanted = set(request.POST.getlist("row"))
    field = spec.rows(actor).model._meta.pk
    keys = []
    for value in sorted(wanted):
        try:
            keys.append(field.clean(value, None))
        except forms.ValidationError:
            continue
    seen = spec.rows(actor).filter(pk__in=keys).order_by("pk")
    return [str(key) for key in seen.values_list("pk", flat=True)]


def notice(request: HttpRequest, actor: Actor) -> dict[str, object] | None:
    """Return the change that the page before has made, for a line above the list with the way back."""
    try:
        bulk = BulkChange.objects.filter(user_id=UUID(actor.id), pk=UUID(request.GET.get("changed", ""))).first()
    except ValueError:
        return None
    return None if bulk is None else {"bulk": bulk, "text": result_text(bulk), "can_undo": not undo_refusal(bulk)}


def result_text(bulk: BulkChange) -> str:
    """Write how a change ended: "12 partners suspended, 1 left as it was"."""
    spec, action = find_spec(bulk.list_key), action_of(bulk)
    noun, nouns = (spec.noun, spec.nouns) if spec is not None else ("row", "rows")
    done = "set back" if bulk.undoes_id is not None else action.done
    text = f"{count_text(len(bulk.changed))} {noun if len(bulk.changed) == 1 else nouns} {done}"
    return f"{text}, {count_text(len(bulk.refused))} left unchanged" if bulk.refused else text


def course(request: HttpRequest, actor: Actor, bulk_id: UUID) -> HttpResponse:
    """Show a change of many rows: how far it is, what was refused and why; with POST, undo it."""
    bulk = BulkChange.objects.filter(user_id=UUID(actor.id), pk=bulk_id).first()
    spec = find_spec(bulk.list_key) if bulk is not None else None
    if bulk is None or spec is None:
        raise NotFound(f"there is no change {bulk_id}")
    if request.method == "POST":
        try:
            undoing = undo_bulk(actor, bulk)
        except Refused as error:
            messages.error(request, f"Not undone: {error}.")
            return HttpResponseRedirect(request.path)
        return HttpResponseRedirect(reverse("console_bulk", args=[undoing.pk]))
    context = {
        "bulk": bulk, "spec": spec, "title": result_text(bulk), "action": action_of(bulk),
        "is_running": bulk.state != BulkState.DONE, "can_undo": not undo_refusal(bulk), "total": len(bulk.rows),
        "refused": bulk.refused[:_REFUSED_SHOWN_MAX], "back": reverse(spec.url_name),
    }  # fmt: skip
    return render(request, "console/bulk.html", context)
