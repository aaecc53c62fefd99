"""Health of the system: edges, engine, jobs, mail, each as one sentence with what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from control.accounts.actor import Actor
from control.accounts.roles import Action, Area
from control.configuration import current_configuration
from control.distribution.models import Follower
from control.distribution.selectors import SILENT_S
from control.engine.hits import engine_lag
from control.errors import Refused
from control.jobs.models import Job, JobState
from control.jobs.registry import paused_tasks
from control.program.versions import current
from control.ui.formats import count_text

LATE_S = 300
"""A job that has been due for this long says that no worker runs."""
LOST_S = 86_400
"""A follower that has not asked for this long was switched off; it is not missed any more."""
LAG_RECORDS_MAX = 50_000
"""More records than ingest takes in one batch: the engine is behind."""
_MAIL_TASK = "mail.send"

State = Literal["good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the system."""

    name: str
    state: State
    text: str
    fix: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """All parts, and the line that sums them up."""

    parts: tuple[Part, ...]

    @property
    def state(self) -> State:
        """State of the worst part."""
        states = {part.state for part in self.parts}
        return "bad" if "bad" in states else "warn" if "warn" in states else "good"

    @property
    def line(self) -> str:
        """Return the faults in one line, the worst first."""
        faults = [part for state in ("bad", "warn") for part in self.parts if part.state == state]
        if not faults:
            texts = {part.name: part.text for part in self.parts}
            engine = texts.get("Engine", "")
            return f"{texts['Edges']}; engine {engine[:1].lower()}{engine[1:]}." if engine else f"{texts['Edges']}."
        return "; ".join(f"{part.name}: {part.text[:1].lower()}{part.text[1:]}" for part in faults) + "."


def health(actor: Actor, *, asks_engine: bool = True) -> Health:
    """Return the health of the system. Parts link to pages that the actor may open.

    Without `asks_engine` nothing is waited for: the engine is left out.
    """
    now = timezone.now()
    engine = (_engine(),) if asks_engine else ()
    return Health((_edges(actor, now), _followers(now), *engine, _jobs(actor, now), _mail(actor)))


def _edges(actor: Actor, now: datetime) -> Part:
    """Say which edges have the newest version."""
    version, alive = current(), Follower.objects.filter(kind="edge", seen__gte=now - timedelta(seconds=SILENT_S))
    number = alive.count()
    href = reverse("console_versions") if actor.may(Area.PROGRAM, Action.READ) else ""
    if version is None:
        return Part("Edges", "good", "No version is published yet", "Publish the program, then links work.", href)
    if not number:
        fix = "Start the edges; with a program file that rules, no edge follows and this is as it should be."
        return Part("Edges", "warn", "No edge follows the control plane", fix, href)
    live = alive.filter(sequence__gte=version.seq).count()
    text = f"{live} of {number} {'edge' if number == 1 else 'edges'} live on version {version.seq}"
    if live < number:
        return Part("Edges", "warn", text, "Wait a few seconds; if it stays, look into the log of the edges.", href)
    return Part("Edges", "good", text, "", href)


def _followers(now: datetime) -> Part:
    """Say which followers have asked before, and not lately."""
    silent = Follower.objects.filter(
        seen__lt=now - timedelta(seconds=SILENT_S), seen__gte=now - timedelta(seconds=LOST_S)
    ).order_by("seen")
    number = silent.count()
    if not number:
        return Part("Followers", "good", "All edges and engines are in touch")
    names = ", ".join(f"{row.name} for {timesince(row.seen, now, depth=1)}" for row in silent[:3])
    more = f" and {number - 3} more" if number > 3 else ""
    return Part(
        "Followers", "warn", f"{number} out of touch: {names}{more}",
        "They go on with the version that they have. Check that they run and reach the control plane.",
    )  # fmt: skip


def _engine() -> Part:
    """Say how far the engine is behind."""
    try:
        lag: Mapping[str, Any] = engine_lag()
    except Refused as error:
        text = str(error)
        return Part(
            "Engine", "bad", f"{text[:1].upper()}{text[1:]}", "Check that the engine runs; hits are kept meanwhile."
        )
    if lag["unhealthy"]:
        return Part("Engine", "bad", str(lag["unhealthy"]), "Look into the log of the engine; hits are kept meanwhile.")
    ingest, attribution = int(lag["ingest_records"]), int(lag["attribution_records"])
    if not ingest and not attribution:
        return Part("Engine", "good", "Up to date")
    text = f"{count_text(max(ingest, attribution))} records behind"
    if max(ingest, attribution) < LAG_RECORDS_MAX:
        return Part("Engine", "good", text)
    return Part("Engine", "warn", text, "Reports lag until it has caught up; it catches up by itself after a burst.")


def _jobs(actor: Actor, now: datetime) -> Part:
    href = reverse("console_jobs") if actor.may(Area.JOBS, Action.READ) else ""
    due = Job.objects.filter(state=JobState.READY, run_at__lt=now - timedelta(seconds=LATE_S))
    late = due.exclude(task__in=paused_tasks()).count()
    dead = Job.objects.filter(state=JobState.DEAD).exclude(task=_MAIL_TASK).count()
    waiting = Job.objects.filter(state=JobState.READY).count()
    if late:
        text = f"{count_text(late)} {'job waits' if late == 1 else 'jobs wait'} for more than {LATE_S // 60} minutes"
        return Part("Jobs", "bad", text, "Start the jobs worker (`clew jobs`).", f"{href}?state=ready" if href else "")
    if dead:
        text = f"{count_text(dead)} dead {'job' if dead == 1 else 'jobs'}"
        return Part("Jobs", "warn", text, "Read the error, then replay them.", f"{href}?state=dead" if href else "")
    return Part("Jobs", "good", f"{count_text(waiting)} waiting" if waiting else "None waiting", "", href)


def _mail(actor: Actor) -> Part:
    href = f"{reverse('console_jobs')}?task={_MAIL_TASK}&state=dead" if actor.may(Area.JOBS, Action.READ) else ""
    dead = Job.objects.filter(state=JobState.DEAD, task=_MAIL_TASK).count()
    has_server = bool(current_configuration().settings.mail.server)
    if dead:
        text = f"{count_text(dead)} {'mail was' if dead == 1 else 'mails were'} not sent"
        fix = "Correct the mail server's settings" if has_server else "Set CLEW_MAIL__SERVER"
        return Part("Mail", "warn", text, f"{fix}, then replay the jobs.", href)
    if not has_server:
        return Part("Mail", "warn", "No mail server is set", "Set CLEW_MAIL__SERVER; no mail leaves until then.")
    return Part("Mail", "good", "All mail was sent")
