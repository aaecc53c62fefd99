"""Pages of webhooks and their deliveries."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.audit.event_resources import event_types
from control.audit.selectors import history_of
from control.console.access import page
from control.console.forms.base import ListField
from control.console.forms.page import form_page, posted
from control.console.history import timeline
from control.console.lists.page import list_page
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec
from control.errors import NotFound, Refused
from control.filters import start_of_day
from control.ui.moments import day_text, second_text
from control.ui.states import state_text, state_tone
from control.ui.table import Cell
from control.webhooks import replaying, services
from control.webhooks.models import Delivery, DeliveryState, Webhook, WebhookStatus
from control.webhooks.outbox import body_of

_RECENT_ROWS, _HISTORY_ROWS = 10, 30
_STATES = [choice for choice in WebhookStatus.choices if choice[0] != WebhookStatus.DELETED]


def _time(moment: datetime | None) -> str:
    return second_text(moment) if moment is not None else ""


def _status(row: Webhook) -> Cell:
    if row.status == WebhookStatus.ACTIVE and row.failing_since is not None:
        return Cell("Failing", badge="bad")
    return Cell(row.get_status_display(), badge="bad" if row.status == "disabled" else state_tone(row.status))


def _columns(_actor: Actor) -> Sequence[ListColumn[Webhook]]:
    return [
        ListColumn[Webhook](
            "url", "Address",
            lambda row: Cell(row.url[:80], note=row.description, href=reverse("console_webhook", args=[row.pk])),
            ("url",),
        ),
        ListColumn[Webhook]("status", "State", _status, ("status",)),
        ListColumn[Webhook]("events", "Events", lambda row: ", ".join(row.events)),
        ListColumn[Webhook]("created", "Made", lambda row: day_text(row.created), ("created",)),
        ListColumn[Webhook]("created_by", "Made by", lambda row: row.created_by, ("created_by",)),
    ]  # fmt: skip


WEBHOOKS: ListSpec[Webhook] = ListSpec(
    key="webhooks", title="Webhooks", noun="webhook", nouns="webhooks", url_name="console_webhooks",
    text="Other systems are told of changes as they happen. Each request is signed.",
    rows=services.webhooks, columns=_columns, order="-created",
    search=lambda _actor, rows, text: rows.filter(url__icontains=text), search_label="Search by address",
    empty=Empty(
        "No webhooks yet", "Make one for each system that is to be told of changes.", "webhook", "New webhook",
        "console_webhook_new",
    ),
    filters=(
        Filter("status", "State", lambda rows, value: rows.filter(status=value), lambda _: _STATES),
    ),
)  # fmt: skip


def _delivery_columns(_actor: Actor) -> Sequence[ListColumn[Delivery]]:
    return [
        ListColumn[Delivery](
            "event", "Event",
            lambda row: Cell(
                row.event.type, note=row.event.object_id,
                href=reverse("console_webhook_delivery", args=[row.webhook_id, row.pk]),
            ),
        ),
        ListColumn[Delivery]("webhook", "Webhook", lambda row: str(row.webhook)[:60]),
        ListColumn[Delivery]("state", "State", lambda row: Cell(state_text(row.state), badge=state_tone(row.state))),
        ListColumn[Delivery]("answer", "Answer", lambda row: str(row.answer_status or "")),
        ListColumn[Delivery]("attempts", "Attempts", lambda row: str(row.attempts), numeric=True),
        ListColumn[Delivery]("next", "Next attempt", lambda row: _time(row.next_at)),
        ListColumn[Delivery]("error", "Error", lambda row: row.error, shown=False),
        ListColumn[Delivery]("created", "Time", lambda row: _time(row.created)),
    ]  # fmt: skip


def _replay_one(actor: Actor, row_id: str, _values: Mapping[str, Any]) -> Mapping[str, Any]:
    for why in _replay_batch(actor, [row_id]).values():
        raise NotFound(why)
    return {}


def _replay_batch(actor: Actor, row_ids: Sequence[str]) -> Mapping[str, str]:
    refused = replaying.replay_listed(actor, [int(row_id) for row_id in row_ids])
    return {str(number): why for number, why in refused.items()}


DELIVERIES: ListSpec[Delivery] = ListSpec(
    key="webhook-deliveries", title="Deliveries", noun="delivery", nouns="deliveries",
    url_name="console_webhook_deliveries", rows=services.deliveries, columns=_delivery_columns, order="-created",
    by_cursor=True, search=lambda _actor, rows, text: rows.filter(event__object_id=text),
    search_label="Search by the id of the object",
    empty=Empty("No deliveries", "Deliveries appear when something changes that a webhook wants.", "webhook"),
    filters=(
        Filter("state", "State", lambda rows, value: rows.filter(state=value), lambda _: DeliveryState.choices),
        Filter(
            "type", "Event", lambda rows, value: rows.filter(event__type=value),
            lambda _: [(kind, kind) for kind in event_types()],
        ),
        Filter(
            "webhook", "Webhook", lambda rows, value: rows.filter(webhook=UUID(value)),
            lambda actor: [(str(row.pk), str(row)[:60]) for row in services.webhooks(actor)],
        ),
        Filter("from", "From", lambda rows, day: rows.filter(created__gte=start_of_day(day)), kind="date"),
        Filter("to", "To", lambda rows, day: rows.filter(created__lt=start_of_day(day)), kind="date"),
    ),
    bulk=(
        BulkAction(
            "replay", "Send again", "sent again", _replay_one, apply_batch=_replay_batch, area=Area.SETTINGS,
            text="The events are sent again with the same webhook-id, so that receivers recognise them.",
        ),
    ),
)  # fmt: skip


class WebhookForm(forms.Form):
    """Address and events of a webhook."""

    url = forms.CharField(
        label="Address", max_length=2_000, help_text="A public address, such as https://crm.example/hook."
    )
    description = forms.CharField(label="Description", max_length=200, required=False)
    events = ListField(
        label="Events", initial="*",
        help_text="Types of events with commas, such as partner.created, offer.*; * is all.",
    )  # fmt: skip
    owner_email = forms.EmailField(
        label="Owner", required=False, help_text="Gets a mail when the webhook is disabled; without it, you do."
    )


def _crumbs(webhook: Webhook | None = None) -> list[tuple[str, str]]:
    crumbs = [("Settings", reverse("console_settings")), ("Webhooks", reverse("console_webhooks"))]
    return crumbs if webhook is None else [*crumbs, (str(webhook)[:60], _address(webhook.pk))]


def _address(webhook_id: UUID) -> str:
    return reverse("console_webhook", args=[webhook_id])


@page(Area.SETTINGS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List webhooks."""
    can_add = actor.may(Area.SETTINGS, Action.WRITE)
    return list_page(request, actor, WEBHOOKS, can_add=can_add, crumbs=_crumbs()[:1])


