"""API: webhooks, their deliveries, test and replay."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from control.accounts.middleware import actor_of
from control.accounts.roles import Action, Area
from control.api.answers import answers
from control.api.etags import check_if_match, set_etag
from control.api.lists import Orders, PageQuery, exactly, page
from control.api.merge_patch import MergePatch
from control.audit.event_resources import event_types
from control.errors import NotFound
from control.filters import From, To
from control.json_lookups import HoldsText
from control.webhooks import replaying, services
from control.webhooks.models import URL_CHARS_MAX, Delivery, Webhook
from control.webhooks.outbox import body_of

webhooks = Router(tags=["webhooks"])
_ORDERS = Orders({"created": "created"}, "created")
_DELIVERY_ORDERS = Orders({"id": "id"}, "-id")
_ID_MAX = 2**63 - 1
REPLAY_IDS_MAX = 500


class WebhookFields(Schema):
    """Fields of a webhook that may be changed."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=URL_CHARS_MAX, description="Address that gets the events.")
    description: str = Field("", max_length=200)
    events: list[str] = Field(
        min_length=1, max_length=100, description="Types of events; `offer.*` is all of offers, `*` is all."
    )
    owner_email: str = Field("", max_length=254, description="Address that is told when the webhook is disabled.")
    status: str = Field(max_length=8, description="active or paused; disabled after failing for days.")


class WebhookIn(WebhookFields):
    """A webhook to add."""

    status: str = Field("active", max_length=8, description="active or paused.")


class WebhookPatch(MergePatch, WebhookFields):
    """Fields of a webhook to change."""


class WebhookOut(WebhookFields):
    """A webhook."""

    id: str
    created: datetime
    created_by: str
    failing_since: datetime | None = Field(description="First failure after the last success.")
    old_secret_valid_until: datetime | None = Field(description="Until then, the secret before the rotation signs too.")


class WebhookCreated(WebhookOut):
    """A new webhook with its secret, which is shown this once."""

    secret: str


class WebhookSecret(Schema):
    """A new secret, shown this once."""

    secret: str
    old_secret_valid_until: datetime


class WebhookQuery(PageQuery):
    """Filters of webhooks."""

    url: str = Field("", max_length=URL_CHARS_MAX)
    events: str = Field("", max_length=40, description="An entry that webhooks have, such as `offer.*`.")
    status: str = Field("", max_length=8)
    owner_email: str = Field("", max_length=254)
    created_by: str = Field("", max_length=254)


class WebhookPage(Schema):
    """Page of webhooks."""

    items: list[WebhookOut]
    next: str | None


class EventTypes(Schema):
    """Types of events."""

    items: list[str]


class DeliveryOut(Schema):
    """One event on its way to a webhook."""

    id: int
    event: str = Field(description="Id of the event; receivers get it as webhook-id.")
    type: str
    object_id: str
    sequence: int
    state: str = Field(description="pending, delivered or failed.")
    attempts: int
    next_at: datetime | None
    answer_status: int | None = Field(description="Status of the last answer.")
    error: str
    created: datetime
    finished: datetime | None


class AttemptOut(Schema):
    """One request, with its answer."""

    at: datetime
    duration_ms: int
    answer_status: int | None
    answer: str = Field(description="First bytes of the answer.")
    error: str


class DeliveryDetail(DeliveryOut):
    """A delivery with its requests."""

    body: str = Field(description="Content of the request.")
    log: list[AttemptOut]


class DeliveryQuery(PageQuery):
    """Filters of deliveries."""

    state: str = Field("", max_length=9)
    type: str = Field("", max_length=40)
    event: str = Field("", max_length=64)
    object_id: str = Field("", max_length=64)
    answer_status: int | None = Field(None, ge=100, le=599)
    from_: From = Field("", alias="from")
    to: To = Field("")


class DeliveryPage(Schema):
    """Page of deliveries."""

    items: list[DeliveryOut]
    next: str | None


