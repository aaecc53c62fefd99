"""Rows of the jobs."""

import uuid

from django.db import models
from django.utils import timezone


class JobState(models.TextChoices):
    """States of a job."""

    READY = "ready", "Ready"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    DEAD = "dead", "Dead"


OPEN_STATES = (JobState.READY, JobState.RUNNING)


class Job(models.Model):
    """One piece of work: a task with its arguments."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=64)
    arguments = models.JSONField(default=dict)
    key = models.CharField(max_length=200, null=True)
    """At most one open job has a key; asking for another one changes nothing."""
    state = models.CharField(max_length=8, choices=JobState.choices, default=JobState.READY)
    run_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, default="")
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(default="")
    done_steps = models.PositiveIntegerField(default=0)
    total_steps = models.PositiveIntegerField(default=0)
    """Progress, as the task reports it; 0 if it reports none."""
    created = models.DateTimeField(default=timezone.now)
    finished = models.DateTimeField(null=True)
    asked_by = models.CharField(max_length=254, default="")
    request_id = models.CharField(max_length=64, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], name="job_open_key", condition=models.Q(state__in=OPEN_STATES)),
        ]
        indexes = [
            models.Index(fields=["run_at"], name="job_open", condition=models.Q(state__in=OPEN_STATES)),
            models.Index(fields=["state", "created", "id"], name="job_by_state"),
            models.Index(fields=["created", "id"], name="job_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.task} {self.id}"


class JobSchedule(models.Model):
    """Next time of a task that runs again and again."""

    task = models.CharField(max_length=64, primary_key=True)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.task
