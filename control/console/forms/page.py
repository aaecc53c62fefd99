"""Page with a form: live checks, refusals next to their fields, the way on."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render

from control.console.forms.base import Section, add_refusal, check_answer, is_check, sections_of
from control.errors import Refused

Crumbs = Sequence[tuple[str, str]]


def posted(request: HttpRequest) -> QueryDict | None:
    """Return the values of a form that was sent; None when the page is opened."""
    return request.POST if request.method == "POST" else None


def form_page(
    request: HttpRequest, form: forms.Form, save: Callable[[], tuple[str, str]], *, title: str, submit: str,
    crumbs: Crumbs, text: str = "", sections: Sequence[Section] = (), live: bool = True, danger: bool = False,
    items: Sequence[dict[str, Any]] | None = None,
) -> HttpResponse:  # fmt: skip
    """Show a form; when it is sent and right, save it. `save` returns a message and the address to go to.

    `items` are the history of what the form changes; the page shows it next to the form.
    """
    if live and is_check(request):
        return check_answer(request, form)
    if request.method == "POST" and form.is_valid():
        try:
            message, address = save()
        except Refused as error:
            add_refusal(form, error)
        else:
            messages.success(request, message)
            return HttpResponseRedirect(address)
    context = {
        "title": title, "text": text, "crumbs": crumbs, "form": form, "sections": sections_of(form, sections),
        "submit": submit, "back": crumbs[-1][1], "live": live, "danger": danger, "items": items,
    }  # fmt: skip
    return render(request, "console/form.html" if live else "console/ask.html", context)
