"""Decisions of operators and rules about applications. Each function is one transition."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.apps import apps
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from control.accounts.actor import Actor
from control.accounts.invitations import store_invitation
from control.accounts.languages import language_of
from control.accounts.roles import Action, Area, Limit, PartnerRole
from control.applications import mails
from control.applications.links import absolute
from control.applications.models import Application, AutoRule
from control.applications.profile import partner_values
from control.applications.selectors import visible_applications
from control.applications.states import ApplicationStatus
from control.applications.submitting import add_note, check_move
from control.audit.origin import ActorKind
from control.changes import changing
from control.errors import Conflict, FieldError, Invalid, NotFound
from control.modules.states import is_on
from control.partners.access import check_partners
from control.partners.models import Partner
from control.partners.selectors import possible_managers
from control.partners.services import create_partner
from control.partners.states import PartnerStatus
from control.program.versions import changing_program
from control.reasons.models import ReasonArea
from control.reasons.services import Chosen, choose, reason_text

QUESTION_CHARS_MAX = NOTE_CHARS_MAX = 4_000


def ask(actor: Actor, application_id: UUID, question: str) -> Application:
    """Ask the applicant for more; the clock stands still meanwhile. Raises Forbidden, NotFound, Invalid, Conflict."""
    question = question.strip()
    if not question or len(question) > QUESTION_CHARS_MAX:
        raise Invalid(FieldError("question", f"must have 1 to {QUESTION_CHARS_MAX} characters"))
    with changing(actor):
        application = locked_application(actor, application_id, Action.APPROVE)
        check_move(application, ApplicationStatus.NEEDS_INFO)
        add_note(application, "question", question, actor.name)
        application.status, application.question, application.due = ApplicationStatus.NEEDS_INFO, question, None
        application.pauses = [*application.pauses, [timezone.now().isoformat(), None]]
        application.save()
        mails.mail_question(application)
    return application


def approve(
    actor: Actor, application_id: UUID, *, contract_template: str = "", partner: int | None = None, note: str = "",
    rule: AutoRule | None = None, contract_values: Mapping[str, Any] | None = None,
) -> Application:  # fmt: skip
    """Make the applicant a partner, invite the person as its owner, and send a contract if one is named.

    With `partner`, the application joins a partner that is there, and no new one is made. The one mail to the
    applicant has the link of the invitation. Raises Forbidden, NotFound, Invalid, Conflict.
    """
    # The lock of the program comes before all others.
    with changing_program(actor):
        application = locked_application(actor, application_id, Action.APPROVE)
        check_move(application, ApplicationStatus.APPROVED)
        template = contract_template or ("" if partner is not None else application.form.contract_template)
        if template and not _has_contracts():
            raise Invalid(FieldError("contract_template", "cannot be sent, because the module Contracts is off"))
        joined = _joined(actor, partner) if partner is not None else _new_partner(actor, application)
        _, token = store_invitation(actor, application.email, PartnerRole.OWNER, joined.number)
        _decide(application, ApplicationStatus.APPROVED, actor, rule, note)
        application.partner = joined
        application.save()
        mails.mail_approved(application, absolute(application, reverse("accept_invitation", args=[token])))
        if template:
            send = import_string("control.contracts.services.send_contract")
            send(actor, joined.number, template, values=dict(contract_values or {}))
    return application


def reject(
    actor: Actor, application_id: UUID, reason: str, text: str = "", *, note: str = "", rule: AutoRule | None = None
) -> Application:
    """Reject an application; the mail has the reason, if it is shown, and the date from which one may apply again.

    Raises Forbidden, NotFound, Invalid, Conflict.
    """
    chosen = choose(ReasonArea.APPLICATION, reason, text)
    with changing(actor):
        application = locked_application(actor, application_id, Action.APPROVE)
        check_move(application, ApplicationStatus.REJECTED)
        _decide(application, ApplicationStatus.REJECTED, actor, rule, note)
        application.reason, application.reason_text = chosen.code, chosen.text
        application.reason_shown = chosen.shown
        application.save()
        mails.mail_rejected(application, shown_reason(application), application.again_from)
    return application


def note(actor: Actor, application_id: UUID, text: str) -> Application:
    """Add an internal note. Raises Forbidden, NotFound, Invalid, Conflict."""
    text = text.strip()
    if not text or len(text) > NOTE_CHARS_MAX:
        raise Invalid(FieldError("text", f"must have 1 to {NOTE_CHARS_MAX} characters"))
    with changing(actor):
        application = locked_application(actor, application_id, Action.WRITE)
        add_note(application, "note", text, actor.name)
        application.save(update_fields=["notes"])
    return application


def assign(actor: Actor, application_id: UUID, user_id: UUID | None) -> Application:
    """Give an application to an operator, or back to all. Its clock goes on. Raises Forbidden, NotFound, Invalid."""
    with changing(actor):
        application = locked_application(actor, application_id, Action.WRITE)
        if actor.is_limited(Area.PARTNERS, Limit.OWN) and user_id not in (None, UUID(actor.id)):
            raise Invalid(FieldError("assigned", "can only be yourself or nobody for managers of their own partners"))
        user = possible_managers().filter(pk=user_id).first() if user_id is not None else None
        if user_id is not None and user is None:
            raise Invalid(FieldError("assigned", f"there is no operator who may manage partners {user_id}"))
        application.assigned = user
        application.save(update_fields=["assigned"])
    return application


def shown_reason(application: Application) -> str:
    """Return the reason of a rejection as the applicant reads it; empty if it is not shown."""
    if application.status != ApplicationStatus.REJECTED:
        return ""
    chosen = Chosen(application.reason, application.reason_text, application.reason_shown)
    return reason_text(ReasonArea.APPLICATION, chosen, language_of(application.locale))


def locked_application(actor: Actor, application_id: UUID, action: Action) -> Application:
    """Return an application for a change, locked. Raises Forbidden, NotFound."""
    rows = visible_applications(actor, action).select_for_update(of=("self",))
    found = rows.filter(pk=application_id).first()
    if found is None:
        raise NotFound(f"there is no application {application_id}")
    return found


def _decide(application: Application, to: ApplicationStatus, actor: Actor, rule: AutoRule | None, text: str) -> None:
    now = timezone.now()
    if text.strip():
        add_note(application, "note", text.strip()[:NOTE_CHARS_MAX], actor.name)
    if application.pauses and application.pauses[-1][1] is None:
        application.pauses = [*application.pauses[:-1], [application.pauses[-1][0], now.isoformat()]]
    application.status, application.decided, application.due = to, now, None
    application.question = ""
    application.decided_by = (actor.name or actor.kind)[:254]
    application.rule = rule.name if rule is not None else ""


def _new_partner(actor: Actor, application: Application) -> Partner:
    """Make the partner. A manager who sees own partners only becomes the manager of it."""
    values = partner_values(application)
    manager = application.assigned or application.form.manager
    if manager is not None and not actor.is_limited(Area.PARTNERS, Limit.OWN):
        values["manager"] = manager
    return create_partner(actor, values, PartnerStatus.APPROVED)


def _joined(actor: Actor, number: int) -> Partner:
    """Return the partner that an application joins. Raises NotFound, Conflict."""
    check_partners(actor, Area.PARTNERS, Action.WRITE, number)
    found = Partner.objects.filter(number=number).first()
    if found is None:
        raise NotFound(f"there is no partner {number}")
    if found.status in (PartnerStatus.SUSPENDED, PartnerStatus.OFFBOARDED):
        raise Conflict(f"partner {number} is {found.status}; reinstate the partner first")
    return found


def _has_contracts() -> bool:
    return apps.is_installed("control.contracts") and is_on("contracts")


def as_rule(rule: AutoRule) -> Actor:
    """Return the actor of a rule: the audit trail names it."""
    return Actor(ActorKind.JOB, str(rule.pk), f"rule {rule.name}", reason=f"rule {rule.name}: {rule.action}")
