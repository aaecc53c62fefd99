"""Read program files: TOML text to Program, reporting all mistakes at once (docs/contract.md, section 3).

`clew check` shows the mistakes and warnings; `clew serve` loads a program only if it has no mistake. This module reads
the file table by table; checks.py checks that the tables fit together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from program import fields as values
from program.checks import UNREAD, Draft, check_draft
from program.compile import compile_draft
from program.entries import (
    DEFAULT_CLICK_WINDOW_US,
    DEFAULT_IMPRESSION_WINDOW_US,
    Coupon,
    Goal,
    Link,
    Offer,
    Partner,
    PartnerKind,
    Plan,
    Status,
    Trust,
)
from program.fits import CONVERSIONS_MAX, check_fits, read_fits
from program.program import Program
from program.toml.tables import BadToml, BadValue, Mistake, Table, read_toml
from schemas.values.durations import parse_duration_us
from schemas.values.hosts import differs_from_idna2003

NAME_CHARS_MAX = 200
_STATUSES = ("active", "inactive")


@dataclass(frozen=True, slots=True)
class ProgramReading:
    """Result of reading a program file: the program, if there is no mistake, and all mistakes and warnings."""

    program: Program | None
    mistakes: tuple[Mistake, ...]
    warnings: tuple[Mistake, ...]


def read_program(text: str, environment: Callable[[str], str | None]) -> ProgramReading:
    """Read the text of a program file. `environment` looks up the names of `env:NAME`."""
    if not text.strip():
        return ProgramReading(
            None, (Mistake(1, "program", "the file is empty; it needs [program] with a currency"),), ()
        )
    try:
        root, book = read_toml(text)
    except BadToml as error:
        return ProgramReading(None, (error.mistake,), ())
    secret = values.secret_reader(environment)
    draft = read_tables(root, secret)
    root.done()
    check_draft(draft, book)
    check_fits(draft, book)
    mistakes = tuple(sorted(book.mistakes))
    warnings = tuple(sorted(book.warnings))
    return ProgramReading(None if mistakes else compile_draft(draft), mistakes, warnings)


def read_tables(root: Table, secret: Callable[[str], str]) -> Draft:
    """Read all tables of a file; mistakes go to the root's book."""
    draft = Draft()
    head = root.table("program", required=True)
    if "program" in root:
        _read_head(head, draft, secret)
    for table in root.tables("partner"):
        _read_partner(table, draft)
    for table in root.tables("offer"):
        _read_offer(table, draft, secret)
    for table in root.tables("link"):
        read_link(table, draft)
    for table in root.tables("plan"):
        _read_plan(table, draft)
    for table in root.tables("coupon"):
        _read_coupon(table, draft)
    read_fits(root, draft)
    attribution = root.table("attribution")
    draft.models = attribution.parsed_texts("models", values.model)
    attribution.done()
    return draft


def _read_head(table: Table, draft: Draft, secret: Callable[[str], str]) -> None:
    draft.name = table.parsed("name", _name, "")
    draft.currency = table.parsed("currency", values.currency, "", required=True)
    draft.timezone = table.parsed("timezone", values.timezone, "UTC")
    draft.fallback_url = table.parsed("fallback_url", values.fallback_url, "", empty_allowed=True)
    draft.api_keys = table.parsed_texts("api_keys", secret)
    draft.trusted_proxies = table.parsed_texts("trusted_proxies", values.proxy)
    draft.link_user_id = cast(Trust, table.choice("link_user_id", ("untrusted", "trusted"), "untrusted"))
    table.done()


def _name(text: str) -> str:
    if len(text) > NAME_CHARS_MAX:
        raise BadValue(f"must have at most {NAME_CHARS_MAX} characters")
    return text


def _id(table: Table, key: str) -> int | None:
    return table.number(key, least=1, most=values.U32_MAX)


def _status(table: Table) -> Status:
    return cast(Status, table.choice("status", _STATUSES, "active"))


def _read_partner(table: Table, draft: Draft) -> None:
    number = _id(table, "id")
    name = table.parsed("name", _name, f"Partner {number}")
    status = _status(table)
    kind = cast(PartnerKind, table.choice("kind", ("partner", "direct"), "partner"))
    table.done()
    draft.partners.append((table.place, Partner(number or UNREAD, name, status, kind)))


