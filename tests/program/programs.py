"""Programs at random for property tests; `clew check` finds no mistake in any of them."""

from urllib.parse import urlsplit

from hypothesis import strategies as st

from program.checks import Draft
from program.compile import compile_draft
from program.entries import Coupon, Goal, Link, Offer, Partner, Plan
from program.fields import SUB_NAMES
from program.program import Program

SECOND_US = 1_000_000
_NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda text: bool(text.strip())
)
_CODES = st.from_regex(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,12}", fullmatch=True)
_WINDOWS = st.integers(1, 3_650 * 86_400).map(lambda seconds: seconds * SECOND_US)
_MODELS = st.sampled_from(["last_click", "linear", "first", "last_touch", "position(3,3,4)", "time_decay(3d)"])
_STATUSES = st.sampled_from(["active", "active", "inactive"])
_URLS = st.sampled_from(
    ["https://shop.example/?cid={click_id}", "http://a.example/p/{sub1}?x=%7B", "https://b.example"]
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Return a program without secrets and fits."""
    partners = draw(st.lists(_partners(), max_size=5, unique_by=lambda partner: partner.id))
    offers = draw(st.lists(_offers(), max_size=4, unique_by=lambda offer: offer.id))
    draft = Draft(
        name=draw(st.one_of(st.just(""), _NAMES)),
        currency=draw(st.sampled_from(["USD", "EUR", "JPY", "KWD"])),
        timezone=draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        fallback_url=draw(st.sampled_from(["", "https://acme.example/"])),
        trusted_proxies=draw(st.sampled_from([(), ("10.0.0.0/8",), ("10.0.0.0/8", "::1/128")])),
        link_user_id=draw(st.sampled_from(["untrusted", "trusted"])),
        models=tuple(draw(st.lists(_MODELS, max_size=3, unique=True))),
        partners=[(("partner", at), partner) for at, partner in enumerate(partners)],
        offers=[(("offer", at), offer) for at, offer in enumerate(offers)],
    )
    if offers:
        plans = draw(st.lists(_plans(offers, partners), max_size=6, unique_by=lambda plan: plan.name))
        draft.plans = [(("plan", at), plan) for at, plan in enumerate(plans)]
    if offers and partners:
        links = draw(st.lists(_links(offers, partners), max_size=12, unique_by=lambda link: link.code))
        draft.links = [(("link", at), link) for at, link in enumerate(links)]
        coupons = draw(st.lists(_coupons(offers, partners), max_size=3, unique_by=lambda c: c.code.casefold()))
        draft.coupons = [(("coupon", at), coupon) for at, coupon in enumerate(coupons)]
    return compile_draft(draft)


@st.composite
def _partners(draw: st.DrawFn) -> Partner:
    kind = draw(st.sampled_from(["partner", "partner", "direct"]))
    return Partner(draw(st.integers(1, 2**32 - 1)), draw(_NAMES), draw(_STATUSES), kind)


@st.composite
def _offers(draw: st.DrawFn) -> Offer:
    keys = draw(st.lists(st.sampled_from(["1", "lead", "sale 2", "ü"]), min_size=1, max_size=3, unique=True))
    return Offer(
        id=draw(st.integers(1, 2**32 - 1)),
        name=draw(_NAMES),
        landing_url=draw(_URLS),
        status=draw(_STATUSES),
        allowed_hosts=tuple(draw(st.lists(st.sampled_from(["shop.example", "*.shop.example"]), max_size=2))),
        click_window_us=draw(_WINDOWS),
        impression_window_us=draw(_WINDOWS),
        goals=tuple(Goal(key, draw(_NAMES)) for key in keys),
        reopen=draw(st.booleans()),
        pass_through=draw(st.booleans()),
    )


@st.composite
def _plans(draw: st.DrawFn, offers: list[Offer], partners: list[Partner]) -> Plan:
    offer = draw(st.sampled_from(offers))
    partner = draw(st.one_of(st.none(), st.sampled_from([partner.id for partner in partners] or [None])))
    fixed = draw(st.sampled_from([(0, ""), (120, "USD"), (7, "JPY"), (1_500, "KWD")]))
    return Plan(
        offer_id=offer.id,
        partner_id=partner,
        goal=draw(st.one_of(st.none(), st.sampled_from([goal.key for goal in offer.goals]))),
        percent_e6=draw(st.integers(0, 100 * 10**6)),
        fixed_minor=fixed[0],
        fixed_currency=fixed[1],
        hold_us=draw(st.integers(0, 3_650 * 86_400)) * SECOND_US,
        model=draw(_MODELS),
        click_window_us=draw(st.one_of(st.none(), _WINDOWS)),
        impression_window_us=draw(st.one_of(st.none(), _WINDOWS)),
    )


@st.composite
def _links(draw: st.DrawFn, offers: list[Offer], partners: list[Partner]) -> Link:
    offer = draw(st.sampled_from(offers))
    host = urlsplit(offer.landing_url).netloc
    page = draw(st.sampled_from(["", "", f"https://{host}/own?c={{click_id}}", f"http://{host.upper()}/{{sub30}}"]))
    given = draw(st.dictionaries(st.sampled_from(SUB_NAMES), _NAMES, max_size=3))
    subs = tuple((name, given[name]) for name in SUB_NAMES if name in given)
    return Link(draw(_CODES), offer.id, draw(st.sampled_from(partners)).id, draw(_STATUSES), page, subs)


@st.composite
def _coupons(draw: st.DrawFn, offers: list[Offer], partners: list[Partner]) -> Coupon:
    start, length = draw(st.one_of(st.none(), st.integers(0, 2**52))), draw(st.one_of(st.none(), st.integers(1, 2**40)))
    end = None if length is None else (start or 0) + length
    return Coupon(draw(_CODES), draw(st.sampled_from(partners)).id, draw(st.sampled_from(offers)).id, start, end)
