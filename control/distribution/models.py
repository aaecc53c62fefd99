"""Rows of those that follow the program."""

from django.db import models


class Follower(models.Model):
    """A process that asks for the program, and the version that it had when it last asked."""

    name = models.CharField(max_length=128, primary_key=True)
    kind = models.CharField(max_length=16)
    sequence = models.PositiveBigIntegerField()
    root = models.CharField(max_length=32)
    terms_hash = models.CharField(max_length=32)
    seen = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["kind", "seen"], name="follower_by_kind")]

    def __str__(self) -> str:
        return self.name
