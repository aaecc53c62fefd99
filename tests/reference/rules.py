"""Plain twins of attribution/kernels/rules.py: lists, loops and fractions, written from the definition of each rule.

Each takes one journey: the precedence, names, instants and partners of its eligible touches, in their order.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction


def last_click(precedence: Sequence[int], named: Sequence[int]) -> list[int]:
    """Return the latest named touch; without one, the latest of the highest precedence."""
    candidates = [i for i, is_named in enumerate(named) if is_named]
    if not candidates and precedence:
        candidates = [i for i, p in enumerate(precedence) if p == max(precedence)]
    return _one(len(precedence), candidates[-1] if candidates else None)


def last_touch(named: Sequence[int]) -> list[int]:
    candidates = [i for i, is_named in enumerate(named) if is_named] or list(range(len(named)))
    return _one(len(named), candidates[-1] if candidates else None)


def last_non_direct(named: Sequence[int], direct: Sequence[int]) -> list[int]:
    if any(named):
        return last_touch(named)
    candidates = [i for i, is_direct in enumerate(direct) if not is_direct] or list(range(len(direct)))
    return _one(len(named), candidates[-1] if candidates else None)


def coupon_first(precedence: Sequence[int], named: Sequence[int]) -> list[int]:
    coupons = [i for i, p in enumerate(precedence) if p == 3]
    return _one(len(named), coupons[-1]) if coupons else last_click(precedence, named)


def first(named: Sequence[int]) -> list[int]:
    candidates = [i for i, is_named in enumerate(named) if is_named] or list(range(len(named)))
    return _one(len(named), candidates[0] if candidates else None)


def _one(count: int, winner: int | None) -> list[int]:
    return [1 if i == winner else 0 for i in range(count)]


def winner(precedence: Sequence[int], named: Sequence[int]) -> list[int]:
    """Return the winner of a single-touch rule."""
    return last_click(precedence, named)


def linear(count: int) -> list[int]:
    return [1] * count


def set_linear(partners: Sequence[int]) -> list[int]:
    return [0 if partner in partners[:i] else 1 for i, partner in enumerate(partners)]


def fitted(partners: Sequence[int], weights: Mapping[int, int]) -> list[int]:
    """Return each partner's weight at its first touch; 1 for a partner without a weight."""
    return [0 if partner in partners[:i] else weights.get(partner, 1) for i, partner in enumerate(partners)]


def roles(
    count: int, first: int, rest: int, last: int, middle: int = 0, stage: int | None = None
) -> list[Fraction]:  # fmt: skip
    """Return the shares of position and w_shaped, which add up to 1: roles, and the rest for touches without a role."""
    if stage is None and count >= 3:
        stage = (count - 1) // 2
    parts = [Fraction(0)] * count
    if not count:
        return parts
    holders = {0, count - 1}
    parts[0] += first
    parts[-1] += last
    if middle and stage is not None:
        holders.add(stage)
        parts[stage] += middle
    sharing = [i for i in range(count) if i not in holders] or sorted(holders)
    for i in sharing:
        parts[i] += Fraction(rest, len(sharing))
    return [part / sum(parts) for part in parts]


def time_decay(ts: Sequence[int], half_life_us: int) -> list[float]:
    """Return shares by 2^(-age / half-life); the time of the conversion cancels out."""
    if not ts:
        return []
    powers = [2.0 ** (-(max(ts) - instant) / half_life_us) for instant in ts]
    return [power / sum(powers) for power in powers]


def custom(precedence: Sequence[int], vector: Sequence[int]) -> list[int]:
    """Return the weights of the vector by precedence, then time, the last touch first."""
    order = sorted(range(len(precedence)), key=lambda i: (-precedence[i], -i))
    weights = [0] * len(precedence)
    for i, weight in zip(order, vector, strict=False):
        weights[i] = weight
    return weights
