"""Matching of points with territories, and territories of equal rank that claim the same points. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import combinations, product
from typing import Any

from control.territories.postal import PostalRange, plain_code, read_range

SETS = {"countries": "country", "regions": "region", "segments": "segment", "products": "product",
        "accounts": "company"}  # fmt: skip
"""Rules that are sets of texts, with what they look at."""
POSTAL = "postal"
RULES = (*SETS, POSTAL)
VALUES_MAX = 1_000
"""Most values of one rule."""
VALUE_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Point:
    """Customer or lead, as far as territories look at it."""

    country: str = ""
    region: str = ""
    postal: str = ""
    segment: str = ""
    product: str = ""
    company: str = ""


POINT_FIELDS = tuple(one.name for one in fields(Point))


def folded(text: str) -> str:
    """Return a text as rules compare it: without regard to case and spaces around it."""
    return " ".join(text.split()).casefold()


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of a territory. A point matches if it matches each rule that has values."""

    sets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Values of each rule in `SETS`: as it is compared, and as it was written."""
    postal: tuple[PostalRange, ...] = ()

    def match(self, point: Point) -> bool:
        """Return whether a point is in the territory."""
        for rule, name in SETS.items():
            wanted = self.sets.get(rule)
            if wanted and folded(getattr(point, name)) not in wanted:
                return False
        code = plain_code(point.postal)
        return not self.postal or any(part.holds(code) for part in self.postal)

    def common(self, other: "Rules") -> Point | None:
        """Return a point that matches both; None if there is none."""
        found: dict[str, str] = {}
        for rule, name in SETS.items():
            mine, theirs = self.sets.get(rule) or {}, other.sets.get(rule) or {}
            both = mine.keys() & theirs.keys() if mine and theirs else {*mine, *theirs}
            if not both and (mine or theirs):
                return None
            first = min(both, default="")
            found[name] = mine.get(first) or theirs.get(first) or ""
        if self.postal and other.postal:
            codes = (one.common(two) for one, two in product(self.postal, other.postal))
            found[POSTAL] = min((code for code in codes if code), default="")
            if not found[POSTAL]:
                return None
        else:
            found[POSTAL] = min((part.low for part in self.postal or other.postal), default="")
        return Point(**found)


def read_rules(value: Any) -> Rules:
    """Read rules as they are stored: lists of texts by name. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a map of lists")
    if unknown := sorted(map(str, value.keys() - {*RULES})):
        raise ValueError(f"has the unknown rule {unknown[0]}; there are {', '.join(RULES)}")
    for name, texts in value.items():
        if not isinstance(texts, list) or len(texts) > VALUES_MAX:
            raise ValueError(f"has no list of at most {VALUES_MAX} texts for {name}")
        if any(not isinstance(text, str) or not text.strip() or len(text) > VALUE_CHARS_MAX for text in texts):
            raise ValueError(f"has a value in {name} that is not a text of 1 to {VALUE_CHARS_MAX} characters")
    sets = {rule: {folded(text): " ".join(text.split()) for text in value.get(rule, ())} for rule in SETS}
    return Rules(sets, tuple(sorted(map(read_range, value.get(POSTAL, ())))))


@dataclass(frozen=True, slots=True)
class Claim:
    """A territory, as far as it decides who owns a point."""

    id: str
    name: str
    rank: int
    """The smallest rank comes first."""
    rules: Rules
    starts: datetime | None = None
    ends: datetime | None = None
    is_catch_all: bool = False
    """True if it owns what no other territory owns."""

    @property
    def order(self) -> tuple[bool, int, str, str]:
        """Return the place among the territories that match a point."""
        return self.is_catch_all, self.rank, self.name, self.id

    def is_in_force(self, now: datetime) -> bool:
        """Return whether the territory counts at a moment."""
        return (self.starts is None or self.starts <= now) and (self.ends is None or now < self.ends)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two territories of equal rank that match the same point."""

    first: Claim
    second: Claim
    point: Point
    since: datetime | None
    """First moment at which both count; None if they always did."""


def owners_of(claims: Iterable[Claim], point: Point, now: datetime) -> list[Claim]:
    """Return the territories that match a point, the one that owns it first."""
    return sorted(
        (claim for claim in claims if claim.is_in_force(now) and claim.rules.match(point)),
        key=lambda claim: claim.order,
    )


def overlaps(claims: Sequence[Claim]) -> Iterator[Overlap]:
    """Yield the pairs of territories of equal rank that match the same point at the same time."""
    ordered = sorted(claims, key=lambda claim: claim.order)
    for first, second in combinations(ordered, 2):
        if first.order[:2] != second.order[:2]:
            continue
        since = max((one.starts for one in (first, second) if one.starts is not None), default=None)
        until = min((one.ends for one in (first, second) if one.ends is not None), default=None)
        if since is not None and until is not None and since >= until:
            continue
        point = first.rules.common(second.rules)
        if point is not None:
            yield Overlap(first, second, point, since)
