"""Home of the console, and home of its settings."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince, timeuntil

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.applications.selectors import sees_applications, waiting_applications
from control.audit.selectors import visible_events
from control.console.access import page
from control.console.figures.home import home_figures
from control.console.health import health
from control.console.history import recent
from control.console.lists.bulk_page import course
from control.console.lists.counts import counts
from control.console.waiting import applied_partners, waiting_to_decide
from control.jobs.models import Job, JobState
from control.modules.states import is_page_on
from control.partners.access import sees_all, visible_partners
from control.partners.selectors import counts_by_status
from control.partners.states import PartnerStatus
from control.program.models import PublishRequest, RequestState
from control.scheduled.models import ChangeState
from control.scheduled.services import scheduled_changes
from control.ui.charts.donut import donut_chart
from control.ui.formats import count_text

_RECENT_ROWS = 8
_FAILED_DAYS = 7


@page()
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show figures of a period, work that waits, recent changes, partners by state, and the health of the system."""
    may_add = actor.may(Area.PARTNERS, Action.WRITE)
    by_state = _by_state(actor) if actor.may(Area.PARTNERS, Action.READ) else {}
    context = {
        "title": "Home",
        "queues": _queues(request, actor),
        "recent": recent(visible_events(actor)[:_RECENT_ROWS]) if actor.may(Area.AUDIT, Action.READ) else None,
        "chart": _chart(by_state),
        "counts": by_state,
        "health": health(actor, asks_engine=False),
        "may_add": may_add,
        **(home_figures(request, actor) if actor.may(Area.REPORTS, Action.READ) else {}),
    }
    return render(request, "console/home.html", context)


def _by_state(actor: Actor) -> dict[str, int]:
    """Return the number of partners in each state for the chart; large numbers may be some seconds old."""
    key = ("partners by state", None if sees_all(actor, Area.PARTNERS) else actor.id)
    return counts.kept(key, lambda: counts_by_status(actor), lambda found: sum(found.values()))


def _queues(request: HttpRequest, actor: Actor) -> list[dict[str, Any]]:
    """Return the work that waits for this person; a queue without work is left out."""
    queues = []
    may_read = actor.may(Area.PARTNERS, Action.READ)
    if may_read and (applied := applied_partners(request)):
        oldest = visible_partners(actor).filter(status=PartnerStatus.APPLIED).order_by("created").first()
        since = timesince(oldest.created, timezone.now()) if oldest is not None else ""
        queues.append(
            {
                "title": f"{count_text(applied)} {'application' if applied == 1 else 'applications'}",
                "text": f"The oldest has waited for {since}.", "icon": "user-plus",
                "href": f"{reverse('console_partners')}?status=applied&order=created",
            }
        )  # fmt: skip
    queues += _to_decide(request, actor)
    if may_read and (approved := visible_partners(actor).filter(status=PartnerStatus.APPROVED).count()):
        queues.append(
            {
                "title": f"{count_text(approved)} approved", "text": "Approved, and not active yet.",
                "icon": "user-check",
                "href": f"{reverse('console_partners')}?status=approved&order=created",
            }
        )  # fmt: skip
    if actor.may(Area.PROGRAM, Action.APPROVE) and (asked := _asked()):
        queues.append(
            {
                "title": f"{count_text(asked)} publish {'request' if asked == 1 else 'requests'}",
                "text": "New terms wait for an approval.", "icon": "rocket",
                "href": f"{reverse('console_publish_requests')}?state=open",
            }
        )  # fmt: skip
    if failed := _failed(actor):
        queues.append(
            {
                "title": f"{count_text(failed)} scheduled {'change' if failed == 1 else 'changes'} failed",
                "text": "In the last seven days.", "icon": "alert-triangle",
                "href": f"{reverse('console_scheduled')}?state=failed",
            }
        )  # fmt: skip
    if actor.may(Area.JOBS, Action.READ) and (dead := Job.objects.filter(state=JobState.DEAD).count()):
        queues.append(
            {
                "title": f"{count_text(dead)} dead {'job' if dead == 1 else 'jobs'}",
                "text": "Tried often, and given up.", "icon": "alert-triangle",
                "href": f"{reverse('console_jobs')}?state=dead",
            }
        )  # fmt: skip
    return queues


def _to_decide(request: HttpRequest, actor: Actor) -> list[dict[str, Any]]:
    """Return the queue of applications; nothing without work."""
    if not is_page_on("console_applications") or not sees_applications(actor):
        return []
    if not (waiting := waiting_to_decide(request)):
        return []
    first = waiting_applications(actor).exclude(due=None).order_by("due").first()
    return [
        {
            "title": f"{count_text(waiting)} {'application' if waiting == 1 else 'applications'} to decide",
            "text": _due_text(first.due) if first is not None and first.due is not None else "",
            "icon": "user-plus",
            "href": f"{reverse('console_applications')}?status=waiting",
        }
    ]


def _due_text(due: datetime) -> str:
    now = timezone.now()
    return (
        f"The first one is {timesince(due, now)} late." if due < now else f"The first is due in {timeuntil(due, now)}."
    )


def _failed(actor: Actor) -> int:
    since = timezone.now() - timedelta(days=_FAILED_DAYS)
    return scheduled_changes(actor).filter(state=ChangeState.FAILED, finished__gte=since).count()


def _asked() -> int:
    return PublishRequest.objects.filter(state=RequestState.OPEN).count()


def _chart(by_state: dict[str, int]) -> Any:
    named = [(state.label, float(by_state[state])) for state in PartnerStatus if by_state.get(state)]
    return donut_chart("Partners by state", named, note="partners") if named else None


@page(Area.SETTINGS)
def settings(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the pages of settings."""
    entries = [
        (Area.SETTINGS, "Program", "Name, currency, time zone, fallback page", "console_program_settings", "settings"),
        (Area.SETTINGS, "What partners see", "Revenue and profit in their figures", "console_partner_settings", "eye"),
        (Area.PEOPLE, "People", "Operators with their roles, and partners' people", "console_people", "users"),
        (
            Area.PEOPLE,
            "Invitations",
            "Links by e-mail that wait, were used, or have expired",
            "console_invitations",
            "mail",
        ),
        (Area.SETTINGS, "API keys", "Keys for other systems, with a scope each", "console_keys", "key"),
        (Area.SETTINGS, "Mails", "Texts of mails, by language", "console_mail_templates", "mail"),
        (Area.SETTINGS, "Modules", "Parts that can be switched on and off", "console_modules", "components"),
        (Area.SETTINGS, "Installation", "What the environment sets, to read", "console_installation", "stack"),
        (Area.SETTINGS, "Webhooks", "Other systems are told of changes", "console_webhooks", "webhook"),
        (Area.AUDIT, "Audit trail", "Every change with who, when and why", "console_audit", "history"),
        (Area.JOBS, "Jobs", "Background work and its dead list", "console_jobs", "list-check"),
    ]
    items = [
        {"title": title, "text": text, "href": reverse(name), "icon": icon}
        for area, title, text, name, icon in entries
        if actor.may(area, Action.READ) and is_page_on(name)
    ]
    return render(request, "console/settings.html", {"title": "Settings", "items": items})


@page()
def bulk(request: HttpRequest, actor: Actor, bulk_id: UUID) -> HttpResponse:
    """Show a change of many rows."""
    return course(request, actor, bulk_id)
