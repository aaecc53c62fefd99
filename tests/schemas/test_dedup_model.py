"""Dedup decisions on random sequences: `rule` against a simple model of docs/contract.md, sections 2.1 and 2.2."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.dedup import rules
from schemas.events import STATUS_ORDER, Adjustment, Conversion, Event, Given
from schemas.values.currencies import DECIMALS
from schemas.values.money import parse_e4, parse_minor
from schemas.wire import decode
from tests.schemas.samples import conversion, refund, status, touch_id, wire

TXNS = ("t0", "t1")
REFUND_IDS = ("r0", "r1", "r2")
LINES = ("", "", "a0", "a1")
"""No line (a postback), or the id of one."""
CURRENCIES = ("USD", "JPY")
AMOUNTS = ("5", "7", "7.00")
REMAINS = "what remains"


@dataclass
class Sale:
    """A model of a conversion key by the contract."""

    content: tuple[Decimal, str, int] | None = None
    seen: set[str] = field(default_factory=set)
    """Statuses since one went back."""
    ever: set[str] = field(default_factory=set)
    refunded: Decimal = Decimal(0)
    early: list[tuple[str, Decimal]] = field(default_factory=list)
    refunds: dict[str, Decimal] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return max(self.seen, key=STATUS_ORDER.index, default="")

    @property
    def remains(self) -> Decimal:
        assert self.content is not None
        return max(Decimal(0), self.content[0] - self.refunded)


def fits(amount: Decimal, currency: str) -> bool:
    return amount == amount.quantize(Decimal(1).scaleb(-DECIMALS[currency]))


class Model:
    """Verdicts in the contract's words."""

    def __init__(self) -> None:
        self.sales = {txn: Sale() for txn in TXNS}
        self.lines: dict[tuple[str, str], tuple[Any, ...]] = {}

    def _line(self, kind: str, ref: str, content: tuple[Any, ...]) -> str:
        """The verdict if this line came before."""
        if not ref or (kind, ref) not in self.lines:
            return ""
        return "duplicate" if self.lines[kind, ref] == content else "conflict"

    def _claim(self, kind: str, ref: str, content: tuple[Any, ...], verdict: str) -> str:
        if ref and verdict in ("accepted", "duplicate"):
            self.lines[kind, ref] = content
        return verdict

    def convert(self, txn: str, ref: str, said: dict[str, Any]) -> str:
        content = (txn, *sorted(said.items()))
        before = self._line("conversion", ref, content)
        return before or self._claim("conversion", ref, content, self._convert(self.sales[txn], said))

    def _convert(self, sale: Sale, said: dict[str, Any]) -> str:
        amount, currency, click = Decimal(said.get("amount", 0)), said.get("currency", "USD"), said.get("click", 0)
        if sale.content is None:
            sale.content = (amount, currency, click)
            sale.seen.add(said.get("status", "approved"))
            sale.ever |= sale.seen
            sale.refunded = sum((a for c, a in sale.early if c in ("", currency) and fits(a, currency)), Decimal(0))
            return "accepted"
        named = zip(("amount", "currency", "click"), (amount, currency, click), sale.content, strict=True)
        if any(name in said and value != now for name, value, now in named):
            return "conflict"
        if "status" not in said or said["status"] in sale.ever:
            return "duplicate"
        return self._move(sale, said["status"], "")

    def _move(self, sale: Sale, new: str, ref: str) -> str:
        if new == sale.status or (new in sale.ever and not (ref and sale.content)):
            return "duplicate"
        forward = not sale.seen or STATUS_ORDER.index(new) > STATUS_ORDER.index(sale.status)
        back = sale.content is not None and (sale.status == "declined" or (sale.status, new) == ("hold", "pending"))
        if not forward and not back:
            return "rejected"
        sale.seen = {new} if back else sale.seen | {new}
        sale.ever.add(new)
        return "accepted"

    def move(self, txn: str, ref: str, new: str) -> str:
        before = self._line("adjustment", ref, (txn, new))
        return before or self._claim("adjustment", ref, (txn, new), self._move(self.sales[txn], new, ref))

    def refund(self, txn: str, ref: str, refund_id: str, amount: str, currency: str) -> str:
        content = (txn, amount, currency)
        before = self._line("adjustment", ref, content)
        if before:
            return before
        sale = self.sales[txn]
        if not ref and refund_id in sale.refunds:
            same = amount == REMAINS or Decimal(amount) == sale.refunds[refund_id]
            return "duplicate" if same else "conflict"
        if sale.content is None:
            if not ref or amount == REMAINS:
                return "rejected"
            sale.early.append((currency, Decimal(amount)))
            return self._claim("adjustment", ref, content, "accepted")
        if currency not in ("", sale.content[1]):
            return "conflict"
        taken = sale.remains if amount == REMAINS else Decimal(amount)
        if not fits(taken, sale.content[1]):
            return "malformed"
        if not 0 < taken <= sale.remains:
            return "rejected"
        sale.refunded += taken
        if not ref:
            sale.refunds[refund_id] = taken
        return self._claim("adjustment", ref, content, "accepted")


