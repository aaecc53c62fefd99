"""Plain twins of attribution/paths/: lists, loops and fractions, written from the definitions."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise, permutations

SPACE = " \t\n\v\f\r"
START, CONVERTED, LOST = "(start)", "(converted)", "(lost)"
Path = Sequence[str]
Counted = tuple[Path, int, int]
"""Channels, how often the path converted, how often it did not."""
Windows = Mapping[str, int]


def tokenize(path: str, separator: str) -> list[str]:
    """The names of a path. A side of the separator that is a space wants white space or the end of the path."""
    mark = separator.strip()
    names, begin, i = [], 0, 0
    while i <= len(path):
        before = path[i - 1 : i] if i else ""
        after = path[i + len(mark) : i + len(mark) + 1]
        is_mark = path[i : i + len(mark)] == mark
        if separator[:1].isspace():
            is_mark = is_mark and (before == "" or before in SPACE)
        if separator[-1:].isspace():
            is_mark = is_mark and (after == "" or after in SPACE)
        if is_mark:
            names.append(path[begin:i])
            i += len(mark)
            begin = i
        else:
            i += 1
    names.append(path[begin:])
    return [name.strip(SPACE) for name in names if name.strip(SPACE)]


# -------------------------------------------------------------------------------------------------------- rules


def credit_paths(
    rule: str, parameters: Sequence[int], path: Path, precedence: Sequence[int], ages: Sequence[int],
    ignored: Sequence[str],
) -> list[Fraction]:  # fmt: skip
    """The share of each touch of one path with touches; of a time_decay whose ages are whole half-lives."""
    count = len(path)
    weights = [Fraction(0)] * count
    places = range(count)
    if rule == "first":
        weights[0] = Fraction(1)
    elif rule == "last_touch":
        weights[-1] = Fraction(1)
    elif rule == "last_non_direct":
        weights[max([i for i in places if path[i] not in ignored] or places)] = Fraction(1)
    elif rule in ("last_click", "coupon_first"):
        weights[max(i for i in places if precedence[i] == max(precedence))] = Fraction(1)
    elif rule == "linear":
        weights = [Fraction(1)] * count
    elif rule == "set_linear":
        weights = [Fraction(1, path.count(channel)) for channel in path]
    elif rule == "time_decay":
        weights = [Fraction(1, 2 ** (age // parameters[0])) for age in ages]
    elif rule == "custom":
        latest_first = sorted(places, key=lambda i: (-precedence[i], -i))
        for weight, i in zip(parameters, latest_first, strict=False):
            weights[i] = Fraction(weight)
    else:
        weights = _roles(rule, parameters, count)
    return [weight / sum(weights) for weight in weights]


def _roles(rule: str, parameters: Sequence[int], count: int) -> list[Fraction]:
    first, middle, last, rest = (
        (*parameters,) if rule == "w_shaped" else (parameters[0], 0, parameters[2], parameters[1])
    )
    weights = [Fraction(0)] * count
    weights[0] += first
    weights[-1] += last
    holders = {0, count - 1}
    if middle and count >= 3:
        weights[(count - 1) // 2] += middle
        holders.add((count - 1) // 2)
    sharing = [i for i in range(count) if i not in holders] or list(range(count))
    for i in sharing:
        weights[i] += Fraction(rest, len(sharing))
    return weights


# ------------------------------------------------------------------------------------------------------- markov


def states(path: Path, order: int) -> list[tuple[str, ...]]:
    """After each touch, the last `order` channels."""
    return [tuple(path[max(0, i + 1 - order) : i + 1]) for i in range(len(path))]


def count_transitions(paths: Sequence[Counted], order: int) -> dict[tuple[object, object], Fraction]:
    """Count each transition; transitions from a state to itself are left out."""
    counts: dict[tuple[object, object], Fraction] = {}
    for path, converted, lost in paths:
        walk: list[object] = [START, *states(path, order)]
        moves = [(a, b, converted + lost) for a, b in pairwise(walk) if a != b]
        moves += [(walk[-1], CONVERTED, converted), (walk[-1], LOST, lost)]
        for a, b, times in moves:
            if times:
                counts[a, b] = counts.get((a, b), Fraction(0)) + Fraction(times)
    return counts


def conversion(counts: Mapping[tuple[object, object], Fraction], without: str | None = None) -> Fraction:
    """P(converted | start): x = Q x + r by elimination; moves into states with the channel `without` are lost."""
    sums: dict[object, Fraction] = {}
    for (a, _), times in counts.items():
        sums[a] = sums.get(a, Fraction(0)) + times
    here = sorted(sums, key=str)
    rows = {a: {b: Fraction(0) for b in [*here, CONVERTED]} for a in here}
    for (a, b), times in counts.items():
        if b == CONVERTED or (b in rows and not (without is not None and without in b)):  # type: ignore[operator]
            rows[a][b] -= times / sums[a]
    for a in here:
        rows[a][a] += 1
    for a in here:
        pivot = rows[a][a]
        rows[a] = {b: value / pivot for b, value in rows[a].items()}
        for other in here:
            factor = rows[other][a]
            if other != a and factor:
                rows[other] = {b: value - factor * rows[a][b] for b, value in rows[other].items()}
    return -rows[START][CONVERTED] if START in rows else Fraction(0)


def conversions_without(paths: Sequence[Counted], order: int, removed: Sequence[str | None]) -> list[Fraction]:
    """P(converted | start) without each of these channels; None removes none."""
    counts = count_transitions(paths, order)
    return [conversion(counts, channel) for channel in removed]


def removal_effects(paths: Sequence[Counted], order: int = 1) -> dict[str, Fraction]:
    """Return the removal effect of each channel, as a share of the conversion rate."""
    counts = count_transitions(paths, order)
    whole = conversion(counts)
    channels = sorted({channel for path, _, _ in paths for channel in path})
    return {channel: 1 - conversion(counts, channel) / whole for channel in channels}


def markov_shares(paths: Sequence[Counted], order: int = 1) -> dict[str, Fraction]:
    """Shares of all conversions; those of paths without touches go to nobody here."""
    effects = removal_effects(paths, order)
    touched = Fraction(sum(n for path, n, _ in paths if path), sum(n for _, n, _ in paths))
    whole = sum(effects.values())
    return {channel: effect / whole * touched for channel, effect in effects.items()}


def influence(paths: Sequence[Counted], order: int = 1) -> dict[str, Fraction]:
    """Σ U² of each share: U is its derivative by the weight of one observation, taken by a small step."""
    step = Fraction(1, 10**9)
    before = markov_shares(paths, order)
    sums = dict.fromkeys(before, Fraction(0))
    for j, (path, converted, lost) in enumerate(paths):
        for times, more in ((converted, (step, 0)), (lost, (0, step))):
            if not times:
                continue
            moved = list(paths)
            moved[j] = (path, converted + more[0], lost + more[1])  # type: ignore[assignment]
            after = _shares_of_fractions(moved, order)
            for channel, share in before.items():
                sums[channel] += times * ((after[channel] - share) / step) ** 2
    return sums


def _shares_of_fractions(paths: Sequence[Counted], order: int) -> dict[str, Fraction]:
    effects = removal_effects(paths, order)
    total = sum(Fraction(n) for _, n, _ in paths)
    touched = sum(Fraction(n) for path, n, _ in paths if path) / total
    return {channel: effect / sum(effects.values()) * touched for channel, effect in effects.items()}


def rake(paths: Sequence[Counted], weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Conversions of each channel when a path's distinct channels split it by weight; equally if all weigh 0."""
    sums = dict.fromkeys(weights, Fraction(0))
    for path, converted, _ in paths:
        whole = sum(weights[channel] for channel in set(path))
        for channel in set(path):
            share = weights[channel] / whole if whole else Fraction(1, len(set(path)))
            sums[channel] += converted * share
    return sums


