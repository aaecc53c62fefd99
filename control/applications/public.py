"""Public pages: the form, thanks, verification of the address, and the page of an application.

They need no session, so that the form works in a frame of another site. A signed link is all that gives access to an
application.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from control.accounts.actor import Actor
from control.accounts.middleware import actor_of
from control.applications import guard
from control.applications.brand import Brand, brand_of
from control.applications.deciding import shown_reason
from control.applications.funnel import count_visit
from control.applications.inviting import open_invitation
from control.applications.links import status_id, status_path, verified_id
from control.applications.models import Application, ApplicationForm
from control.applications.states import OPEN, ApplicationStatus
from control.applications.submitting import (
    ANSWER_CHARS_MAX,
    NAME_CHARS_MAX,
    Submission,
    answer_question,
    open_form,
    submit,
    verify,
    withdraw,
)
from control.audit.origin import ActorKind
from control.custom_forms.definition import Definition, text_in
from control.custom_forms.draw import answers_of, form_fields
from control.errors import Invalid, NotFound, Refused
from control.modules.states import is_on

P = ParamSpec("P")
_UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
_VALUE_CHARS_MAX = 200


def public_page(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a view a public page of the module: it is not there while the module is off, and is never cached."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: P.args, **named: P.kwargs) -> HttpResponse:
        if not is_on("applications"):
            raise Http404("applications are off")
        try:
            return view(request, *arguments, **named)
        except NotFound as error:
            raise Http404(str(error)) from None

    methods = require_http_methods(["GET", "HEAD", "POST"])
    return csrf_exempt(never_cache(methods(guarded)))


def anonymous(request: HttpRequest) -> Actor:
    """Return an actor without rights, also if the person has signed in: a page in a frame must not act for them."""
    origin = actor_of(request)
    return Actor(ActorKind.PERSON, name="applicant", request_id=origin.request_id, address=origin.address)


def _language(request: HttpRequest) -> str:
    """Return the language of the page, which an address may name."""
    wanted = request.GET.get("lang", "")
    if wanted and translation.check_for_language(wanted):
        translation.activate(wanted)
    return translation.get_language() or "en"


def _opening(request: HttpRequest, slug: str) -> str:
    invite = request.GET.get("invite", "")[:_VALUE_CHARS_MAX]
    return guard.opening(slug, _source(request), _referrer(request), invite)


def _source(request: HttpRequest) -> dict[str, str]:
    """Return where a visitor comes from: the campaign in the address, and the page before."""
    found = {name: request.GET.get(name, "") for name in _UTM}
    found |= {"referrer": request.headers.get("Referer", ""), "host": request.get_host()}
    return {name: value[:_VALUE_CHARS_MAX] for name, value in found.items() if value}


def _referrer(request: HttpRequest) -> int | None:
    """Return the number of the partner who has passed the link on."""
    text = request.GET.get("ref", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 11 else None


def drawn_form(definition: Definition, language: str) -> type[forms.Form]:
    """Return the Django form of an application form: name, mail address, and the fields of the operator."""
    fields: dict[str, Any] = {
        "name": forms.CharField(
            label=_("Your name"), max_length=NAME_CHARS_MAX, widget=forms.TextInput({"autocomplete": "name"})
        ),
        "email": forms.CharField(
            label=_("E-mail"), max_length=254, widget=forms.EmailInput({"autocomplete": "email"}),
        ),
    }  # fmt: skip
    for field in fields.values():
        field.clean = _plain
    return type("DrawnForm", (forms.Form,), {**fields, **form_fields(definition, language)})


def _plain(value: Any, _initial: Any = None) -> Any:
    """Return a value as it is: one place checks the answers."""
    return value


@public_page
def apply(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a form; with POST, take an application."""
    form, version = open_form(slug)
    language = _language(request)
    drawn = drawn_form(version.definition, language)
    if request.method != "POST":
        count_visit(form)
        invitation = open_invitation(request.GET.get("invite", ""), slug)
        initial = {"name": invitation.name, "email": invitation.email} if invitation is not None else {}
        return _form_page(request, form, drawn(initial=initial), language, _opening(request, slug))
    filled, token = drawn(request.POST, request.FILES), request.POST.get(guard.OPENING, "")
    status = 422
    try:
        opened = guard.read_opening(token, slug)
    except guard.NotOpened:
        filled.add_error(None, _("This page was open for too long. Please send the form again."))
        token = _opening(request, slug)
        return _form_page(request, form, filled, language, token, status)
    if guard.first_time("started", opened.nonce):
        count_visit(form, started=True)
    done = HttpResponseRedirect(reverse("apply_thanks", args=[slug]))
    if request.POST.get(guard.HONEYPOT):
        return done
    refusal = _too_many(request, opened)
    if refusal:
        filled.add_error(None, refusal)
        status = 429
    elif guard.is_too_fast(opened, timezone.now()):
        filled.add_error(None, _("That was very fast. Please look over your answers and send the form again."))
    elif filled.is_valid() and _sent(request, form, version, filled, opened, language):
        return done
    return _form_page(request, form, filled, language, token, status)


