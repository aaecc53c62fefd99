"""Small random cases for tests: programs, touches, conversions and adjustments in unusual combinations."""

from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from program.entries import Fit, Goal, Offer, Partner, Plan
from program.program import Program
from schemas import identity
from schemas.dedup.rules import conversion_key
from schemas.events import STATUS_ORDER, Adjustment, Conversion, Kind, Touch
from schemas.values.click_id import TokenKey, TokenKeys, mint
from tests.programs import program_of_entries
from tests.reference.attribution import Seen

KEYS = TokenKeys.of([TokenKey(1, b"k" * 32)], 1, b"h" * 32)
BASE_US = 1_700_000_000_000_000
SECOND_US = 1_000_000
VISITORS = ("", "", "ann", "bob", "~hash")
USERS = ("", "", "u1")
FIT = Fit(
    model="markov", run="f" * 32, as_of="2023-11-14T00:00:00Z", conversions=40, weights={1: 3 * 10**11, 2: 10**12}
)
"""Fit of every random program; it does not contain partner 3."""
MODELS = (
    "last_click", "last_click", "linear", "linear", "first", "last_touch", "last_non_direct", "coupon_first",
    "set_linear", "position", "w_shaped(1,2,3,4)", "time_decay(1s)", "custom(5,3,2)", f"fitted({FIT.id})",
)  # fmt: skip
WINDOWS_US = (None, None, None, 2 * SECOND_US, 15 * SECOND_US)
CURRENCIES = ("USD", "USD", "JPY", "KWD")


def identities_of(seen: Seen) -> list[int]:
    """Return the identities under which ingest stores a touch."""
    touch = seen.touch
    found = (
        identity.of_token(touch.touch_id),
        identity.of_ref(seen.kind, touch.ref) if touch.ref else 0,
        identity.of_visitor(touch.visitor_id),
        identity.of_user(touch.user_id),
    )
    return [key for key in found if key]


@dataclass(frozen=True)
class RandomCase:
    program: Program
    touches: list[Seen]
    conversions: list[Conversion]
    adjustments: list[Adjustment]


def program_of(
    plans: tuple[Plan, ...],
    models: tuple[str, ...] = ("last_click", "linear"),
    changed: dict[int, Partner] | None = None,
    fits: tuple[Fit, ...] = (FIT,),
) -> Program:
    """Return a program with offers 1 and 2, windows of 10 and 4 seconds, and partners 1 to 3."""
    goals = (Goal("1", "Sale"), Goal("lead", "Lead"))
    offers = [
        Offer(
            number, f"Offer {number}", "https://shop.example/", click_window_us=10 * SECOND_US,
            impression_window_us=4 * SECOND_US, goals=goals,
        )
        for number in (1, 2)
    ]  # fmt: skip
    partners = {number: Partner(number, f"Partner {number}") for number in (1, 2, 3)} | (changed or {})
    return program_of_entries(
        name="Test", timezone="Europe/Berlin", partners=partners.values(), offers=offers, plans=plans, models=models,
        fits=fits,
    )  # fmt: skip