def conversion_of(txn: str, ref: str, said: dict[str, Any]) -> Conversion:
    currency = said.get("currency", "USD")
    named = {"amount": Given.AMOUNT, "currency": Given.CURRENCY, "status": Given.STATUS, "click": Given.CLICK_ID}
    return conversion(
        txn, ref=ref, amount_minor=parse_minor(said.get("amount", "0"), currency), currency=currency,
        status=said.get("status", "approved"), click_id=touch_id(said.get("click", 0)),
        given=sum(bit for name, bit in named.items() if name in said),
    )  # fmt: skip


def key_of(txn: str) -> bytes:
    return conversion(txn).conversion_id


def refund_of(txn: str, ref: str, refund_id: str, amount: str, currency: str) -> Adjustment:
    e4 = rules.WHAT_REMAINS if amount == REMAINS else parse_e4(amount)
    if not ref:
        return refund(key_of(txn), refund_id, e4, currency=currency)
    line = rules.line_key("adjustment", ref)
    return refund(key_of(txn), "", e4, currency=currency, ref=ref, adjustment_id=line)


txns, lines = st.sampled_from(TXNS), st.sampled_from(LINES)
statuses = st.sampled_from(STATUS_ORDER)


@st.composite
def sayings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the fields of a hit and their values."""
    said: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {}, optional={"currency": st.sampled_from(CURRENCIES), "status": statuses, "click": st.integers(1, 2)}
        )
    )
    if draw(st.booleans()):
        said["amount"] = "7" if said.get("currency") == "JPY" else draw(st.sampled_from(AMOUNTS))
    return said


class ClaimsMachine(RuleBasedStateMachine):
    """Everything twice: through the rule, and through the model."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.states: dict[bytes, bytes] = {}
        self.stored: list[Event] = []

    def say(self, event: Event, expected: str, txn: str) -> None:
        decision = rules.decide(self.states.get, wire(event))
        assert decision.verdict == expected, (decision.verdict, expected, event)
        assert (decision.record is not None) == (expected == "accepted")
        assert (decision.reason is None) == (expected in ("accepted", "duplicate"))
        assert not decision.puts or expected in ("accepted", "duplicate")
        line_of_another = expected in ("duplicate", "conflict") and bool(getattr(event, "ref", ""))
        if not line_of_another:
            assert (decision.status, decision.issued) == (self.model.sales[txn].status, key_of(txn))
        self.states.update(decision.puts)
        if decision.record is not None:
            self.stored.append(decode(decision.record)[1])

    @rule(txn=txns, ref=lines, said=sayings())
    def convert(self, txn: str, ref: str, said: dict[str, Any]) -> None:
        said = {**said, "amount": said["amount"].removesuffix(".00")} if "amount" in said else said
        self.say(conversion_of(txn, ref, said), self.model.convert(txn, ref, said), txn)

    @rule(txn=txns, ref=lines, new=statuses)
    def move(self, txn: str, ref: str, new: str) -> None:
        event = status(key_of(txn), new, ref=ref)
        if ref:
            event = msgspec.structs.replace(event, adjustment_id=rules.line_key("adjustment", ref))
        self.say(event, self.model.move(txn, ref, new), txn)

    @rule(
        txn=txns, ref=lines, refund_id=st.sampled_from(REFUND_IDS),
        amount=st.sampled_from(["2", "3", "7", "0.50", "0.005", REMAINS]),
        currency=st.sampled_from(["", "", "USD", "JPY"]),
    )  # fmt: skip
    def refund(self, txn: str, ref: str, refund_id: str, amount: str, currency: str) -> None:
        event = refund_of(txn, ref, refund_id, amount, currency)
        self.say(event, self.model.refund(txn, ref, refund_id, amount, currency), txn)

    @invariant()
    def one_conversion_a_key(self) -> None:
        sold = [event.conversion_id for event in self.stored if isinstance(event, Conversion)]
        assert len(sold) == len(set(sold)) == sum(sale.content is not None for sale in self.model.sales.values())

    @invariant()
    def adjustments_are_one_each(self) -> None:
        ids = [event.adjustment_id for event in self.stored if isinstance(event, Adjustment)]
        assert len(ids) == len(set(ids))


