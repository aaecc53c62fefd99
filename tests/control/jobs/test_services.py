"""Jobs for people: rights, replay."""

from uuid import uuid4

import pytest

from control.accounts.actor import Actor, command_line
from control.accounts.roles import Role
from control.audit.models import AuditEvent
from control.audit.origin import ActorKind
from control.errors import Conflict, Forbidden, NotFound
from control.jobs.models import Job, JobState
from control.jobs.selectors import job, jobs
from control.jobs.services import replay_job


@pytest.mark.usefixtures("database")
def test_replay_is_audited_and_only_for_dead_jobs() -> None:
    boss, dead = command_line(), Job.objects.create(task="mail.send", state=JobState.DEAD, attempts=3)
    replay_job(boss, dead.pk)
    assert Job.objects.values_list("state", "attempts").get() == (JobState.READY, 0)
    event = AuditEvent.objects.get(object_type="jobs.job")
    assert (event.action, event.object_id, event.actor_name) == ("replayed", str(dead.pk), "command line")
    with pytest.raises(Conflict, match="only a dead job"):
        replay_job(boss, dead.pk)
    with pytest.raises(NotFound):
        replay_job(boss, uuid4())


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("role", "reads"), [(Role.SUPPORT, True), (Role.ANALYST, False)])
def test_rights(role: Role, reads: bool) -> None:
    actor, dead = Actor(ActorKind.PERSON, "1", role=role), Job.objects.create(task="mail.send", state=JobState.DEAD)
    with pytest.raises(Forbidden):
        replay_job(actor, dead.pk)
    if reads:
        assert job(actor, dead.pk) == dead and jobs(actor).count() == 1
    else:
        with pytest.raises(Forbidden):
            jobs(actor)
