"""Offers of `clew demo`, with the behaviour of their customers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoOffer:
    """Offer with the behaviour of its customers."""

    id: int
    name: str
    code: str
    host: str
    goal: str
    weight: int
    buy_share: float
    """Share of visitors that convert."""
    price_minor: tuple[int, int]
    """Smallest and largest value of an order, in cents; (0, 0) is a lead without value."""


OFFERS = (
    DemoOffer(101, "Running shoes", "shoes", "shoes.example", "1", 5, 0.16, (4_900, 18_900)),
    DemoOffer(102, "Rain jackets", "jackets", "jackets.example", "1", 3, 0.11, (8_900, 32_900)),
    DemoOffer(103, "Trail club", "club", "club.example", "lead", 2, 0.22, (0, 0)),
    DemoOffer(104, "Tents", "tents", "tents.example", "1", 2, 0.07, (12_900, 69_900)),
    DemoOffer(105, "Backpacks", "packs", "packs.example", "1", 2, 0.1, (5_900, 27_900)),
    DemoOffer(106, "Climbing gear", "climb", "climb.example", "1", 1, 0.09, (3_900, 24_900)),
    DemoOffer(107, "Ski passes", "ski", "ski.example", "1", 1, 0.12, (9_900, 54_900)),
)
BY_APPROVAL, PRIVATE = 106, 107
"""Offers that only some partners may promote."""
