"""Make the visitors of `clew demo`: addresses, browsers, crawlers, and the links that they follow."""

import random
from dataclasses import dataclass

from clew.demo.offers import OFFERS, DemoOffer
from clew.demo.partners import ACTIVE, DemoPartner
from schemas.values.money import format_minor

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.0.0"
BROWSERS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME.format(140)} Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROME.format(141)} Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {_CHROME.format(139)} Mobile Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME.format(140)} Safari/537.36 Edg/140.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Safari/605.1.15",
)
CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "python-requests/2.32.3",
)
REFERRERS = ("https://search.example/", "https://social.example/feed", "https://forum.example/t/42", "")
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
"""Addresses reserved for documentation (RFC 5737)."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Person or crawler that meets links of one offer."""

    number: int
    ip: str
    user_agent: str
    is_bot: bool
    offer: DemoOffer
    partners: tuple[DemoPartner, ...]
    """Partners whose links the visitor meets, in order."""
    buys: bool


_PROMOTERS = {offer.id: [partner for partner in ACTIVE if offer.id in partner.offers] for offer in OFFERS}


def visitors(chance: random.Random, count: int, first: int = 0) -> list[Visitor]:
    """Make visitors, numbered from the first on; the same seed makes the same ones."""
    return [_visitor(chance, number) for number in range(first, first + count)]


def _visitor(chance: random.Random, number: int) -> Visitor:
    is_bot = chance.random() < 0.07
    offer = chance.choices(OFFERS, [offer.weight for offer in OFFERS])[0]
    promoters = _PROMOTERS[offer.id]
    touches = chance.randint(3, 12) if is_bot else chance.choices((1, 2, 3, 4, 6), (45, 25, 15, 10, 5))[0]
    return Visitor(
        number=number,
        ip=f"{chance.choice(_NETWORKS)}.{chance.randint(1, 254)}",
        user_agent=chance.choice(CRAWLERS if is_bot else BROWSERS),
        is_bot=is_bot,
        offer=offer,
        partners=tuple(chance.choices(promoters, [partner.weight for partner in promoters], k=touches)),
        buys=not is_bot and chance.random() < offer.buy_share,
    )


def amount(chance: random.Random, offer: DemoOffer) -> str:
    """Return a random value of an order, small ones more often; "" for leads."""
    least, most = offer.price_minor
    if not most:
        return ""
    return format_minor(int(least + (most - least) * chance.random() ** 2), "USD")
