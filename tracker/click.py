"""Turn a hit on a link or pixel into a touch and the URL to send the visitor to, in named steps over one draft.

Each step does one thing. It raises Refused if the hit is not to be accepted, which ends the sequence.
Pure: the time comes with the hit; keys and random bytes come with the context.
"""

from collections.abc import Callable, Mapping

import msgspec

from program.entries import Link
from schemas.events import Kind, Rejected, Touch, Untrusted
from schemas.fields import NO_TOKEN
from schemas.reasons import Reason
from schemas.values.click_id import RANDOM_BYTES, TokenKeys, mint, to_text
from schemas.values.ids import AbsentIds
from tracker.offers.deep_link import deeplink_of
from tracker.offers.landing_url import Landing, compile_landing, render
from tracker.offers.program_index import IndexedOffer, ProgramIndex
from tracker.refusal import Refusal, Refused, rejected, with_ids
from tracker.rejected_event import rejected_event
from tracker.request import visitor as visitors
from tracker.request.hit import Hit
from tracker.request.params import SUB_NAMES, stored_params, with_passed_on
from tracker.request.text import clean, cut, trimmed

_IDS = ("visitor_id", "user_id", "partner_click_id")
_VISITOR, _USER = int(Untrusted.VISITOR), int(Untrusted.USER)


class ClickContext(msgspec.Struct, frozen=True):
    """Everything a decision needs besides the hit."""

    program: ProgramIndex
    keys: TokenKeys
    random_bytes: Callable[[int], bytes]
    field_bytes_max: int
    landing_chars_max: int
    absent: AbsentIds


class Draft:
    """Values that the steps have collected so far."""

    __slots__ = (
        "code", "hit", "is_visitor_given", "kind", "landing", "landing_url", "link", "offer", "subs",
        "touch_id", "visitor",
    )  # fmt: skip

    def __init__(self, kind: Kind, code: str, hit: Hit) -> None:
        self.kind, self.code, self.hit = kind, code, hit
        self.visitor = visitors.Visitor("")
        self.is_visitor_given = False
        self.link: Link | None = None
        self.offer: IndexedOffer | None = None
        self.landing: Landing | None = None
        self.subs: dict[str, str] = {}
        self.touch_id = NO_TOKEN
        self.landing_url = ""


Step = Callable[[Draft, ClickContext], None]


class Outcome(msgspec.Struct, frozen=True):
    """The event to record and the answer to send."""

    kind: Kind
    key: bytes
    event: Touch | Rejected
    verdict: str
    """`accepted`, or the reason of the refusal."""
    location: str
    """URL to redirect the visitor to; "" if there is none."""
    visitor: visitors.Visitor
    absent: tuple[str, ...] = ()
    """Fields whose ids were placeholders."""


def put_visitor(draft: Draft, context: ClickContext) -> None:
    hit = draft.hit
    given = visitors.named(clean(cut(hit.params.get("visitor_id", ""), context.field_bytes_max)))
    if given:
        draft.visitor, draft.is_visitor_given = visitors.Visitor(given), True
    elif hit.consent:
        secret = context.keys.hash_secret
        draft.visitor = visitors.Visitor(visitors.anonymous(hit.sender, hit.user_agent, hit.ts, secret))
    elif hit.cookie:
        draft.visitor = visitors.Visitor(hit.cookie)
    else:
        draft.visitor = visitors.Visitor(visitors.fresh(context.random_bytes(visitors.RANDOM_BYTES)), is_new=True)


def find_link(draft: Draft, context: ClickContext) -> None:
    draft.link = context.program.link(draft.code)
    if draft.link is None:
        raise Refused(rejected(Reason.UNKNOWN_LINK, "link", "the program has no link with this code"))
    if draft.link.status != "active":
        raise Refused(rejected(Reason.INACTIVE_LINK, "link", "the link is inactive in the program"))


def find_offer(draft: Draft, context: ClickContext) -> None:
    assert draft.link is not None  # find_link comes before
    draft.offer = context.program.offer(draft.link.offer_id)
    if draft.offer is None:
        raise Refused(rejected(Reason.UNKNOWN_OFFER, "link", "the link's offer is not in the program"))
    if draft.offer.status != "active":
        raise Refused(rejected(Reason.INACTIVE_OFFER, "link", "the link's offer is inactive in the program"))


def find_partner(draft: Draft, context: ClickContext) -> None:
    assert draft.link is not None  # find_link comes before
    status = context.program.partner_status(draft.link.partner_id)
    if status is None:
        raise Refused(rejected(Reason.UNKNOWN_PARTNER, "link", "the link's partner is not in the program"))
    if status != "active":
        raise Refused(rejected(Reason.INACTIVE_PARTNER, "link", "the link's partner is inactive in the program"))


def find_landing(draft: Draft, _context: ClickContext) -> None:
    """Use the deep link if the hit asks for one and it is allowed, otherwise the landing page of link or offer."""
    assert draft.link is not None and draft.offer is not None  # find_link and find_offer come before
    asked = draft.hit.params.get("url", "")
    if not asked:
        own = draft.link.landing_url
        draft.landing = draft.offer.landing_of(own) if own else draft.offer.landing
        return
    if draft.hit.has_ambiguous_url:
        detail = "an & in the URL cannot be told from those between parameters; percent-encode the value of url"
        raise Refused(rejected(Reason.DEEPLINK_AMBIGUOUS, "url", detail))
    url = deeplink_of(trimmed(asked), draft.offer.allowed)
    if url is None:
        detail = "a deep link must be an http or https URL on the offer's landing host or one of its allowed_hosts"
        raise Refused(rejected(Reason.DEEPLINK_NOT_ALLOWED, "url", detail))
    draft.landing = compile_landing(url)