def _sent(
    request: HttpRequest, form: ApplicationForm, version: Any, filled: forms.Form, opened: guard.Opening, language: str
) -> bool:
    """Hand in an application; return False if the form has mistakes, which it shows then."""
    values = filled.cleaned_data
    sent = Submission(
        values.get("name"), values.get("email"), answers_of(values, version.definition), language, opened.source,
        opened.referred_by, opened.opened, request.build_absolute_uri("/").rstrip("/"),
        open_invitation(opened.invite, form.slug) if opened.invite else None,
    )  # fmt: skip
    if not guard.takes_mail(str(sent.email or "")):
        return True  # the same answer, and no further mail to this address
    try:
        # A form that is sent twice, such as by a double click, is one application.
        if guard.first_time("sent", opened.nonce):
            submit(anonymous(request), form, version, sent)
    except Invalid as error:
        guard.forget("sent", opened.nonce)
        for mistake in error.errors:
            filled.add_error(mistake.field if mistake.field in filled.fields else None, mistake.message)
        return False
    return True


def _too_many(request: HttpRequest, opened: guard.Opening) -> str:
    """Return a sentence if this network address has sent too much; empty if not."""
    address = anonymous(request).address
    text = _("Too many applications came from your network. Please try again in an hour.")
    if not guard.takes("any", address, guard.SENT_PER_HOUR_MAX):
        return text
    if guard.is_proof(opened, request.POST.get(guard.PROOF, "")):
        return "" if guard.takes("proved", address, guard.WITH_PROOF_PER_HOUR_MAX) else text
    return "" if guard.takes("plain", address, guard.WITHOUT_PROOF_PER_HOUR_MAX) else text


def _form_page(
    request: HttpRequest, form: ApplicationForm, filled: forms.Form, language: str, token: str, status: int = 200
) -> HttpResponse:
    nonce = guard.read_opening(token, form.slug).nonce if token else ""
    answer = _page(request, "applications/apply.html", brand_of(form), {
        "title": form.name, "intro": text_in(form.intro, language), "form": filled, "opening": token,
        "nonce": nonce, "bits": guard.PROOF_BITS, "honeypot": guard.HONEYPOT, "slug": form.slug,
        "has_files": filled.is_multipart(),
    }, status)  # fmt: skip
    return _framed(answer, form)


def _page(request: HttpRequest, template: str, brand: Brand, values: dict[str, Any], status: int = 200) -> HttpResponse:
    return render(request, template, {"brand": brand, **values}, status=status)


def _framed(answer: HttpResponse, form: ApplicationForm) -> HttpResponse:
    """Allow the hosts of a form to show a page in a frame."""
    if form.embed_hosts:
        answer.xframe_options_exempt = True
        answer._csp_replace = {"frame-ancestors": list(form.embed_hosts)}  # type: ignore[attr-defined]
    return answer


