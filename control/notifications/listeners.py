"""Changes that people are told of below the bell."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from control.accounts.models import User
from control.accounts.roles import Action, Area
from control.audit.origin import ActorKind
from control.notifications.events import Event, on
from control.notifications.notices import notify, operators_who_may, people_of_partner
from control.partners.models import Partner
from control.program.models import Approval, ApprovalStatus, PublishRequest
from control.scheduled.models import ScheduledChange

_PARTNER_TEXTS = {
    "approved": _("%(partner)s is approved."),
    "active": _("%(partner)s is active. Your links count."),
    "suspended": _("%(partner)s is suspended. Your links do not count any more."),
    "offboarded": _("%(partner)s has left the program. Your links do not count any more."),
}
_OFFER_TEXTS = {
    ApprovalStatus.APPROVED: _("You may promote %(offer)s now."),
    ApprovalStatus.REJECTED: _("You may not promote %(offer)s."),
}


@on("partner.status_changed")
def tell_of_partner(event: Event) -> None:
    """Tell the people of a partner that its state has changed."""
    text = _PARTNER_TEXTS.get(str(event.after["status"]))
    if text is not None and event.partner is not None:
        _tell_partner(event.partner, event.type, text, {"partner": event.object_name})


@on("approval.created", "approval.status_changed")
def tell_of_approval(event: Event) -> None:
    """Tell the people of a partner whether they may promote an offer."""
    row = Approval.objects.select_related("offer").get(pk=event.object_id)
    text = _OFFER_TEXTS.get(ApprovalStatus(row.status))
    if text is not None:
        _tell_partner(row.partner_id, event.type, text, {"offer": row.offer.name})


@on("publish_request.requested")
def tell_approvers(event: Event) -> None:
    """Tell those who may approve terms that some wait."""
    request = PublishRequest.objects.get(pk=event.object_id)
    others = operators_who_may(Area.PROGRAM, Action.APPROVE).exclude(pk=_person(request.requester_id))
    text = _("%(who)s asks for your approval of new terms.")
    notify(others, event.type, text, {"who": request.requester}, reverse("console_publish_request", args=[request.pk]))


@on("publish_request.approved", "publish_request.declined")
def tell_requester(event: Event) -> None:
    """Tell the person who asked to publish terms that another one has decided."""
    request = PublishRequest.objects.get(pk=event.object_id)
    is_approved = event.type.endswith("approved")
    text = _("%(who)s has approved your terms.") if is_approved else _("%(who)s has declined your terms.")
    if request.requester_kind == ActorKind.PERSON:
        people = User.objects.filter(pk=_person(request.requester_id), is_active=True)
        notify(
            people, event.type, text, {"who": request.decider}, reverse("console_publish_request", args=[request.pk])
        )


@on("scheduled_change.failed")
def tell_of_failure(event: Event) -> None:
    """Tell the person who scheduled a change that it was not made."""
    row = ScheduledChange.objects.get(pk=event.object_id)
    if row.actor_kind == ActorKind.PERSON:
        people = User.objects.filter(pk=_person(row.actor_id), is_active=True)
        text = _("%(change)s was not made: %(why)s")
        notify(people, event.type, text, {"change": str(row), "why": row.result}, reverse("console_scheduled"))


def _tell_partner(number: int, kind: str, text: object, values: dict[str, object]) -> None:
    language = Partner.objects.filter(number=number).values_list("language", flat=True).first() or ""
    notify(people_of_partner(number), kind, text, values, reverse("portal_home"), language)


def _person(key: str) -> UUID:
    """Return the key of a person; one that nobody has for systems and commands."""
    try:
        return UUID(key)
    except ValueError:
        return UUID(int=0)
