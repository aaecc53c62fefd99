"""Program of `clew demo`: its partners and offers, and the probabilities of clicks and orders."""

from dataclasses import dataclass

POSTBACK_SECRET = "demo-postback-secret"


@dataclass(frozen=True, slots=True)
class DemoPartner:
    """Partner with the traffic that it sends."""

    id: int
    name: str
    code: str
    weight: int
    """Share of all traffic."""
    click_share: float
    """Share of touches that are clicks; the rest are impressions."""
    placements: tuple[str, ...]


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


PARTNERS = (
    DemoPartner(11, "Trailhead Reviews", "trail", 5, 0.85, ("best-of", "versus", "newsletter")),
    DemoPartner(12, "Coupon Harbor", "coupon", 3, 0.95, ("codes", "seasonal")),
    DemoPartner(13, "Paper Plane Mail", "mail", 3, 0.6, ("weekly", "digest")),
    DemoPartner(14, "Northern Display", "display", 6, 0.2, ("banner-300", "banner-728", "video")),
    DemoPartner(15, "Café Größe", "cafe", 1, 0.8, ("blog",)),
)
OFFERS = (
    DemoOffer(101, "Running shoes", "shoes", "shoes.example", "1", 5, 0.16, (4_900, 18_900)),
    DemoOffer(102, "Rain jackets", "jackets", "jackets.example", "1", 3, 0.11, (8_900, 32_900)),
    DemoOffer(103, "Trail club", "club", "club.example", "lead", 2, 0.22, (0, 0)),
)

_HEAD = """\
# The program of `clew demo`. docs/guide/program.md explains every key.
[program]
name = "Acme Outdoor (demo)"
currency = "USD"
timezone = "UTC"
fallback_url = "https://acme.example/"
api_keys = ["{api_key}"]
trusted_proxies = ["127.0.0.1/32", "::1/128"]  # the demo's visitors come from one machine

[attribution]
models = ["last_click", "linear"]
"""
_PARTNER = """
[[partner]]
id = {id}
name = "{name}"
"""
_OFFER = """
[[offer]]
id = {id}
name = "{name}"
landing_url = "https://{host}/?cid={{click_id}}&partner={{partner_id}}&placement={{sub1}}"
allowed_hosts = ["{host}", "*.{host}"]
impression_window = "7d"
postback_secret = "{secret}"
goals = [{{ key = "{goal}", name = "{goal_name}" }}]
"""
_LINK = """
[[link]]
code = "{code}"
offer = {offer}
partner = {partner}
"""
_PLANS = """
# Shoes: the last click earns 8.5 % and a bonus of 1.20, payable after 14 days.
[[plan]]
offer = 101
goal = "1"
percent = "8.5"
fixed = "1.20 USD"
hold = "14d"

# The coupon site has a separate contract.
[[plan]]
offer = 101
partner = 12
goal = "1"
percent = "4"

# Jackets: all touches share 12 %.
[[plan]]
offer = 102
percent = "12"
model = "linear"

# Trail club: 3 dollars for each new member.
[[plan]]
offer = 103
goal = "lead"
fixed = "3.00 USD"
"""


def link_code(partner: DemoPartner, offer: DemoOffer) -> str:
    return f"{partner.code}-{offer.code}"


def demo_program_toml(api_key: str) -> str:
    """Return the program file of the demo."""
    text = _HEAD.format(api_key=api_key)
    text += "".join(_PARTNER.format(id=partner.id, name=partner.name) for partner in PARTNERS)
    for offer in OFFERS:
        goal_name = "New member" if offer.goal == "lead" else "Order"
        text += _OFFER.format(
            id=offer.id, name=offer.name, host=offer.host, secret=POSTBACK_SECRET, goal=offer.goal, goal_name=goal_name
        )
    for partner in PARTNERS:
        for offer in OFFERS:
            text += _LINK.format(code=link_code(partner, offer), offer=offer.id, partner=partner.id)
    return text + _PLANS
