"""Choice of the partner to whom a lead is offered next: territory, then score, then weighted round robin. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BAND_POINTS = 20
"""Partners whose scores are in one band get leads in turn."""
NEUTRAL_OFFERS = 2
"""Offers that a new partner's score assumes, half of them won, so that one lead decides little."""


@dataclass(frozen=True, slots=True)
class Record:
    """Leads of a partner so far, by what became of them."""

    offered: int = 0
    open: int = 0
    """Leads that wait for an answer or that the partner works on."""
    won: int = 0
    missed: int = 0
    """Leads that were lost, declined, not answered in time, or taken back."""

    @property
    def score(self) -> int:
        """Return a score from 0 to 100: the won share of the leads that have ended."""
        return round(100 * (self.won + NEUTRAL_OFFERS / 2) / (self.won + self.missed + NEUTRAL_OFFERS))


@dataclass(frozen=True, slots=True)
class Candidate:
    """Partner whom a lead may be offered to."""

    partner: int
    weight: int
    record: Record

    @property
    def order(self) -> tuple[int, float, int]:
        """Return the place among the candidates of one territory."""
        return -min(self.record.score // BAND_POINTS, 4), self.record.offered / self.weight, self.partner


@dataclass(frozen=True, slots=True)
class Group:
    """Candidates who have their turn together: the owners of a territory, or the pool."""

    id: str
    """Id of the territory; empty for the pool."""
    name: str
    candidates: Sequence[Candidate]
    winners: int
    """Most of them that are asked for one lead."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Partner whom a lead is offered to, and why."""

    partner: int
    territory: str
    why: str


def choices(groups: Iterable[Group], asked: Sequence[int], open_max: int) -> list[Choice]:
    """Return the partners whom a lead would be offered to, in order; those who were asked before are left out."""
    found: list[Choice] = []
    seen = set(asked)
    for group in groups:
        left = group.winners - len({one.partner for one in group.candidates} & {*asked})
        for one in sorted(group.candidates, key=lambda candidate: candidate.order):
            if left <= 0:
                break
            if one.partner in seen or one.record.open >= open_max:
                continue
            seen.add(one.partner)
            found.append(Choice(one.partner, group.id, _why(group, one)))
            left -= 1
    return found


def _why(group: Group, one: Candidate) -> str:
    place = f"Territory {group.name}" if group.id else "Pool"
    record = one.record
    return (
        f"{place}; score {record.score} ({record.won} won, {record.missed} missed); "
        f"{record.offered} offers before, weight {one.weight}; {record.open} open"
    )