class ReplayIn(Schema):
    """Deliveries to send again: finished ones that fit all that is given. All that failed without a body."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["", "delivered", "failed"] = Field("failed", description="Both if it is empty.")
    type: str = Field("", max_length=40, description="Type of event.")
    since: datetime | None = Field(None, description="Only events of this time or later.")
    until: datetime | None = Field(None, description="Only events before this time.")
    deliveries: list[int] | None = Field(None, max_length=REPLAY_IDS_MAX, description="Only these, by id.")


class Replayed(Schema):
    """Number of events that are sent again."""

    replayed: int


def _values(webhook: Webhook) -> dict[str, Any]:
    names = WebhookOut.model_fields.keys() - {"id", "old_secret_valid_until"}
    values = {name: getattr(webhook, name) for name in names}
    return {"id": str(webhook.pk), "old_secret_valid_until": webhook.old_valid_until, **values}


def webhook_out(webhook: Webhook) -> WebhookOut:
    """Show a webhook, without its secret."""
    return WebhookOut(**_values(webhook))


def _delivery_values(delivery: Delivery) -> dict[str, Any]:
    names = ("id", "state", "attempts", "next_at", "answer_status", "error", "created", "finished")
    event = delivery.event
    of_event = {"event": event.id, "type": event.type, "object_id": event.object_id, "sequence": event.sequence}
    return {**of_event, **{name: getattr(delivery, name) for name in names}}


def _delivery(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(**_delivery_values(delivery))


@webhooks.get("", response=answers(WebhookPage))
def list_webhooks(request: HttpRequest, query: Query[WebhookQuery]) -> HttpResponse:
    """List webhooks."""
    found = exactly(services.webhooks(actor_of(request)), query, "url", "status", "owner_email", "created_by")
    if query.events:
        found = found.filter(HoldsText("events", query.events))
    if query.q:
        found = found.filter(url__icontains=query.q)
    return page(request, found, query, _ORDERS, webhook_out)


@webhooks.post("", response=answers(WebhookCreated, status=201, errors=(409,)))
def add_webhook(request: HttpRequest, response: HttpResponse, body: WebhookIn) -> Status[WebhookCreated]:
    """Add a webhook, and answer its secret this once."""
    actor, values = actor_of(request), body.model_dump(exclude_unset=True)
    status = values.pop("status", "active")
    with transaction.atomic():
        webhook, secret = services.create_webhook(actor, values)
        if status != webhook.status:
            webhook = services.set_webhook_status(actor, webhook.pk, status)
    set_etag(response, webhook_out(webhook))
    return Status(201, WebhookCreated(secret=secret, **_values(webhook)))


@webhooks.get("/event-types", response=answers(EventTypes))
def list_event_types(request: HttpRequest) -> EventTypes:
    """List the types of events."""
    actor_of(request).require(Area.SETTINGS, Action.READ)
    return EventTypes(items=event_types())


@webhooks.get("/{webhook_id}", response=answers(WebhookOut, errors=(404,)))
def get_webhook(request: HttpRequest, response: HttpResponse, webhook_id: UUID) -> WebhookOut:
    """Get one webhook."""
    shown = webhook_out(services.webhook_of(actor_of(request), webhook_id))
    set_etag(response, shown)
    return shown


@webhooks.patch("/{webhook_id}", response=answers(WebhookOut, errors=(404, 412)))
def patch_webhook(request: HttpRequest, response: HttpResponse, webhook_id: UUID, body: WebhookPatch) -> WebhookOut:
    """Change, pause or activate a webhook."""
    actor = actor_of(request)
    actor.require(Area.SETTINGS, Action.WRITE)
    with transaction.atomic():
        webhook = services.locked_webhook(webhook_id)
        before = webhook_out(webhook)
        check_if_match(request, before)
        values = body.values(before)
        status = values.pop("status", webhook.status)
        webhook = services.change_webhook(actor, webhook_id, values)
        if status != webhook.status:
            webhook = services.set_webhook_status(actor, webhook_id, status)
    shown = webhook_out(webhook)
    set_etag(response, shown)
    return shown


@webhooks.delete("/{webhook_id}", response=answers(None, status=204, errors=(404,)))
def remove_webhook(request: HttpRequest, webhook_id: UUID) -> Status[None]:
    """Delete a webhook with its deliveries."""
    services.delete_webhook(actor_of(request), webhook_id)
    return Status(204, None)


@webhooks.post("/{webhook_id}/rotate-secret", response=answers(WebhookSecret, errors=(404,)))
def rotate_secret(request: HttpRequest, webhook_id: UUID) -> WebhookSecret:
    """Give a webhook a new secret, and answer it this once. For a day the old one signs too."""
    webhook, secret = services.rotate_secret(actor_of(request), webhook_id)
    assert webhook.old_valid_until is not None
    return WebhookSecret(secret=secret, old_secret_valid_until=webhook.old_valid_until)


@webhooks.post("/{webhook_id}/test", response=answers(DeliveryOut, status=201, errors=(404, 409)))
def send_test(request: HttpRequest, webhook_id: UUID) -> Status[DeliveryOut]:
    """Send the event `webhook.test` to this webhook."""
    return Status(201, _delivery(services.send_test(actor_of(request), webhook_id)))


@webhooks.post("/{webhook_id}/replay", response=answers(Replayed, errors=(404, 409)))
def replay_many(request: HttpRequest, webhook_id: UUID, body: ReplayIn | None = None) -> Replayed:
    """Send events of a webhook again: all that failed, those since a time, of a type, or these; at most 100,000."""
    given = body or ReplayIn.model_validate({})
    ids = None if given.deliveries is None else [_row_id(number) for number in given.deliveries]
    wanted = replaying.Wanted(given.state, given.type, _aware(given.since), _aware(given.until), ids)
    return Replayed(replayed=replaying.replay_many(actor_of(request), webhook_id, wanted))


@webhooks.get("/{webhook_id}/deliveries", response=answers(DeliveryPage, errors=(404,)))
def list_deliveries(request: HttpRequest, webhook_id: UUID, query: Query[DeliveryQuery]) -> HttpResponse:
    """List deliveries, newest first."""
    found = services.deliveries(actor_of(request), webhook_id)
    of_event = {"type": "event__type", "event": "event__id", "object_id": "event__object_id"}
    found = exactly(found, query, "state", "answer_status", **of_event, from_="created__gte", to="created__lt")
    if query.q:
        found = found.filter(event__object_id=query.q)
    return page(request, found, query, _DELIVERY_ORDERS, _delivery)


@webhooks.get("/{webhook_id}/deliveries/{delivery_id}", response=answers(DeliveryDetail, errors=(404,)))
def get_delivery(request: HttpRequest, webhook_id: UUID, delivery_id: int) -> DeliveryDetail:
    """Get one delivery: its request, and each attempt with the answer."""
    found = services.deliveries(actor_of(request), webhook_id).filter(pk=_row_id(delivery_id)).first()
    if found is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    names = AttemptOut.model_fields
    log = [AttemptOut(**{name: getattr(attempt, name) for name in names}) for attempt in found.log.all()]
    return DeliveryDetail(body=body_of(found.event).decode(), log=log, **_delivery_values(found))


@webhooks.post("/{webhook_id}/deliveries/{delivery_id}/replay", response=answers(DeliveryOut, errors=(404, 409)))
def replay_delivery(request: HttpRequest, webhook_id: UUID, delivery_id: int) -> DeliveryOut:
    """Send one event again, with the same webhook-id."""
    return _delivery(replaying.replay(actor_of(request), webhook_id, _row_id(delivery_id)))


def _aware(time: datetime | None) -> datetime | None:
    """Return a time with its zone; without one it is UTC."""
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _row_id(number: int) -> int:
    """Return a number that columns can hold; others belong to nothing."""
    return number if 0 < number <= _ID_MAX else 0