# ------------------------------------------------------------------------------------------------------ shapley


def rate(paths: Sequence[Counted], coalition: frozenset[str]) -> Fraction:
    """The rate at which the journeys with touches inside the coalition convert."""
    inside = [(n, m) for path, n, m in paths if path and set(path) <= coalition]
    came = sum(n + m for n, m in inside)
    return Fraction(sum(n for n, _ in inside), came) if came else Fraction(0)


def reached(paths: Sequence[Counted], coalition: frozenset[str]) -> Fraction:
    """The conversions of the journeys inside the coalition: the usual game."""
    return Fraction(sum(n for path, n, _ in paths if path and set(path) <= coalition))


def marginals(paths: Sequence[Counted], order: Sequence[str]) -> dict[str, Fraction]:
    """Return the marginal contribution of each channel in this order."""
    return {
        channel: rate(paths, frozenset(order[: i + 1])) - rate(paths, frozenset(order[:i]))
        for i, channel in enumerate(order)
    }


def shapley(worth: Mapping[frozenset[str], Fraction], channels: Sequence[str]) -> dict[str, Fraction]:
    """The mean over all orders of what a channel adds."""
    sums = dict.fromkeys(channels, Fraction(0))
    orders = list(permutations(channels))
    for order in orders:
        for i, channel in enumerate(order):
            sums[channel] += worth[frozenset(order[: i + 1])] - worth[frozenset(order[:i])]
    return {channel: value / len(orders) for channel, value in sums.items()}


# ----------------------------------------------------------------------------------------------------- journeys


def journeys(
    events: Sequence[tuple[str, int, str]], windows: Windows, resets: bool
) -> list[tuple[list[int], int | None]]:
    """Places of the touches of each journey and of its conversion, for events in order: (identity, ts, type)."""
    found: list[tuple[list[int], int | None]] = []
    for identity in dict.fromkeys(event[0] for event in events):
        mine = [i for i, event in enumerate(events) if event[0] == identity]
        touches: list[int] = []
        since: list[int] = []
        for i in mine:
            _, when, kind = events[i]
            if kind != "conversion":
                touches.append(i)
                since.append(i)
                continue
            before = since if resets else touches
            found.append(([t for t in before if when - events[t][1] <= windows[events[t][2]]], i))
            since = []
        if since:
            found.append((since, None))
    return found
