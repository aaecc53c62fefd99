"""Approval of terms by a second person: ask for it, approve, decline, withdraw."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.models import ApiKey, User
from control.accounts.roles import OPERATORS, Action, Area, Role
from control.audit.origin import ActorKind
from control.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from control.notifications.mails import page_link, queue_mail
from control.partners.access import require_operator
from control.program.models import ProgramHead, PublishRequest, RequestKind, RequestState
from control.program.publishing import carry_out, content_of
from control.program.versions import Approval, changing_program
from control.scheduled.services import check_time, schedule_terms

MAILS_MAX = 50
CHANGES_IN_MAIL_MAX = 20
"""Most people who get a mail about one request; the others see it on Home."""
_APPROVERS = [role for role in Role if Action.APPROVE in OPERATORS[role][Area.PROGRAM].actions]


def publish_requests(actor: Actor) -> QuerySet[PublishRequest]:
    """Return all requests, newest first. Raises Forbidden."""
    require_operator(actor, Area.PROGRAM, Action.READ)
    return PublishRequest.objects.all()


def publish_request_of(actor: Actor, request_id: UUID) -> PublishRequest:
    """Return one request. Raises Forbidden, NotFound."""
    found = publish_requests(actor).filter(pk=request_id).first()
    if found is None:
        raise NotFound(f"there is no publish request {request_id}")
    return found


def ask_to_publish(
    actor: Actor, comment: str = "", back_to: int | None = None, at: datetime | None = None
) -> PublishRequest:
    """Ask another person to approve the drafts as they are now, or a rollback to a version. Approvers get a mail.

    With `at`, the terms count from then. The request replaces the open ones.
    Raises Forbidden, NotFound, Invalid, and Conflict if nothing would change.
    """
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    kind = RequestKind.PUBLISH if back_to is None else RequestKind.ROLLBACK
    if at is not None:
        check_time(at)
    with changing_program(actor, comment):
        content = content_of(kind, back_to)
        PublishRequest.objects.filter(state=RequestState.OPEN).update(state=RequestState.REPLACED)
        request = PublishRequest.objects.create(
            kind=kind, back_to=back_to, content_hash=content.hash, diff=content.difference, comment=comment, at=at,
            requester_kind=actor.kind, requester_id=actor.id, requester=(actor.name or actor.kind)[:254],
        )  # fmt: skip
        _tell_approvers(request)
    return request


def is_unchanged(request: PublishRequest) -> bool:
    """Return whether approving a request would publish what it shows."""
    try:
        return content_of(request.kind, request.back_to).hash == request.content_hash
    except (Conflict, Invalid, NotFound):
        return False


def may_decide(actor: Actor, request: PublishRequest) -> bool:
    """Return whether an actor may approve or decline a request."""
    return _obstacle(actor, request) == ""


def _obstacle(actor: Actor, request: PublishRequest) -> str:
    """Return why an actor may not decide about a request; empty if it may."""
    if actor.kind is not ActorKind.PERSON:
        return "only a person approves terms; sign in to the console"
    own_key = request.requester_kind == ActorKind.API_KEY and ApiKey.objects.filter(
        pk=request.requester_id, created_by=actor.name[:254]
    )
    if (request.requester_kind, request.requester_id) == (actor.kind, actor.id) or (own_key and own_key.exists()):
        return "another person must decide: the request is your own"
    return "" if actor.may(Area.PROGRAM, Action.APPROVE) else "your role does not approve terms"


def approve_request(actor: Actor, request_id: UUID, reason: str = "") -> PublishRequest:
    """Approve a request, which publishes its content: at once, or at the time that it names.

    The version names both people.
    Raises Forbidden, NotFound, Invalid, and Conflict for an own request, one that is decided, and changed drafts.
    """
    require_operator(actor, Area.PROGRAM, Action.APPROVE)
    with changing_program(actor, reason) as head:
        request = _open(actor, request_id)
        if content_of(request.kind, request.back_to).hash != request.content_hash:
            raise Conflict("the terms have changed since the request; look at the difference, and ask again")
        _decide(actor, request, RequestState.APPROVED, reason)
        if request.at is not None and request.at > timezone.now():
            schedule_terms(actor, request.at, reason, request.back_to, request)
        else:
            request.version = _publish(head, request, actor)
            request.save(update_fields=["version"])
    return request


def _publish(head: ProgramHead, request: PublishRequest, actor: Actor) -> int:
    approval = Approval(request.requester, actor.name, request.comment)
    return carry_out(head, request.kind, request.back_to, approval).seq


def decline_request(actor: Actor, request_id: UUID, reason: str) -> PublishRequest:
    """Decline a request; the drafts stay. Raises Forbidden, NotFound, Conflict, and Invalid without a reason."""
    require_operator(actor, Area.PROGRAM, Action.APPROVE)
    with changing_program(actor, reason):
        if not reason.strip():
            raise Invalid(FieldError("reason", "is missing; say what should be different"))
        request = _open(actor, request_id)
        _decide(actor, request, RequestState.DECLINED, reason)
    return request


def withdraw_request(actor: Actor, request_id: UUID) -> PublishRequest:
    """Take an own request back. Raises Forbidden, NotFound, Conflict."""
    require_operator(actor, Area.PROGRAM, Action.WRITE)
    with changing_program(actor):
        request = _locked(actor, request_id)
        if (request.requester_kind, request.requester_id) != (actor.kind, actor.id):
            raise Forbidden("only the one who asked may withdraw a request")
        request.state, request.decided = RequestState.WITHDRAWN, timezone.now()
        request.save(update_fields=["state", "decided"])
    return request


def _locked(actor: Actor, request_id: UUID) -> PublishRequest:
    """Return an open request, locked. Raises NotFound, Conflict."""
    request = publish_requests(actor).select_for_update().filter(pk=request_id).first()
    if request is None:
        raise NotFound(f"there is no publish request {request_id}")
    if request.state != RequestState.OPEN:
        raise Conflict(f"the request is {request.state} already")
    return request


def _open(actor: Actor, request_id: UUID) -> PublishRequest:
    request = _locked(actor, request_id)
    if obstacle := _obstacle(actor, request):
        raise Conflict(obstacle)
    return request


def _decide(actor: Actor, request: PublishRequest, state: RequestState, reason: str) -> None:
    request.state, request.decider, request.decided = state, actor.name[:254], timezone.now()
    request.decision_reason = reason
    request.save(update_fields=["state", "decider", "decided", "decision_reason"])
    if request.requester_kind != ActorKind.PERSON:
        return
    email = User.objects.filter(pk=UUID(request.requester_id), is_active=True).values_list("email", flat=True).first()
    if email:
        values = {"who": request.decider, "state": request.state, "reason": reason, **_values(request)}
        queue_mail("publish_request.decided", email, values)


def _tell_approvers(request: PublishRequest) -> None:
    people = User.objects.filter(is_active=True, role__in=_APPROVERS).order_by("email")
    others = [user.email for user in people if str(user.pk) != request.requester_id]
    values = {
        "who": request.requester, "comment": request.comment, "changes": request.diff[:CHANGES_IN_MAIL_MAX],
        **_values(request),
    }  # fmt: skip
    for email in others[:MAILS_MAX]:
        queue_mail("publish_request.waiting", email, values)


def _values(request: PublishRequest) -> dict[str, object]:
    return {"back_to": request.back_to, "link": page_link("console_publish_request", request.pk)}