def touch_of(
    number: int, *, kind: Kind = Kind.CLICK, second: float = 0, offer: int = 1, partner: int = 1,
    visitor: str = "", user: str = "", bot: bool = False,
) -> Seen:  # fmt: skip
    """Return a touch with a unique token and line id."""
    ts = BASE_US + round(second * SECOND_US)
    token = mint(KEYS, ts // 1000, offer, partner, number.to_bytes(5, "big"))
    touch = Touch(
        touch_id=token, ts=ts, received_ts=ts, offer_id=offer, partner_id=partner, ref=f"t{number}",
        visitor_id=visitor, user_id=user,
    )  # fmt: skip
    return Seen(kind, touch, bot)


def conversion_of(
    number: int, *, second: float = 5, offer: int = 1, goal: str = "1", amount: int = 1000, currency: str = "USD",
    status: str = "approved", **match: object,
) -> Conversion:  # fmt: skip
    """Return a conversion; `match` is the single field that it matches by."""
    ((kind, _),) = match.items()
    ts = BASE_US + round(second * SECOND_US)
    return Conversion(
        conversion_id=conversion_key(offer, goal, txn_id=f"c{number}"), ts=ts, event_ts=ts, offer_id=offer, goal=goal,
        txn_id=f"c{number}", match_kind=kind, amount_minor=amount, currency=currency, status=status, ref=f"c{number}",
        **match,  # type: ignore[arg-type]
    )  # fmt: skip


def adjustment_of(
    number: int, event: Conversion, kind: str = "refund", *, amount_e4: int = 0, status: str = "", currency: str = ""
) -> Adjustment:
    return Adjustment(
        adjustment_id=number.to_bytes(16, "big"), conversion_id=event.conversion_id, ts=event.ts,
        event_ts=event.event_ts, kind=kind, status=status, amount_e4=amount_e4, currency=currency, ref=f"a{number}",
    )  # fmt: skip


def _plans(random: Random) -> tuple[Plan, ...]:
    plans = []
    for offer in (1, 2):
        for partner in (None, 1, 2):
            for goal in (None, "1"):
                if random.random() < 0.45:
                    fixed = random.choice((0, 0, 120, 7))
                    plans.append(
                        Plan(
                            offer, partner, goal, random.choice((0, 8_500_000, 333_333, 100_000_000)), fixed,
                            random.choice(("USD", "EUR")) if fixed else "", random.choice((0, SECOND_US)),
                            random.choice(MODELS), *(random.choice(WINDOWS_US) for _ in range(2)),
                        )
                    )  # fmt: skip
    return tuple(plans)


def _touch(random: Random, number: int) -> Seen:
    return touch_of(
        number, kind=random.choice((Kind.CLICK, Kind.IMPRESSION)), second=random.choice((0, 1, 2, 3, 6, 9, 9.5, 12)),
        offer=random.choice((1, 1, 1, 2)), partner=random.randint(1, 3), visitor=random.choice(VISITORS),
        user=random.choice(USERS), bot=random.random() < 0.15,
    )  # fmt: skip


def _conversion(random: Random, number: int, touches: list[Seen]) -> Conversion:
    seen = random.choice(touches)
    token, ref = seen.touch.touch_id, seen.touch.ref
    clicked = seen.kind is Kind.CLICK
    kind, value = random.choice(
        (
            ("click_id" if clicked else "impression_id", token),
            ("click_ref" if clicked else "impression_ref", ref),
            ("impression_ref" if clicked else "click_ref", ref),
            ("visitor_id", random.choice(VISITORS[2:])),
            ("user_id", "u1"),
        )
    )
    offer = seen.touch.offer_id if kind == "click_id" else random.choice((1, 1, 1, 2))
    amount = random.choice((0, 1, 2, 3, 10, 999, 1000, 10**15))
    return conversion_of(
        number, second=random.choice((3, 5, 9, 10, 13, 16, 25)), offer=offer, goal=random.choice(("1", "lead")),
        amount=amount, currency=random.choice(CURRENCIES), status=random.choice(STATUS_ORDER), **{kind: value},
    )  # fmt: skip


def _adjustment(random: Random, number: int, conversions: list[Conversion]) -> Adjustment:
    event = random.choice(conversions)
    if random.random() < 0.4:
        return adjustment_of(number, event, "status", status=random.choice(STATUS_ORDER))
    return adjustment_of(
        number, event, random.choice(("refund", "chargeback")), currency=random.choice(("", "", event.currency, "EUR")),
        amount_e4=random.choice((-1, 1, 10, 100, 10_000, 99_900, 10**8, 10**17)),
    )  # fmt: skip


@st.composite
def random_cases(draw: st.DrawFn) -> RandomCase:
    """Draw up to 8 touches, of which some never arrive, 4 conversions and 5 adjustments."""
    random = draw(st.randoms(use_true_random=False))
    touches = [_touch(random, n) for n in range(random.randint(1, 8))]
    conversions = [_conversion(random, n, touches) for n in range(random.randint(1, 4))]
    adjustments = [_adjustment(random, n, conversions) for n in range(random.randint(0, 5))]
    models = random.choice((("last_click",), ("last_click", "linear")))
    arrived = [seen for seen in touches if random.random() < 0.85]
    changed = {3: random.choice((Partner(3, "Three"), Partner(3, "Off", "inactive"), Partner(3, "D", kind="direct")))}
    return RandomCase(program_of(_plans(random), models, changed), arrived, conversions, adjustments)