@page(Area.SETTINGS)
def delivery_index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List deliveries."""
    return list_page(request, actor, DELIVERIES, crumbs=_crumbs())


def _secret_page(request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
    """Show a secret this once: the answer to the POST is the page, so that no address leads back to it."""
    context = {
        "title": "Secret of the webhook", "text": secret, "crumbs": _crumbs(webhook), "back": _address(webhook.pk),
        "label": "Secret for signatures",
    }  # fmt: skip
    answer = render(request, "console/secret.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


@page(Area.SETTINGS, Action.WRITE)
def new(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Make a webhook, and show its secret."""
    form, made = WebhookForm(posted(request)), []

    def save() -> tuple[str, str]:
        values = {name: value for name, value in form.cleaned_data.items() if name != "owner_email" or value}
        made.append(services.create_webhook(actor, values))
        return "", ""

    answer = form_page(request, form, save, title="New webhook", submit="Make webhook", crumbs=_crumbs())
    if not made:
        return answer
    list(messages.get_messages(request))  # the page with the secret says enough
    return _secret_page(request, *made[0])


@page(Area.SETTINGS, Action.WRITE)
def edit(request: HttpRequest, actor: Actor, webhook_id: UUID) -> HttpResponse:
    """Change a webhook."""
    webhook = services.webhook_of(actor, webhook_id)
    form = WebhookForm(posted(request), initial={name: getattr(webhook, name) for name in services.FIELDS})

    def save() -> tuple[str, str]:
        services.change_webhook(actor, webhook_id, form.cleaned_data)
        return "The webhook is saved.", _address(webhook_id)

    return form_page(request, form, save, title="Edit webhook", submit="Save", crumbs=_crumbs(webhook))


