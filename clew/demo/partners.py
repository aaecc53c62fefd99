"""Partners of `clew demo`: five that are named, and others made from lists of words."""

from dataclasses import dataclass

from clew.demo.offers import OFFERS

PARTNERS_COUNT = 120
"""Number of partners, those included that only apply."""
WITH_LINKS_COUNT = 96
"""Partners that have been active and have links; the others have applied, were invited or approved."""
FIRST_NUMBER = 11


@dataclass(frozen=True, slots=True)
class DemoPartner:
    """Partner with the traffic that it sends."""

    id: int
    name: str
    code: str
    type: str
    country: str
    language: str
    tier: str
    group: str
    sources: tuple[str, ...]
    """Sources of traffic, as the partner says them."""
    weight: float
    """Share of all traffic."""
    click_share: float
    """Share of touches that are clicks; the rest are impressions."""
    placements: tuple[str, ...]
    offers: tuple[int, ...]
    """Numbers of the offers that it has links to."""

    @property
    def domain(self) -> str:
        return f"{self.code}.example"


@dataclass(frozen=True, slots=True)
class _Line:
    """Kind of business, with the ending of its partners' names."""

    ending: str
    code: str
    type: str
    sources: tuple[str, ...]
    click_share: float
    placements: tuple[str, ...]


_NAMED = (
    ("Trailhead Reviews", "trail", "affiliate", "US", ("Comparison", "Blog"), 60, 0.85, ("best-of", "versus")),
    ("Coupon Harbor", "coupon", "affiliate", "GB", ("Coupons",), 36, 0.95, ("codes", "seasonal")),
    ("Paper Plane Mail", "mail", "publisher", "US", ("E-mail",), 36, 0.6, ("weekly", "digest")),
    ("Northern Display", "display", "network", "CA", ("Display",), 70, 0.2, ("banner-300", "banner-728", "video")),
    ("Café Größe", "cafe", "publisher", "DE", ("Blog",), 12, 0.8, ("blog",)),
)
_LINES = (
    _Line("Deals", "deals", "affiliate", ("Coupons", "Cashback"), 0.95, ("codes", "top-10")),
    _Line("Magazine", "mag", "publisher", ("Editorial",), 0.7, ("article", "gear-test")),
    _Line("Outdoors", "out", "affiliate", ("Blog", "Search"), 0.85, ("guide", "packing-list")),
    _Line("on Camera", "cam", "influencer", ("Video", "Social"), 0.9, ("video", "story", "bio")),
    _Line("Media", "media", "agency", ("Search", "Display"), 0.5, ("search", "banner-300")),
    _Line("Ad Network", "ads", "network", ("Display",), 0.15, ("banner-728", "native")),
    _Line("Running Club", "club", "referral", ("Community",), 0.95, ("members",)),
    _Line("Outfitters", "store", "reseller", ("Shop",), 0.9, ("shop",)),
    _Line("Trading", "trade", "distributor", ("Shop", "E-mail"), 0.9, ("catalogue",)),
    _Line("Apps", "apps", "technology", ("App",), 0.75, ("in-app", "push")),
)
_WORDS = (
    ("Alpine", "CH", "de"), ("Harbor", "US", "en"), ("Lumen", "SE", "sv"), ("Juniper", "GB", "en"),
    ("Cobalt", "US", "en"), ("Meadow", "IE", "en"), ("Saffron", "ES", "es"), ("Tidal", "AU", "en"),
    ("Bergblick", "DE", "de"), ("Étoile", "FR", "fr"), ("Willow", "CA", "en"), ("Kestrel", "PL", "pl"),
)  # fmt: skip
_TIERS = ("Gold", "Silver", "Silver", "Bronze", "Bronze", "Bronze")


def _partners() -> tuple[DemoPartner, ...]:
    made = [
        DemoPartner(
            FIRST_NUMBER + at, name, code, kind, country, "de" if country == "DE" else "en", "Gold", "Founders",
            sources, weight, clicks, placements, tuple(offer.id for offer in OFFERS[:3]),
        )
        for at, (name, code, kind, country, sources, weight, clicks, placements) in enumerate(_NAMED)
    ]  # fmt: skip
    for at in range(len(made), PARTNERS_COUNT):
        (word, country, language), line = _WORDS[at % len(_WORDS)], _LINES[(at // len(_WORDS) + at) % len(_LINES)]
        made.append(
            DemoPartner(
                FIRST_NUMBER + at, f"{word} {line.ending}", f"{_ascii(word)}-{line.code}", line.type, country, language,
                _TIERS[at * 5 // 3 % len(_TIERS)], "Overseas" if country in ("US", "CA", "AU") else "Europe",
                line.sources, round(30 / (at - 2), 2), line.click_share, line.placements, _offers(at),
            )
        )  # fmt: skip
    return tuple(made)


def _offers(at: int) -> tuple[int, ...]:
    """Return two to four offers that a partner promotes."""
    return tuple(sorted({OFFERS[(at + step * (1 + at % 3)) % len(OFFERS)].id for step in range(2 + at % 3)}))


def _ascii(word: str) -> str:
    return word.lower().replace("é", "e")


PARTNERS = _partners()
"""All partners; those from WITH_LINKS_COUNT on have no links yet."""
ACTIVE = PARTNERS[:WITH_LINKS_COUNT]