def _read_offer(table: Table, draft: Draft, secret: Callable[[str], str]) -> None:
    number = _id(table, "id")
    offer = Offer(
        id=number or UNREAD,
        name=table.parsed("name", _name, f"Offer {number}"),
        landing_url=table.parsed("landing_url", values.landing_url, "", required=True),
        status=_status(table),
        allowed_hosts=_read_hosts(table),
        click_window_us=table.parsed("click_window", parse_duration_us, DEFAULT_CLICK_WINDOW_US),
        impression_window_us=table.parsed("impression_window", parse_duration_us, DEFAULT_IMPRESSION_WINDOW_US),
        goals=_read_goals(table),
        reopen=table.flag("reopen", True),
        pass_through=table.flag("pass_through", False),
    )
    postback_secret = table.parsed("postback_secret", secret, "")
    table.done()
    draft.offers.append((table.place, offer))
    if "postback_secret" in table:
        draft.postback_secrets[offer.id] = postback_secret


def _read_hosts(offer: Table) -> tuple[str, ...]:
    hosts = []
    for place, text in offer.texts("allowed_hosts"):
        try:
            host = values.host_pattern(text)
        except BadValue as error:
            offer.book.wrong(place, str(error))
            continue
        hosts.append(host)
        if differs_from_idna2003(text.removeprefix("*.")):
            offer.book.warn(place, f"means {host}, as browsers read it; older software takes it for another host")
    return tuple(hosts)


def _read_goals(offer: Table) -> tuple[Goal, ...]:
    if "goals" not in offer:
        return (Goal("1", "Conversion"),)
    goals: dict[str, Goal] = {}
    for table in offer.tables("goals", empty_allowed=False):
        key = table.parsed("key", values.goal_key, "", required=True)
        goal = Goal(key, table.parsed("name", _name, key))
        table.done()
        if key in goals:
            table.wrong("key", f"another goal of this offer already has the key {key}")
        elif key:
            goals[key] = goal
    return tuple(goals.values())


def read_link(table: Table, draft: Draft) -> None:
    """Add a link to the draft."""
    code = table.parsed("code", values.link_code, "", required=True)
    offer, partner = _id(table, "offer"), _id(table, "partner")
    status = _status(table)
    landing_url = table.parsed("landing_url", values.landing_url, "") if "landing_url" in table else ""
    subs = _read_subs(table.table("subs")) if "subs" in table else ()
    table.done()
    draft.links.append((table.place, Link(code, offer or UNREAD, partner or UNREAD, status, landing_url, subs)))


def _read_subs(table: Table) -> tuple[tuple[str, str], ...]:
    found = [(name, table.parsed(name, values.sub_default, "")) for name in values.SUB_NAMES if name in table]
    for key in table:
        if key not in values.SUB_NAMES:
            table.wrong(key, "is not a sub; the subs are sub1 to sub30")
    return tuple((name, value) for name, value in found if value)


def _read_plan(table: Table, draft: Draft) -> None:
    offer = _id(table, "offer")
    partner = (_id(table, "partner") or UNREAD) if "partner" in table else None
    fixed_minor, fixed_currency = table.parsed("fixed", values.fixed, (0, ""))
    plan = Plan(
        offer_id=offer or UNREAD,
        partner_id=partner,
        goal=table.parsed("goal", values.goal_key, "") or None,
        percent_e6=table.parsed("percent", values.percent_e6, 0, numbers_allowed=True),
        fixed_minor=fixed_minor,
        fixed_currency=fixed_currency,
        hold_us=table.parsed("hold", _hold, 0),
        model=table.parsed("model", values.model, "last_click"),
        click_window_us=table.parsed("click_window", _window, None),
        impression_window_us=table.parsed("impression_window", _window, None),
        conversions_min=_conversions_min(table),
    )
    table.done()
    if "percent" not in table and "fixed" not in table:
        table.wrong("percent", 'is missing: give percent = "8.5", fixed = "1.20 USD" or both')
    draft.plans.append((table.place, plan))


def _read_coupon(table: Table, draft: Draft) -> None:
    code = table.parsed("code", values.coupon_code, "", required=True)
    offer, partner = _id(table, "offer"), _id(table, "partner")
    from_us, to_us = table.instant("from", values.instant_us), table.instant("to", values.instant_us)
    table.done()
    if from_us is not None and to_us is not None and from_us >= to_us:
        table.wrong("to", "must be later than from")
    draft.coupons.append((table.place, Coupon(code, partner or UNREAD, offer or UNREAD, from_us, to_us)))


def _conversions_min(table: Table) -> int | None:
    """Return None if the key is missing or has a mistake."""
    return table.number("conversions_min", least=1, most=CONVERSIONS_MAX) if "conversions_min" in table else None


def _hold(text: str) -> int:
    return parse_duration_us(text, zero_allowed=True)


def _window(text: str) -> int | None:
    return parse_duration_us(text)
