"""Changes at a later time: made once, also after a worker has died; refused ones are seen."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.utils import timezone

from control.accounts.actor import Actor, command_line
from control.accounts.models import User
from control.accounts.people import add_operator
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind, acting
from control.configuration import current_configuration
from control.console.forms.when import WhenField
from control.errors import Conflict, Forbidden, Invalid, NotFound
from control.jobs.models import Job, JobState
from control.jobs.queue import take
from control.jobs.worker import run_job
from control.mail.models import OutgoingMail
from control.partners.models import Partner
from control.partners.services import transition
from control.program.models import Offer
from control.program.publishing import publish
from control.program.selectors import version_of
from control.program.services.links import create_link
from control.program.services.offers import set_offer_status
from control.program.services.publish_requests import approve_request, ask_to_publish
from control.scheduled.models import ChangeState, ScheduledChange
from control.scheduled.services import TASK, cancel_change, schedule_status, schedule_terms, scheduled_changes
from runtime.clock import SystemClock
from tests.control.program.sample import ANN, lagoon, live_link, plan, shoes

sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def eve(database: object) -> Actor:
    user = add_operator(command_line(), "eve@acme.example", "admin", "Eve")
    return Actor(ActorKind.PERSON, str(user.pk), "Eve", role=Role.ADMIN)


@pytest.fixture
def offer(eve: Actor) -> Offer:
    """An offer that is published with 8 %, and a link `bl` of partner 1."""
    made = shoes()
    plan(made)
    create_link(ANN, made.number, lagoon().number, "bl")
    publish(ANN, "first")
    return made


def in_hours(hours: float) -> datetime:
    return timezone.now() + timedelta(hours=hours)


def work(now: datetime) -> int:
    """Do the jobs of scheduled changes that are due at a time; return their number."""
    done = 0
    while True:
        Job.objects.exclude(task=TASK).delete()  # mails
        job = take("worker", now, 60)
        if job is None:
            return done
        run_job(job, current_configuration().settings.jobs, SystemClock())
        done += 1


def test_states_change_at_their_time_and_once(offer: Offer, eve: Actor) -> None:
    friday, monday = in_hours(24), in_hours(90)
    paused = schedule_status(eve, "offer", str(offer.number), "paused", friday, "Maintenance")
    schedule_status(eve, "offer", str(offer.number), "active", monday)
    schedule_status(eve, "link", "bl", "inactive", friday)
    assert work(in_hours(23)) == 0
    assert work(friday) == 2
    offer.refresh_from_db()
    link = live_link("bl")
    assert offer.status == "paused" and link is not None and link.status == "inactive"
    event = AuditEvent.objects.filter(object_type="program.offer", action="updated").latest("id")
    assert (event.actor_name, event.before, event.after) == ("Eve", {"status": "active"}, {"status": "paused"})
    assert event.reason.startswith("Maintenance (scheduled on ") and event.reason.endswith("by Eve)")
    # The worker died after the commit and before it said so: another one takes the job again.
    Job.objects.filter(arguments__change=str(paused.pk)).update(state=JobState.READY)
    set_offer_status(ANN, offer.number, "active")
    assert work(friday) == 1
    offer.refresh_from_db()
    assert offer.status == "active"


def test_a_change_that_is_no_longer_allowed_is_seen(offer: Offer, eve: Actor) -> None:
    due = in_hours(1)
    row = schedule_status(eve, "partner", "1", "dormant", due)
    transition(ANN, 1, "offboarded", "the end")
    assert work(due) == 1
    row.refresh_from_db()
    assert (row.state, "cannot become dormant" in row.result) == (ChangeState.FAILED, True)
    assert Partner.objects.get(number=1).status == "offboarded"
    assert OutgoingMail.objects.get(recipients=["eve@acme.example"])


@sqlite
def test_rights_are_those_of_the_time_and_a_change_can_be_cancelled(offer: Offer, eve: Actor) -> None:
    due = in_hours(1)
    cancelled = schedule_status(eve, "link", "bl", "inactive", due)
    cancel_change(eve, cancelled.pk)
    with pytest.raises(Conflict, match="cancelled already"):
        cancel_change(eve, cancelled.pk)
    lost = schedule_status(eve, "link", "bl", "inactive", due)
    with acting(command_line()):
        User.objects.filter(pk=eve.id).update(is_active=False)
    assert work(due) == 2
    lost.refresh_from_db()
    link = live_link("bl")
    assert link is not None and link.status == "active"
    assert (lost.state, "may no longer do it" in lost.result) == (ChangeState.FAILED, True)
    with pytest.raises(Invalid, match="is past"):
        schedule_status(eve, "link", "bl", "inactive", in_hours(-1))
    with pytest.raises(Invalid, match="must be one of active, inactive"):
        schedule_status(eve, "link", "bl", "paused", due)
    with pytest.raises(NotFound):
        schedule_status(eve, "offer", "99", "paused", due)
    member = Actor(ActorKind.PERSON, "2", "Ann", partner=2, partner_role=None)
    with pytest.raises(Forbidden):
        scheduled_changes(member)


def test_terms_count_from_the_chosen_time(offer: Offer, eve: Actor) -> None:
    plan(offer, percent_e6=9_000_000)
    due = in_hours(5)
    schedule_terms(eve, due, "from the season on")
    assert work(due - timedelta(seconds=61)) == 0
    assert work(due - timedelta(seconds=60)) == 1
    version = version_of(ANN)
    assert (version.seq, version.effective, version.author) == (2, due, "Eve")
    plan(offer, percent_e6=7_000_000)
    stale = schedule_terms(eve, in_hours(6))
    plan(offer, goal="lead", percent_e6=1_000_000)
    assert work(in_hours(6)) == 1
    stale.refresh_from_db()
    assert stale.state == ChangeState.FAILED and "have changed since" in stale.result
    assert version_of(ANN).seq == 2


@sqlite
def test_an_approval_schedules_terms(offer: Offer, eve: Actor) -> None:
    plan(offer, percent_e6=9_000_000)
    due = in_hours(5)
    user = add_operator(command_line(), "bob@acme.example", "admin", "Bob")
    bob = Actor(ActorKind.PERSON, str(user.pk), "Bob", role=Role.ADMIN)
    request = ask_to_publish(bob, "season", at=due)
    assert approve_request(eve, request.pk).version is None
    assert ScheduledChange.objects.get().at == due
    assert work(due) == 1
    request.refresh_from_db()
    version = version_of(ANN)
    assert (request.version, version.author, version.approver, version.effective) == (2, "Bob", "Eve", due)


def test_times_are_those_of_the_zone() -> None:
    field = WhenField(ZoneInfo("Europe/Berlin"))
    found = field.clean("2027-07-02T18:00")
    assert found is not None and found.isoformat() == "2027-07-02T16:00:00+00:00"
    assert field.clean("") is None
    for wrong in ("2027-03-28T02:30", "tomorrow"):
        with pytest.raises(forms.ValidationError):
            field.clean(wrong)
