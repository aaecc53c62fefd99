"""Program of `clew demo` as a program file, which the demo imports into its control plane."""

from clew.demo.offers import OFFERS, DemoOffer
from clew.demo.partners import ACTIVE, DemoPartner

POSTBACK_SECRET = "demo-postback-secret"

_HEAD = """\
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
_OWN_PAGE = """\
landing_url = "https://{host}/autumn?cid={{click_id}}&partner={{partner_id}}&placement={{sub1}}"
"""
_OWN_SUBS = """\
subs = {{ sub3 = "autumn-guide", sub4 = "{source}" }}
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

[[plan]]
offer = 104
percent = "6"
hold = "30d"

[[plan]]
offer = 105
percent = "7.5"
hold = "14d"

# The founding partner for reviews has negotiated more.
[[plan]]
offer = 105
partner = 11
percent = "10"
hold = "14d"

[[plan]]
offer = 106
percent = "9"
hold = "14d"

[[plan]]
offer = 107
percent = "3"
fixed = "2.00 USD"
hold = "45d"

[[coupon]]
code = "HARBOR10"
offer = 101
partner = 12

[[coupon]]
code = "TRAILHEAD"
offer = 105
partner = 11
"""


def _link(partner: DemoPartner, offer: DemoOffer) -> str:
    """Return the entry of a link. Some partners have a page for the season, and name the campaign in subs."""
    text = _LINK.format(code=link_code(partner, offer), offer=offer.id, partner=partner.id)
    if offer.id == partner.offers[0] and partner.id % 4 == 0:
        text += _OWN_PAGE.format(host=offer.host)
    if offer.id == partner.offers[0] and partner.id % 6 < 2:
        text += _OWN_SUBS.format(source=partner.sources[0].lower())
    return text


def link_code(partner: DemoPartner, offer: DemoOffer) -> str:
    return f"{partner.code}-{offer.code}"


def demo_program_toml(api_key: str) -> str:
    """Return the program file of the demo."""
    text = _HEAD.format(api_key=api_key)
    text += "".join(_PARTNER.format(id=partner.id, name=partner.name) for partner in ACTIVE)
    for offer in OFFERS:
        goal_name = "New member" if offer.goal == "lead" else "Order"
        text += _OFFER.format(
            id=offer.id, name=offer.name, host=offer.host, secret=POSTBACK_SECRET, goal=offer.goal, goal_name=goal_name
        )
    for partner in ACTIVE:
        for offer in OFFERS:
            if offer.id in partner.offers:
                text += _link(partner, offer)
    return text + _PLANS