@page(Area.SETTINGS)
def show(request: HttpRequest, actor: Actor, webhook_id: UUID) -> HttpResponse:
    """Show a webhook: its state, its newest deliveries, its history."""
    webhook = services.webhook_of(actor, webhook_id)
    recent = services.deliveries(actor, webhook_id).order_by("-id")[:_RECENT_ROWS]
    is_active = webhook.status == WebhookStatus.ACTIVE
    context = {
        "webhook": webhook, "title": str(webhook)[:100], "crumbs": _crumbs(), "is_active": is_active,
        "may_change": actor.may(Area.SETTINGS, Action.WRITE),
        "facts": [
            ("Address", webhook.url), ("Events", ", ".join(webhook.events)), ("Owner", webhook.owner_email),
            ("Made by", webhook.created_by), ("Made", _time(webhook.created)),
            ("Full since", _time(webhook.full_since)),
            ("Failing since", _time(webhook.failing_since)), ("Rests until", _time(webhook.resting_until)),
            ("Old secret signs until", _time(webhook.old_valid_until)),
        ],
        "deliveries": [
            {
                "title": row.event.type, "text": row.error or f"{_time(row.created)}",
                "end": state_text(row.state), "href": reverse("console_webhook_delivery", args=[webhook_id, row.pk]),
            }
            for row in recent
        ],
        "all": f"{reverse('console_webhook_deliveries')}?webhook={webhook_id}",
        "moves": [
            {"label": label, "href": _act_address(webhook_id, act)}
            for act, (label, *_) in _ACTS.items()
            if act != ("activate" if is_active else "pause") and (is_active or act in ("activate", "secret", "delete"))
        ],
        "items": timeline(history_of("webhooks.webhook", str(webhook_id))[:_HISTORY_ROWS], actor),
    }  # fmt: skip
    return render(request, "console/webhook.html", context)


