"""Acts of applicants, who have no account: apply, verify their address, answer a question, withdraw.

The answer to an application is the same for known and unknown mail addresses; only the mail says what has happened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone
from django.utils.translation import gettext as _

from control.accounts.actor import Actor
from control.accounts.models import normal_email
from control.applications import mails
from control.applications.assessing import assess
from control.applications.models import Application, ApplicationForm, ApplicationInvitation
from control.applications.profile import filled
from control.applications.states import TRANSITIONS, WAITING, ApplicationStatus, FormStatus
from control.changes import changing
from control.clock.services import business_calendar
from control.custom_forms.answers import Upload, check_answers
from control.custom_forms.definition import Definition
from control.custom_forms.models import FormVersion
from control.errors import Conflict, FieldError, Invalid, Mistakes, NotFound, validate
from control.files.store import store_file
from control.jobs.queue import enqueue
from control.partners.models import Partner
from control.partners.states import PartnerStatus

ASSESS_TASK = "applications.assess"
NAME_CHARS_MAX, ANSWER_CHARS_MAX = 120, 4_000
UPLOAD_BYTES_MAX = 6 * 1024**2
NOTES_MAX = 200
SOURCE_KEYS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "referrer", "host")
SOURCE_CHARS_MAX = 300


@dataclass(frozen=True, slots=True)
class Submission:
    """An application as somebody has sent it."""

    name: Any
    email: Any
    answers: Mapping[str, Any]
    locale: str = ""
    source: Mapping[str, str] = field(default_factory=dict)
    referred_by: int | None = None
    visited: datetime | None = None
    base_url: str = ""
    invitation: ApplicationInvitation | None = None


def open_form(slug: str) -> tuple[ApplicationForm, FormVersion]:
    """Return a form that takes applications, with its newest version. Raises NotFound."""
    form = ApplicationForm.objects.filter(slug=slug, status=FormStatus.PUBLISHED).select_related("fields").first()
    version = form.fields.newest() if form is not None else None
    if form is None or version is None:
        raise NotFound("there is no application form at this address, or it is closed")
    return form, version


def submit(actor: Actor, form: ApplicationForm, version: FormVersion, sent: Submission) -> Application | None:
    """Store an application; None if a mail says why there is no new one. Raises Invalid with all mistakes."""
    name, email, answers = _checked(version.definition, sent)
    with changing(actor):
        own = Application.objects.filter(form=form, email=email)
        if waiting := own.filter(status__in=WAITING).first():
            mails.mail_known(waiting)
            return None
        rejected = own.filter(status=ApplicationStatus.REJECTED).select_related("form").order_by("-decided").first()
        if rejected is not None and ((again := rejected.again_from) is None or again > timezone.now()):
            mails.mail_too_early(rejected, again)
            return None
        application = Application(
            form=form, version=version, name=name, email=email, locale=sent.locale[:16], answers=_stored(answers),
            source=_source(sent.source), referred_by=_referrer(form, sent.referred_by), visited=sent.visited,
            base_url=sent.base_url[:300], assigned=form.manager,
        )  # fmt: skip
        _fill(application)
        invitation = sent.invitation if sent.invitation is not None and sent.invitation.email == email else None
        if invitation is not None:  # only the reader of the mail has the link
            application.verified = timezone.now()
        if form.verify_email and invitation is None:
            validate(application)
            application.save(force_insert=True)
            mails.mail_verify(application)
        else:
            _start(application)
            validate(application)
            application.save(force_insert=True)
            _received(application)
        if invitation is not None:
            invitation.application = application
            invitation.save(update_fields=["application"])
    return application


def verify(actor: Actor, application_id: UUID) -> Application:
    """Take the use of a link in a mail as proof of the address: the application can be decided now.

    Using the link again changes nothing. Raises NotFound.
    """
    with changing(actor):
        application = _locked(application_id)
        if application.status != ApplicationStatus.UNVERIFIED:
            return application
        others = Application.objects.filter(form=application.form, email=application.email).exclude(pk=application.pk)
        if others.filter(status__in=WAITING).exists():  # the person has used the link of another one before
            application.status = ApplicationStatus.WITHDRAWN
            application.decided = timezone.now()
            application.save()
            return application
        others.filter(status=ApplicationStatus.UNVERIFIED).update(
            status=ApplicationStatus.WITHDRAWN, decided=timezone.now()
        )
        application.verified = timezone.now()
        _start(application)
        application.save()
        _received(application)
    return application


def answer_question(actor: Actor, application_id: UUID, text: str) -> Application:
    """Answer the question of an operator; the clock goes on. Raises NotFound, Invalid, Conflict."""
    text = text.strip()
    if not text or len(text) > ANSWER_CHARS_MAX:
        raise Invalid(
            FieldError("answer", _("Write an answer of 1 to %(max)d characters.") % {"max": ANSWER_CHARS_MAX})
        )
    with changing(actor):
        application = _locked(application_id)
        if application.status != ApplicationStatus.NEEDS_INFO:
            raise Conflict(_("there is no open question"))
        add_note(application, "answer", text, application.name)
        application.status, application.question = ApplicationStatus.NEW, ""
        end_pause(application, timezone.now())
        application.save()
    return application


def withdraw(actor: Actor, application_id: UUID) -> Application:
    """Withdraw an application for the applicant. Raises NotFound, Conflict."""
    with changing(actor):
        application = _locked(application_id)
        check_move(application, ApplicationStatus.WITHDRAWN)
        application.status, application.decided = ApplicationStatus.WITHDRAWN, timezone.now()
        application.due = None
        application.save()
        mails.mail_withdrawn(application)
    return application


def check_move(application: Application, to: ApplicationStatus) -> None:
    """Check that a state is allowed after the present one. Raises Conflict."""
    allowed = TRANSITIONS[ApplicationStatus(application.status)]
    if to not in allowed:
        then = f"it may become {', '.join(sorted(allowed))}" if allowed else "this is final"
        raise Conflict(f"the application is {application.status} and cannot become {to}; {then}")


def add_note(application: Application, kind: str, text: str, by: str) -> None:
    """Add a question, an answer or an internal note. Raises Conflict if there are too many."""
    if len(application.notes) >= NOTES_MAX:
        raise Conflict(f"the application has {NOTES_MAX} notes already")
    at = timezone.now().isoformat(timespec="seconds")
    application.notes = [*application.notes, {"kind": kind, "text": text, "by": by[:254], "at": at}]


def end_pause(application: Application, now: datetime) -> None:
    """End the pause of the clock, and find the due time again."""
    if application.pauses and application.pauses[-1][1] is None:
        application.pauses = [*application.pauses[:-1], [application.pauses[-1][0], now.isoformat()]]
    clock = application.clock
    application.due = clock.due(business_calendar()) if clock is not None else None


def _start(application: Application) -> None:
    """Make an application one that can be decided: start its clock, and assess what is known at once."""
    application.status, application.started = ApplicationStatus.NEW, timezone.now()
    end_pause(application, application.started)
    assess(application)


def _received(application: Application) -> None:
    mails.mail_received(application)
    enqueue(ASSESS_TASK, {"application": str(application.pk)}, key=f"assess:{application.pk}")


def _locked(application_id: UUID) -> Application:
    # Without joins to rows that may be missing: PostgreSQL locks no outer join.
    rows = Application.objects.select_for_update(of=("self",)).select_related("form", "version")
    found = rows.filter(pk=application_id).first()
    if found is None:
        raise NotFound(_("there is no such application"))
    return found


def _checked(definition: Definition, sent: Submission) -> tuple[str, str, dict[str, Any]]:
    """Return name, mail address and answers. Raises Invalid with all mistakes."""
    mistakes = Mistakes()
    name = " ".join(str(sent.name or "").split())
    if not name:
        mistakes.add("name", _("This field is required."))
    elif len(name) > NAME_CHARS_MAX or any(ord(char) < 32 for char in name):
        mistakes.add("name", _("Use at most %(max)d characters.") % {"max": NAME_CHARS_MAX})
    email = normal_email(str(sent.email or "").strip())
    try:
        validate_email(email)
    except ValidationError:
        mistakes.add("email", _("Enter an e-mail address, such as name@example.com."))
    answers: dict[str, Any] = {}
    with mistakes.gathered():
        answers = check_answers(definition, sent.answers)
    mistakes.check()
    return name, email, answers


def _stored(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return answers as JSON, with files stored."""
    return {key: _stored_file(value) if isinstance(value, Upload) else value for key, value in answers.items()}


