"""Changes of webhooks."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from control.accounts.actor import Actor
from control.accounts.models import User
from control.accounts.roles import Action, Area, Role
from control.audit.audited import change_of, stored_rows
from control.audit.event_resources import is_event_type
from control.audit.origin import ActorKind
from control.audit.record import Change, record
from control.changes import apply_values, changing, locked
from control.configuration import current_configuration
from control.errors import Conflict, FieldError, Invalid, NotFound
from control.jobs.queue import enqueue
from control.webhooks.models import Delivery, Webhook, WebhookEvent, WebhookStatus
from control.webhooks.signing import new_secret, seal_secret
from control.webhooks.target import TargetRefused, is_literal_refused, parse_target

FIELDS = frozenset({"url", "description", "events", "owner_email"})
WEBHOOKS_MAX = 50
OLD_SECRET_VALID = timedelta(days=1)
"""Time for which the old secret signs too after a rotation."""
REMOVE_TASK = "webhooks.remove"


TEST = "webhook.test"
"""Event that is sent on request."""


def is_subscription(entry: str) -> bool:
    """Return whether a text names a type of events, all of a resource, or all."""
    return entry == "*" or is_event_type(entry)


def webhooks(actor: Actor) -> QuerySet[Webhook]:
    """Return the webhooks. Raises Forbidden."""
    actor.require(Area.SETTINGS, Action.READ)
    return Webhook.objects.exclude(status=WebhookStatus.DELETED)


def webhook_of(actor: Actor, webhook_id: UUID) -> Webhook:
    """Return one webhook. Raises Forbidden, NotFound."""
    found = webhooks(actor).filter(pk=webhook_id).first()
    if found is None:
        raise NotFound(f"there is no webhook {webhook_id}")
    return found


def deliveries(actor: Actor, webhook_id: UUID | None = None) -> QuerySet[Delivery]:
    """Return deliveries of all webhooks, or of one. Raises Forbidden, NotFound."""
    actor.require(Area.SETTINGS, Action.READ)
    rows = Delivery.objects.select_related("event", "webhook").exclude(webhook__status=WebhookStatus.DELETED)
    return rows if webhook_id is None else rows.filter(webhook=webhook_of(actor, webhook_id))


def create_webhook(actor: Actor, values: Mapping[str, Any]) -> tuple[Webhook, str]:
    """Store a webhook; return it with its secret, which is shown once. Raises Forbidden, Invalid, Conflict."""
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        if webhooks(actor).count() >= WEBHOOKS_MAX:
            raise Conflict(f"there are {WEBHOOKS_MAX} webhooks already; delete one first")
        webhook, secret = Webhook(created_by=actor.name[:254], events=[]), new_secret()
        webhook.sealed_secret = seal_secret(webhook, secret)
        _set(webhook, {"owner_email": _email_of(actor), "url": "", "events": [], **values})
        webhook.save(force_insert=True)
    return webhook, secret


def change_webhook(actor: Actor, webhook_id: UUID, values: Mapping[str, Any]) -> Webhook:
    """Change fields of a webhook. Raises Forbidden, NotFound, Invalid."""
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        webhook = locked_webhook(webhook_id)
        _set(webhook, values)
        webhook.save()
    return webhook


def set_webhook_status(actor: Actor, webhook_id: UUID, status: str) -> Webhook:
    """Pause or activate a webhook. Events that come while it is paused wait. Raises Forbidden, NotFound, Invalid."""
    actor.require(Area.SETTINGS, Action.WRITE)
    if status not in (WebhookStatus.ACTIVE, WebhookStatus.PAUSED):
        raise Invalid(FieldError("status", "must be active or paused; only a failing receiver disables a webhook"))
    with changing(actor):
        webhook = locked_webhook(webhook_id)
        if webhook.status != status:
            webhook.status = status
            webhook.failing_since, webhook.resting_until, webhook.failures = None, None, 0
            webhook.full_since = None
            webhook.save()
    return webhook


def rotate_secret(actor: Actor, webhook_id: UUID) -> tuple[Webhook, str]:
    """Give a webhook a new secret; for a day both sign. Raises Forbidden, NotFound."""
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        webhook, secret = locked_webhook(webhook_id), new_secret()
        webhook.old_sealed_secret, webhook.old_valid_until = webhook.sealed_secret, timezone.now() + OLD_SECRET_VALID
        webhook.sealed_secret = seal_secret(webhook, secret)
        webhook.save()
    return webhook, secret


def delete_webhook(actor: Actor, webhook_id: UUID) -> None:
    """Delete a webhook. Its deliveries, which may be many, are deleted by a job. Raises Forbidden, NotFound."""
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        row = stored_rows(Webhook, [locked_webhook(webhook_id).pk])[webhook_id]
        record(change_of(Webhook, "deleted", row, None))
        QuerySet(Webhook).filter(pk=webhook_id).update(status=WebhookStatus.DELETED)
        enqueue(REMOVE_TASK, {"webhook": str(webhook_id)}, key=f"webhook-remove:{webhook_id}")


def send_test(actor: Actor, webhook_id: UUID) -> Delivery:
    """Send a test event to one webhook. Raises Forbidden, NotFound, Conflict."""
    actor.require(Area.SETTINGS, Action.WRITE)
    with changing(actor):
        webhook = active_webhook(webhook_id)
        data = {"object": {"text": "A test of this webhook."}, "actor": {"kind": str(actor.kind), "id": actor.id}}
        event = WebhookEvent.objects.create(type=TEST, object_id=str(webhook.pk), data=data)
        record(Change("tested", Webhook._meta.label_lower, str(webhook.pk), webhook.url))
        return Delivery.objects.create(webhook=webhook, event=event)


def locked_webhook(webhook_id: UUID) -> Webhook:
    """Return a webhook, locked until the transaction ends. Raises NotFound."""
    webhook = locked(Webhook, "webhook", pk=webhook_id)
    if webhook.status == WebhookStatus.DELETED:
        raise NotFound(f"there is no webhook {webhook_id}")
    return webhook


def active_webhook(webhook_id: UUID) -> Webhook:
    """Return a webhook that sends, locked. Raises NotFound, Conflict."""
    webhook = locked_webhook(webhook_id)
    if webhook.status != WebhookStatus.ACTIVE:
        raise Conflict(f"the webhook is {webhook.status}; activate it first")
    return webhook


def _set(webhook: Webhook, values: Mapping[str, Any]) -> None:
    """Set fields and check them. Raises Invalid with all mistakes."""
    errors = []
    if "url" in values and (mistake := _url_mistake(str(values["url"]))):
        errors.append(FieldError("url", mistake))
    if "events" in values and (mistake := _events_mistake(values["events"])):
        errors.append(FieldError("events", mistake))
    if errors:
        raise Invalid(*errors)
    apply_values(webhook, values, FIELDS)


def _url_mistake(url: str) -> str:
    networks = current_configuration().settings.webhooks.networks()
    try:
        target = parse_target(url)
    except TargetRefused as error:
        return str(error)
    if is_literal_refused(target, networks):
        return "is not a public address; CLEW_WEBHOOKS__PRIVATE_NETWORKS names the networks that webhooks may go to"
    return ""


def _events_mistake(events: Sequence[str]) -> str:
    if not events:
        return "must name at least one type of events; * names all"
    wrong = [entry for entry in events if not is_subscription(entry)]
    if wrong:
        return f"there are no events {', '.join(wrong)[:200]}; GET /webhooks/event-types lists them"
    return "must not name an event twice" if len(set(events)) != len(events) else ""


def _email_of(actor: Actor) -> str:
    """Return the address of the person who makes a webhook; for keys and commands, that of the first owner."""
    people = User.objects.filter(is_active=True)
    if actor.kind is ActorKind.PERSON:
        person = people.filter(pk=actor.id).first()
    else:
        person = people.filter(role=Role.OWNER).order_by("created").first()
    return person.email if person is not None else ""