class ReplayForm(forms.Form):
    """Failed deliveries to send again."""

    since = forms.DateTimeField(
        label="Since (UTC)", required=False, help_text="Only what was to be sent then or later; all without it.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )  # fmt: skip


@page(Area.SETTINGS, Action.WRITE)
def replay_failed(request: HttpRequest, actor: Actor, webhook_id: UUID) -> HttpResponse:
    """Send failed deliveries again, all or those since a time."""
    webhook = services.webhook_of(actor, webhook_id)
    form = ReplayForm(posted(request))
    count = replaying.count_of(actor, webhook_id, replaying.Wanted())

    def save() -> tuple[str, str]:
        sent = replaying.replay_many(actor, webhook_id, replaying.Wanted(since=form.cleaned_data["since"]))
        return f"{sent:,} failed {'delivery is' if sent == 1 else 'deliveries are'} sent again.", _address(webhook_id)

    number = f"{count:,}" if count else "No"
    text = f"{number} {'delivery' if count == 1 else 'deliveries'} of this webhook failed."
    return form_page(
        request, form, save, title="Replay failed deliveries", submit="Send again", crumbs=_crumbs(webhook), text=text
    )


def _test(actor: Actor, webhook_id: UUID) -> str:
    services.send_test(actor, webhook_id)
    return "A test event is on its way."


def _pause(actor: Actor, webhook_id: UUID) -> str:
    services.set_webhook_status(actor, webhook_id, WebhookStatus.PAUSED)
    return "The webhook is paused."


def _activate(actor: Actor, webhook_id: UUID) -> str:
    services.set_webhook_status(actor, webhook_id, WebhookStatus.ACTIVE)
    return "The webhook is active."


def _delete(actor: Actor, webhook_id: UUID) -> str:
    services.delete_webhook(actor, webhook_id)
    return "The webhook is deleted."


_ACTS: dict[str, tuple[str, str, Callable[[Actor, UUID], str]]] = {
    "test": ("Send test event", "The event webhook.test is sent to this webhook.", _test),
    "replay": ("Replay failed", "", lambda *_: ""),
    "pause": ("Pause", "Events wait until the webhook is active again.", _pause),
    "activate": ("Activate", "Events that wait are sent.", _activate),
    "secret": ("Rotate secret", "For a day, requests are signed with the old and the new secret.", lambda *_: ""),
    "delete": ("Delete", "Its deliveries are deleted with it.", _delete),
}


def _act_address(webhook_id: UUID, act: str) -> str:
    if act == "replay":
        return reverse("console_webhook_replay", args=[webhook_id])
    return reverse("console_webhook_act", args=[webhook_id, act])


@page(Area.SETTINGS, Action.WRITE)
def act(request: HttpRequest, actor: Actor, webhook_id: UUID, name: str) -> HttpResponse:
    """Ask before something is done to a webhook; then do it."""
    webhook = services.webhook_of(actor, webhook_id)
    if name not in _ACTS or name == "replay":
        raise Http404(f"there is no act {name}")
    label, text, run = _ACTS[name]
    if request.method == "POST":
        if name == "secret":
            return _secret_page(request, *services.rotate_secret(actor, webhook_id))
        try:
            messages.success(request, run(actor, webhook_id))
        except Refused as error:
            messages.error(request, f"Not done: {error}.")
        return HttpResponseRedirect(reverse("console_webhooks") if name == "delete" else _address(webhook_id))
    context = {
        "title": f"{label}?", "text": text, "submit": label, "crumbs": _crumbs(webhook), "back": _address(webhook_id),
        "danger": name == "delete",
    }  # fmt: skip
    return render(request, "console/ask.html", context)


@page(Area.SETTINGS)
def delivery(request: HttpRequest, actor: Actor, webhook_id: UUID, delivery_id: int) -> HttpResponse:
    """Show one delivery: its request, and each attempt with the answer. A POST sends it again."""
    row = services.deliveries(actor, webhook_id).filter(pk=delivery_id).first()
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    if request.method == "POST":
        try:
            replaying.replay(actor, webhook_id, delivery_id)
        except Refused as error:
            messages.error(request, f"Not sent again: {error}.")
        else:
            messages.success(request, "The event is on its way again.")
        return HttpResponseRedirect(request.path)
    context = {
        "row": row, "title": row.event.type, "crumbs": _crumbs(row.webhook),
        "may_replay": actor.may(Area.SETTINGS, Action.WRITE) and row.webhook.status == WebhookStatus.ACTIVE,
        "facts": [
            ("webhook-id", row.event.id), ("Object", row.event.object_id), ("Attempts", str(row.attempts)),
            ("Next attempt", _time(row.next_at)), ("Stored", _time(row.created)), ("Finished", _time(row.finished)),
        ],
        "body": json.dumps(json.loads(body_of(row.event)), indent=2, ensure_ascii=False),
        "log": [
            {
                "title": f"Answer {entry.answer_status}" if entry.answer_status else "No answer",
                "when": _time(entry.at), "error": entry.error, "answer": entry.answer,
                "id": f"answer-{number}", "duration": f"{entry.duration_ms:,} ms",
            }
            for number, entry in enumerate(row.log.all())
        ],
    }  # fmt: skip
    return render(request, "console/webhook_delivery.html", context)
