"""Queries about the followers of the program."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from control.distribution.models import Follower
from control.program.models import ProgramVersion

SILENT_S = 75
"""A follower that has not asked for this long is not counted: it asks again at least once a minute."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Number of edges that have a version, of those that ask at all."""

    live: int
    edges: int

    @property
    def is_everywhere(self) -> bool:
        return self.live == self.edges


def spread_of(version: ProgramVersion) -> Spread:
    """Count the edges that have a version or a later one."""
    since = timezone.now() - timedelta(seconds=SILENT_S)
    edges = Follower.objects.filter(kind="edge", seen__gte=since)
    return Spread(edges.filter(sequence__gte=version.seq).count(), edges.count())
