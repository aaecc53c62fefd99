"""Labels: names for people. No answer and no price depends on them, so renaming publishes nothing."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec


class LabelKey(NamedTuple):
    """Key of one name. `number` is the partner or offer; `goal` is the key of a goal of that offer."""

    kind: Literal["program", "partner", "offer", "goal"]
    number: int = 0
    goal: str = ""


class Labels(msgspec.Struct, frozen=True):
    program: str = ""
    partners: dict[int, str] = {}
    offers: dict[int, str] = {}
    goals: dict[int, dict[str, str]] = {}
    """Names by offer and key."""

    def by_key(self) -> dict[LabelKey, str]:
        """Return all names that are not empty, by key."""
        found = {LabelKey("program"): self.program}
        found |= {LabelKey("partner", number): name for number, name in self.partners.items()}
        found |= {LabelKey("offer", number): name for number, name in self.offers.items()}
        found |= {LabelKey("goal", n, key): name for n, goals in self.goals.items() for key, name in goals.items()}
        return {key: name for key, name in found.items() if name}


def labels_of(names: Mapping[LabelKey, str]) -> Labels:
    """Build labels from names by key."""
    labels = Labels(names.get(LabelKey("program"), ""), {}, {}, {})
    for (kind, number, goal), name in names.items():
        match kind:
            case "partner":
                labels.partners[number] = name
            case "offer":
                labels.offers[number] = name
            case "goal":
                labels.goals.setdefault(number, {})[goal] = name
            case "program":
                pass
    return labels


# ------------------------------------------------------------------- programs that earlier versions stored as a whole


class _Goal(msgspec.Struct):
    key: str
    name: str = ""


class _Named(msgspec.Struct):
    name: str = ""
    goals: tuple[_Goal, ...] = ()


class _Whole(msgspec.Struct):
    name: str = ""
    partners: dict[int, _Named] = {}
    offers: dict[int, _Named] = {}


def labels_of_whole(canonical: bytes) -> Labels:
    """Read the names in a whole program that an earlier version stored; terms of this version contain none."""
    whole = msgspec.json.decode(canonical, type=_Whole)
    found = {LabelKey("program"): whole.name}
    found |= {LabelKey("partner", number): partner.name for number, partner in whole.partners.items()}
    for number, offer in whole.offers.items():
        found[LabelKey("offer", number)] = offer.name
        found |= {LabelKey("goal", number, goal.key): goal.name for goal in offer.goals}
    return labels_of({key: name for key, name in found.items() if name})