@public_page
def thanks(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what happens next. The page is the same for everybody who has applied."""
    form, _version = open_form(slug)
    _language(request)
    answer = _page(request, "applications/thanks.html", brand_of(form), {"title": _("Thank you"), "form": form})
    return _framed(answer, form)


@public_page
def started(request: HttpRequest, slug: str) -> HttpResponse:
    """Count the first entry in a field, which a script tells."""
    form, _version = open_form(slug)
    try:
        opened = guard.read_opening(request.POST.get(guard.OPENING, ""), slug)
    except guard.NotOpened:
        return HttpResponse(status=204)
    if guard.first_time("started", opened.nonce):
        count_visit(form, started=True)
    return HttpResponse(status=204)


@public_page
def verification(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for one click, so that programs that open links in mails verify nothing; with POST, verify the address."""
    _language(request)
    application = _application(verified_id(token))
    if request.method == "POST":
        verify(anonymous(request), application.pk)
        return HttpResponseRedirect(status_path(application))
    if application.status != ApplicationStatus.UNVERIFIED:
        return HttpResponseRedirect(status_path(application))
    values = {"title": _("Confirm your mail address"), "email": application.email}
    return _page(request, "applications/verify.html", brand_of(application.form), values)


class AnswerForm(forms.Form):
    """Answer to a question."""

    answer = forms.CharField(max_length=ANSWER_CHARS_MAX, widget=forms.Textarea({"rows": 5}))


@public_page
def application_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show an application to the person who has sent it; with POST, answer the question or withdraw."""
    _language(request)
    application = _application(status_id(token))
    form = AnswerForm(request.POST if request.method == "POST" else None)
    form.fields["answer"].label = _("Your answer")
    if request.method == "POST":
        try:
            if request.POST.get("act") == "withdraw":
                withdraw(anonymous(request), application.pk)
            elif not form.is_valid():
                return _status_page(request, application, form, 422)
            else:
                answer_question(anonymous(request), application.pk, form.cleaned_data["answer"])
        except Refused as error:
            form.add_error(None, str(error))
            return _status_page(request, _application(application.pk), form, 409)
        return HttpResponseRedirect(request.path)
    return _status_page(request, application, form)


def _status_page(request: HttpRequest, application: Application, form: AnswerForm, status: int = 200) -> HttpResponse:
    again = application.again_from
    values = {
        "title": _("Your application"), "application": application, "state": _state_texts()[application.status],
        "form": form, "asks": application.status == ApplicationStatus.NEEDS_INFO,
        "may_withdraw": application.status in OPEN, "reason": shown_reason(application),
        "is_rejected": application.status == ApplicationStatus.REJECTED, "again_from": again,
        "may_apply": again is not None and again <= timezone.now(),
        "messages_shown": [note for note in application.notes if note["kind"] in ("question", "answer")],
    }  # fmt: skip
    return _page(request, "applications/status.html", brand_of(application.form), values, status)


def _state_texts() -> dict[str, tuple[str, str, str]]:
    """Return title, text and tone of each state, for applicants."""
    return {
        ApplicationStatus.UNVERIFIED: (
            _("Please confirm your mail address"), _("We have sent you a mail with a link."), "warn",
        ),
        ApplicationStatus.NEW: (
            _("We are looking at your application"), _("We will write to you as soon as it is decided."), "info",
        ),
        ApplicationStatus.NEEDS_INFO: (
            _("We have a question"), _("Your application goes on as soon as you have answered."), "warn",
        ),
        ApplicationStatus.APPROVED: (
            _("Your application is approved"), _("The mail that we sent has the link to the partner portal."), "good",
        ),
        ApplicationStatus.REJECTED: (_("We could not accept your application"), "", "bad"),
        ApplicationStatus.WITHDRAWN: (
            _("Your application is withdrawn"), _("Nobody will read it any more."), "neutral",
        ),
    }  # fmt: skip


def _application(application_id: Any) -> Application:
    rows = Application.objects.select_related("form", "version")
    found = rows.filter(pk=application_id).first()
    if found is None:
        raise Http404("there is no such application")
    return found