TestClaims = ClaimsMachine.TestCase
TestClaims.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


# -- any order

_changes = st.one_of(
    st.tuples(st.just("status"), st.just("approved")),
    st.tuples(st.just("refund"), st.sampled_from(["0.50", "1", "2.25", "3"])),
)


@given(st.data(), st.lists(_changes, max_size=6), st.sampled_from(["pending", "hold", "approved"]))
def test_no_order_changes_what_a_conversion_comes_to(
    data: st.DataObject, changes: list[tuple[str, str]], first: str
) -> None:
    """Line by line in any order, also before the conversion: the same status, and the same or no less refunded."""
    events: list[Event] = [conversion("t", status=first, ref="sale")]
    for n, (kind, value) in enumerate(changes):
        ref = f"a{n}"
        key = rules.line_key("adjustment", ref)
        if kind == "status":
            events.append(status(key_of("t"), value, ref=ref, adjustment_id=key))
        else:
            events.append(refund_of("t", ref, "", value, ""))
    total = sum(Decimal(value) for kind, value in changes if kind == "refund")
    outcomes = [worth(play(data.draw(st.permutations(events)))) for _ in range(3)]
    assert {outcome[0] for outcome in outcomes} == {max([first, *statuses_of(changes)], key=STATUS_ORDER.index)}
    for _, refunded in outcomes:
        assert refunded <= Decimal("7.50") and (total > Decimal("7.50") or refunded == total)


def statuses_of(changes: list[tuple[str, str]]) -> list[str]:
    return [value for kind, value in changes if kind == "status"]


def play(events: list[Event]) -> list[Event]:
    """Play hits on a log; return what it stores."""
    states: dict[bytes, bytes] = {}
    stored = []
    for event in events:
        decision = rules.decide(states.get, wire(event))
        states.update(decision.puts)
        if decision.record is not None:
            stored.append(decode(decision.record)[1])
    return stored


def worth(stored: list[Event]) -> tuple[str, Decimal]:
    """Status and refunded amount by what is stored, as reports read it."""
    changes = [event for event in stored if isinstance(event, Adjustment)]
    seen = [event.status for event in stored if isinstance(event, Conversion)]
    seen += [change.status for change in changes if change.kind == "status"]
    refunded = sum((Decimal(c.amount_e4).scaleb(-4) for c in changes if c.kind == "refund"), Decimal(0))
    return max(seen, key=STATUS_ORDER.index), min(refunded, Decimal("7.50"))
