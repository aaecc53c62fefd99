"""Pages of the jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.console.access import page
from control.console.lists.page import list_page
from control.console.lists.spec import BulkAction, Empty, Filter, ListColumn, ListSpec, Options
from control.errors import Refused
from control.jobs.models import Job, JobState
from control.jobs.queue import attempts_max
from control.jobs.selectors import job as find_job
from control.jobs.selectors import jobs
from control.jobs.services import replay_job
from control.ui.moments import second_text
from control.ui.states import state_tone
from control.ui.table import Cell


def _time(moment: datetime | None) -> str:
    return second_text(moment) if moment is not None else ""


def last_line(error: str) -> str:
    """Return the line of an error that says what went wrong."""
    return (error.strip().splitlines() or [""])[-1][:200]


def _progress(job: Job) -> str:
    return f"{job.done_steps:,} of {job.total_steps:,}" if job.total_steps else ""


def _columns(_actor: Actor) -> Sequence[ListColumn[Job]]:
    return [
        ListColumn[Job](
            "task", "Job", lambda row: Cell(row.task, href=reverse("console_job", args=[row.pk])), ("task",)
        ),
        ListColumn[Job](
            "state", "State", lambda row: Cell(row.get_state_display(), badge=state_tone(row.state)), ("state",)
        ),
        ListColumn[Job]("progress", "Progress", _progress),
        ListColumn[Job](
            "attempts", "Attempts", lambda row: str(row.attempts), ("attempts",), numeric=True, descending_first=True
        ),
        ListColumn[Job](
            "error", "Last error", lambda row: Cell(last_line(row.error), error=bool(row.error)),
            export=lambda row: row.error,
        ),
        ListColumn[Job]("asked_by", "Asked by", lambda row: row.asked_by, ("asked_by",)),
        ListColumn[Job]("created", "Asked", lambda row: _time(row.created), ("created",), descending_first=True),
        ListColumn[Job](
            "finished", "Finished", lambda row: _time(row.finished), ("finished",), descending_first=True, shown=False
        ),
    ]  # fmt: skip


def _tasks(actor: Actor) -> Options:
    names = jobs(actor).order_by("task").values_list("task", flat=True).distinct()
    return [(name, name) for name in names]


def _search(_actor: Actor, rows: QuerySet[Job], text: str) -> QuerySet[Job]:
    for word in text.split():
        rows = rows.filter(task__icontains=word) | rows.filter(error__icontains=word)
    return rows


def _replay(actor: Actor, row_id: str, _values: Mapping[str, Any]) -> Mapping[str, Any]:
    replay_job(actor, UUID(row_id))
    return {}


JOBS = ListSpec(
        key="jobs",
        title="Jobs",
        noun="job",
        nouns="jobs",
        text="Work that goes on behind the pages: mail, imports, publishing. A job that failed too often is dead.",
        url_name="console_jobs",
        rows=jobs,
        columns=_columns,
        empty=Empty("No jobs", "Jobs appear when something is imported, sent or published.", "list-check"),
        order="-created",
        search=_search,
        search_label="Search by name or error",
        filters=(
            Filter("state", "State", lambda rows, value: rows.filter(state=value), lambda _: JobState.choices),
            Filter("task", "Job", lambda rows, value: rows.filter(task=value), _tasks),
        ),
        bulk=(
            BulkAction(
                "replay", "Replay", "replayed", _replay, text="Dead jobs are tried again from their start.",
                area=Area.JOBS,
            ),
        ),
    )  # fmt: skip


@page(Area.JOBS)
def index(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List jobs."""
    return list_page(request, actor, JOBS)


@page(Area.JOBS)
def show(request: HttpRequest, actor: Actor, job_id: UUID) -> HttpResponse:
    """Show one job."""
    job = find_job(actor, job_id)
    context = {
        "job": job,
        "title": job.task,
        "crumbs": [("Jobs", reverse("console_jobs"))],
        "is_open": job.state in (JobState.READY, JobState.RUNNING),
        "can_replay": job.state == JobState.DEAD and actor.may(Area.JOBS, Action.WRITE),
        "progress": _progress(job),
        "facts": [
            ("Id", str(job.pk)),
            ("Asked by", job.asked_by),
            ("Asked", _time(job.created)),
            ("Runs from", _time(job.run_at) if job.state == JobState.READY else ""),
            ("Finished", _time(job.finished)),
            ("Attempts", f"{job.attempts} of at most {attempts_max(job.task)}"),
            ("Worker", job.worker),
        ],
    }
    return render(request, "console/job.html", context)


@page(Area.JOBS, Action.WRITE)
def replay(request: HttpRequest, actor: Actor, job_id: UUID) -> HttpResponse:
    """Replay a dead job."""
    job = find_job(actor, job_id)
    if request.method == "POST":
        try:
            replay_job(actor, job_id)
        except Refused as error:
            messages.error(request, f"Not replayed: {error}.")
        else:
            messages.success(request, f"{job.task} is in the queue again.")
        return HttpResponseRedirect(reverse("console_job", args=[job_id]))
    context = {
        "title": f"Replay {job.task}?", "text": "The job is tried again from its start.", "submit": "Replay",
        "crumbs": [("Jobs", reverse("console_jobs"))], "back": reverse("console_job", args=[job_id]),
    }  # fmt: skip
    return render(request, "console/ask.html", context)
