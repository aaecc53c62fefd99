"""Numbers of a form: visited, started, submitted, decided."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from control.applications.models import Application, ApplicationForm, FormDay
from control.applications.states import ApplicationStatus


@dataclass(frozen=True, slots=True)
class Funnel:
    """Numbers of people, by the step that they have reached."""

    visited: int = 0
    started: int = 0
    submitted: int = 0
    verified: int = 0
    decided: int = 0
    approved: int = 0


def count_visit(form: ApplicationForm, *, started: bool = False) -> None:
    """Count a visit of the page, or the first entry in a field."""
    day = timezone.now().date()
    row, _ = FormDay.objects.get_or_create(form=form, day=day)
    name = "started" if started else "visited"
    FormDay.objects.filter(pk=row.pk).update(**{name: F(name) + 1})


def funnel(form: ApplicationForm, days: int = 30) -> Funnel:
    """Return the numbers of the last days."""
    since = timezone.now() - timedelta(days=days)
    seen = FormDay.objects.filter(form=form, day__gte=since.date()).aggregate(v=Sum("visited"), s=Sum("started"))
    decided = (ApplicationStatus.APPROVED, ApplicationStatus.REJECTED)
    sent = Application.objects.filter(form=form, submitted__gte=since).aggregate(
        submitted=Count("pk"), verified=Count("pk", filter=Q(started__isnull=False)),
        decided=Count("pk", filter=Q(status__in=decided)),
        approved=Count("pk", filter=Q(status=ApplicationStatus.APPROVED)),
    )  # fmt: skip
    return Funnel(visited=seen["v"] or 0, started=seen["s"] or 0, **sent)