def put_subs(draft: Draft, context: ClickContext) -> None:
    assert draft.link is not None  # find_link comes before
    params, bytes_max = draft.hit.params, context.field_bytes_max
    draft.subs = {name: cut(value, bytes_max) for name, value in params.items() if name in SUB_NAMES and value}
    for name, value in draft.link.subs:
        draft.subs.setdefault(name, cut(value, bytes_max))


def mint_id(draft: Draft, context: ClickContext) -> None:
    assert draft.link is not None  # find_link comes before
    offer_id, partner_id = draft.link.offer_id, draft.link.partner_id
    random = context.random_bytes(RANDOM_BYTES)
    draft.touch_id = mint(context.keys, draft.hit.ts // 1_000, offer_id, partner_id, random)


def put_landing_url(draft: Draft, context: ClickContext) -> None:
    assert draft.link is not None and draft.landing is not None  # find_link and find_landing come before
    values = {
        **draft.subs,
        "click_id": to_text(draft.touch_id),
        "offer_id": str(draft.link.offer_id),
        "partner_id": str(draft.link.partner_id),
        "link": draft.link.code,
        "ip": draft.hit.ip,
        "ts": str(draft.hit.ts // 1_000_000),
    }
    draft.landing_url = render(draft.landing, values, context.landing_chars_max)
    if draft.offer is not None and draft.offer.pass_through and draft.hit.query:
        draft.landing_url = with_passed_on(draft.landing_url, draft.hit.query, context.landing_chars_max)


CLICK_STEPS: tuple[tuple[str, Step], ...] = (
    ("put_visitor", put_visitor),
    ("find_link", find_link),
    ("find_offer", find_offer),
    ("find_partner", find_partner),
    ("find_landing", find_landing),
    ("put_subs", put_subs),
    ("mint_id", mint_id),
    ("put_landing_url", put_landing_url),
)
IMPRESSION_STEPS: tuple[tuple[str, Step], ...] = tuple(
    step for step in CLICK_STEPS if step[0] not in ("find_landing", "put_landing_url")
)


def decide_hit(kind: Kind, code: str, hit: Hit, context: ClickContext) -> Outcome:
    """Accept or refuse a hit on a link (Kind.CLICK) or pixel (Kind.IMPRESSION)."""
    draft = Draft(kind, code, hit)
    absent = context.absent.drop(hit.params, _IDS)
    try:
        for _, step in CLICK_STEPS if kind is Kind.CLICK else IMPRESSION_STEPS:
            step(draft, context)
    except Refused as refused:
        return msgspec.structs.replace(_refused(draft, refused.refusal, context), absent=absent)
    touch = _touch(draft, context)
    return Outcome(kind, draft.touch_id, touch, "accepted", draft.landing_url, draft.visitor, absent)


def _touch(draft: Draft, context: ClickContext) -> Touch:
    assert draft.link is not None  # find_link came before
    hit, bytes_max = draft.hit, context.field_bytes_max
    user_id = _param(hit.params, "user_id", bytes_max)
    return Touch(
        touch_id=draft.touch_id,
        ts=hit.ts,
        received_ts=hit.ts,
        offer_id=draft.link.offer_id,
        partner_id=draft.link.partner_id,
        link=draft.link.code,
        subs={name: clean(value) for name, value in draft.subs.items()},
        partner_click_id=_param(hit.params, "partner_click_id", bytes_max),
        visitor_id=draft.visitor.id,
        user_id=user_id,
        ip=hit.ip,
        ip_hash=hit.ip_hash,
        user_agent=hit.user_agent,
        referrer=hit.referrer,
        accept_language=hit.accept_language,
        consent=hit.consent,
        hints=hit.hints,
        tcf=_param(hit.params, "gdpr_consent", bytes_max),
        landing_url=draft.landing_url,
        redirect_type="302" if draft.kind is Kind.CLICK else "pixel",
        untrusted=_untrusted(draft, user_id, context),
        params=stored_params(hit.params, bytes_max),
    )


def _param(params: Mapping[str, str], name: str, bytes_max: int) -> str:
    value = params.get(name)
    return clean(cut(value, bytes_max)) if value else ""


def _untrusted(draft: Draft, user_id: str, context: ClickContext) -> int:
    """Return the bits of ids in the link's own parameters, which join nothing unless the program trusts links."""
    if context.program.trusts_links:
        return 0
    return (_VISITOR if draft.is_visitor_given else 0) | (_USER if user_id else 0)


def _refused(draft: Draft, refusal: Refusal, context: ClickContext) -> Outcome:
    hit, link = draft.hit, draft.link
    if link is not None:
        refusal = with_ids(refusal, link.offer_id, link.partner_id)
    event = rejected_event(
        draft.kind.name.lower(), refusal, hit, hit.params, context.program,
        link=draft.code, visitor_id=draft.visitor.id, referrer=hit.referrer,
    )  # fmt: skip
    location = context.program.fallback_url if draft.kind is Kind.CLICK else ""
    key = hit.ip_hash.to_bytes(8, "big")
    return Outcome(Kind.REJECTED, key, event, refusal.reason.value, location, draft.visitor)
