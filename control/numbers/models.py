"""Rows of the counters."""

from django.db import models


class Sequence(models.Model):
    """Counter of one kind of object."""

    kind = models.CharField(max_length=32, primary_key=True)
    last = models.PositiveBigIntegerField(default=0)
    """Highest number that was given; 0 if none was."""

    def __str__(self) -> str:
        return f"{self.kind} {self.last}"