def _stored_file(upload: Upload) -> dict[str, Any]:
    file = store_file(upload.name, upload.content_type, [upload.content], UPLOAD_BYTES_MAX)
    return {"file": str(file.pk), "name": file.name, "size_bytes": file.size_bytes, "type": file.content_type}


def _fill(application: Application) -> None:
    """Copy the answers that duplicates and lists are found by."""
    definition, answers = application.version.definition, application.answers
    for name, most in (("company", 200), ("website", 500), ("country", 2), ("tax_id", 200)):
        setattr(application, name, str(filled(definition, answers, name) or "")[:most])
    application.tax_id = "".join(char for char in application.tax_id if char.isalnum()).upper()


def _source(source: Mapping[str, str]) -> dict[str, str]:
    kept = {key: str(source.get(key, ""))[:SOURCE_CHARS_MAX] for key in SOURCE_KEYS}
    return {key: "".join(char for char in text if char.isprintable()) for key, text in kept.items() if text}


def _referrer(form: ApplicationForm, number: int | None) -> Partner | None:
    """Return the partner who has passed the form on, if the form allows it and the partner works."""
    if number is None or not form.referral_allowed:
        return None
    works = (PartnerStatus.APPROVED, PartnerStatus.ACTIVE, PartnerStatus.DORMANT)
    return Partner.objects.filter(number=number, status__in=works).first()
