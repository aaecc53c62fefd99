"""Plain twins of attribution/kernels/select.py: lists and loops, written from the contract, not from the kernels."""

from collections.abc import Sequence


def select_touches(
    offsets: Sequence[int],
    touch_ts: Sequence[int],
    is_bot: Sequence[int],
    same_offer: Sequence[int],
    confirmed: Sequence[int],
    conversion_ts: Sequence[int],
    window_us: Sequence[int],
) -> list[str]:
    """Return the reason of each touch, in the order of the checks in docs/contract.md."""
    words = []
    for c, when in enumerate(conversion_ts):
        for i in range(offsets[c], offsets[c + 1]):
            if not same_offer[i]:
                words.append("other_offer")
            elif touch_ts[i] > when and not confirmed[i]:
                words.append("after_conversion")
            elif when - touch_ts[i] > window_us[i]:
                words.append("outside_window")
            elif is_bot[i] and not confirmed[i]:
                words.append("bot")
            else:
                words.append("eligible")
    return words


def last_click(
    offsets: Sequence[int], eligible: Sequence[bool], precedence: Sequence[int], named: Sequence[int]
) -> list[int]:
    weights = [0] * len(eligible)
    for c in range(len(offsets) - 1):
        journey = [i for i in range(offsets[c], offsets[c + 1]) if eligible[i]]
        candidates = [i for i in journey if named[i]]
        if not candidates and journey:
            highest = max(precedence[i] for i in journey)
            candidates = [i for i in journey if precedence[i] == highest]
        if candidates:
            weights[candidates[-1]] = 1
    return weights


def linear(
    offsets: Sequence[int], eligible: Sequence[bool], precedence: Sequence[int], named: Sequence[int]
) -> list[int]:
    return [1 if is_eligible else 0 for is_eligible in eligible]


def allocate(offsets: Sequence[int], amounts: Sequence[int], weights: Sequence[int]) -> list[int]:
    parts: list[int] = []
    for c, amount in enumerate(amounts):
        parts += allocate_one(amount, weights[offsets[c] : offsets[c + 1]])
    return parts


def allocate_one(amount: int, weights: Sequence[int]) -> list[int]:
    """Split one amount by largest remainder, with Python integers."""
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    size, sign = abs(amount), 1 if amount >= 0 else -1
    parts = [size * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(size * weights[i] % total), i))
    for i in by_remainder[: size - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]
