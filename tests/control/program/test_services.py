"""Changes of offers, links, plans, coupons, approvals and settings: their rules and mistakes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from control.audit.models import AuditEvent
from control.configuration import current_configuration, set_configuration
from control.errors import Conflict, Invalid, NotFound
from control.program.codes import BASE58, CODE_CHARS, RESERVED, new_codes
from control.program.models import Coupon, Link, Offer, OfferStatus, Plan, SealedSecret
from control.program.publishing import publish
from control.program.sealing import seal, unseal
from control.program.services import offers
from control.program.services.approvals import decide_access, request_access
from control.program.services.links import LINKS_AT_ONCE_MAX, create_link, create_links, set_link_status
from control.program.services.offers import (
    TRANSITIONS,
    change_offer,
    create_offer,
    rotate_postback_secret,
    set_offer_status,
    set_postback_secret,
)
from control.program.services.program_settings import change_program_settings
from control.program.services.terms_rows import (
    change_coupon,
    change_plan,
    create_coupon,
    create_plan,
    discard,
    end,
)
from control.program.stored_secrets import load_secrets, owner_of
from runtime.user_error import UserError
from tests.control.program.sample import ANN, SHOP, lagoon, plan, shoes

pytestmark = [
    pytest.mark.usefixtures("database"),
    # Rules in Python; test_publishing.py runs the same services on both databases.
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


def fields_of(error: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return {mistake.field for mistake in error.value.errors}


# ---------------------------------------------------------------------------------------------------------- offers


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"landing_url": "shop.example"}, "landing_url"),
        ({"landing_url": "https://shop.example/?x={nothing}"}, "landing_url"),
        ({"landing_url": "https://{sub1}.example/"}, "landing_url"),
        ({"allowed_hosts": ["https://shop.example"]}, "allowed_hosts"),
        ({"allowed_hosts": "shop.example"}, "allowed_hosts"),
        ({"allowed_hosts": [7]}, "allowed_hosts"),
        ({"click_window_us": 0}, "click_window_us"),
        ({"click_window_us": 1_500_000}, "click_window_us"),
        ({"impression_window_us": 3_651 * 86_400 * 10**6}, "impression_window_us"),
        ({"goals": []}, "goals"),
        ({"goals": [{"key": "1"}]}, "goals"),
        ({"goals": [{"key": "1", "name": "A"}, {"key": "1", "name": "B"}]}, "goals"),
        ({"goals": [{"key": "x" * 65, "name": "A"}]}, "goals"),
        ({"access": "secret"}, "access"),
        ({"status": "active"}, "status"),
        ({"published": True}, "published"),
    ],
)
def test_mistakes_in_an_offer(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_offer(ANN, {"name": "Shoes", "landing_url": SHOP, **values})
    assert fields_of(caught) == {field}
    assert not Offer.objects.exists()


def test_hosts_are_stored_as_they_are_compared() -> None:
    offer = shoes(allowed_hosts=["*.Shop.Example", "münchen.example"])
    assert offer.allowed_hosts == ["*.shop.example", "xn--mnchen-3ya.example"]


@pytest.mark.parametrize("old", OfferStatus)
@pytest.mark.parametrize("new", OfferStatus)
def test_states_of_an_offer(old: OfferStatus, new: OfferStatus) -> None:
    offer = create_offer(ANN, {"name": "Shoes", "landing_url": SHOP})
    if old != "draft":
        set_offer_status(ANN, offer.number, old)
    if new in TRANSITIONS[old]:
        assert set_offer_status(ANN, offer.number, new, "because").status == new
    else:
        with pytest.raises(Conflict, match=f"is {old} and cannot become {new}"):
            set_offer_status(ANN, offer.number, new)


# --------------------------------------------------------------------------------------------------------- secrets


def test_a_secret_is_stored_sealed_and_can_be_rotated() -> None:
    number = create_offer(ANN, {"name": "Shoes", "landing_url": SHOP}, postback_secret="first-secret").number
    assert unseal(SealedSecret.objects.get().sealed_secret, owner_of(number)) == "first-secret"
    secret = rotate_postback_secret(ANN, number)
    row = SealedSecret.objects.get(offer=number)
    assert unseal(row.sealed_secret, owner_of(number)) == secret and len(secret) >= 32
    assert secret.encode() not in bytes(row.sealed_secret)
    assert load_secrets().postback_secrets == {number: secret}
    trail = [str((event.before, event.after)) for event in AuditEvent.objects.all()]
    assert not any(secret in text or "first-secret" in text for text in trail)
    assert AuditEvent.objects.latest("id").after == {"sealed_secret": "(hidden)"}


def test_no_column_of_an_offer_holds_the_secret() -> None:
    number = create_offer(ANN, {"name": "Shoes", "landing_url": SHOP}, postback_secret="first-secret").number
    assert "first-secret" not in str(Offer.objects.filter(number=number).values().get())
    assert not [name for name in vars(offers) if name.startswith(("get", "read"))]


@pytest.mark.parametrize("secret", ["", "two words", "ü", "a\nb"])
def test_mistakes_in_a_secret(secret: str) -> None:
    with pytest.raises(Invalid) as caught:
        set_postback_secret(ANN, shoes().number, secret)
    assert fields_of(caught) == {"postback_secret"} and (not secret or secret not in str(caught.value))


def test_a_secret_is_sealed_for_one_owner_and_by_one_key(settings_key: Callable[[str], None]) -> None:
    sealed = seal("first-secret", "offer 1")
    with pytest.raises(UserError, match="the secret of offer 2 was sealed with another key"):
        unseal(sealed, "offer 2")
    settings_key("another-key-which-is-long-enough-too")
    with pytest.raises(UserError, match="sealed with another key"):
        unseal(sealed, "offer 1")
    settings_key("")
    with pytest.raises(UserError, match="without the key"):
        seal("x", "offer 1")


@pytest.fixture
def settings_key() -> Iterator[Callable[[str], None]]:
    before = current_configuration()
    yield lambda key: set_configuration(replace(before, secret_key=key))
    set_configuration(before)


# ----------------------------------------------------------------------------------------------------------- links


def test_codes_are_made() -> None:
    offer, partner = shoes(), lagoon()
    codes = {create_link(ANN, offer.number, partner.number).code for _ in range(3)}
    codes |= {link.code for link in create_links(ANN, [{"offer": 1, "partner": 1}] * 7)}
    assert len(codes) == 10
    assert all(len(code) == CODE_CHARS and set(code) <= set(BASE58) for code in codes)


def test_a_made_code_is_never_one_that_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    create_link(ANN, shoes().number, lagoon().number, "aaaaaaa")
    draws = iter(["aaaaaaa", "bbbbbbb", "ccccccc", "aaaaaaa", "ddddddd"])
    monkeypatch.setattr("control.program.codes._code", lambda: next(draws))
    assert new_codes(2, taken=["bbbbbbb"]) == ["ccccccc", "ddddddd"]


def test_links_are_stored_all_or_none_with_every_mistake() -> None:
    offer, partner = shoes().number, lagoon().number
    create_link(ANN, offer, partner, "taken")
    good = {"offer": offer, "partner": partner}
    with pytest.raises(Invalid) as caught:
        create_links(
            ANN,
            [
                {**good, "code": "fine"}, {**good, "code": "taken"}, {**good, "code": "fine"}, {**good, "code": "a b"},
                {**good, "code": "Console"}, {"offer": 9, "partner": 8}, {**good, "status": "on"}, {**good, "x": 1},
                {**good, "code": 7},
            ],
        )  # fmt: skip
    assert [mistake.field for mistake in caught.value.errors] == [
        "items[1].code", "items[2].code", "items[3].code", "items[4].code", "items[5].offer", "items[5].partner",
        "items[6].status", "items[7].x", "items[8].code",
    ]  # fmt: skip
    assert Link.objects.count() == 1


@pytest.mark.parametrize("count", [0, LINKS_AT_ONCE_MAX + 1])
def test_the_number_of_links_at_once_is_bounded(count: int) -> None:
    with pytest.raises(Invalid, match="must have 1 to 1000 links"):
        create_links(ANN, [{"offer": 1, "partner": 1}] * count)


def test_reserved_words_are_in_lower_case() -> None:
    assert all(word == word.lower() for word in RESERVED)


def test_mistakes_in_the_status_of_a_link() -> None:
    create_link(ANN, shoes().number, lagoon().number, "bl")
    with pytest.raises(Invalid, match="status: must be one of"):
        set_link_status(ANN, "bl", "paused")
    with pytest.raises(NotFound, match="there is no link nothing"):
        set_link_status(ANN, "nothing", "active")


def test_a_link_is_audited_for_its_partner() -> None:
    create_link(ANN, shoes().number, lagoon().number, "bl")
    event = AuditEvent.objects.get(object_type="program.link")
    assert (event.action, event.object_name, event.partner, event.actor_name) == ("created", "bl", 1, "Ann")


# ------------------------------------------------------------------------------------------------ plans and coupons


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "percent"),
        ({"percent_e6": -1}, "percent_e6"),
        ({"percent_e6": 1_001 * 10**6}, "percent_e6"),
        ({"fixed_minor": 100}, "fixed_currency"),
        ({"fixed_minor": 100, "fixed_currency": "usd"}, "fixed_currency"),
        ({"percent_e6": 1, "hold_us": 1}, "hold_us"),
        ({"percent_e6": 1, "model": "guess"}, "model"),
        ({"percent_e6": 1, "goal": "sale"}, "goal"),
        ({"percent_e6": 1, "conversions_min": 0}, "conversions_min"),
        ({"percent_e6": 1, "state": "published"}, "state"),
    ],
)
def test_mistakes_in_a_plan(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        create_plan(ANN, {"offer": shoes(), **values})
    assert fields_of(caught) == {field} and not Plan.objects.exists()


def test_a_plan_needs_an_offer() -> None:
    with pytest.raises(Invalid) as caught:
        create_plan(ANN, {"percent_e6": 1})
    assert fields_of(caught) == {"offer"}


def test_there_is_one_draft_for_the_same() -> None:
    offer, partner = shoes(), lagoon()
    plan(offer)
    other = plan(offer, partner=partner)
    with pytest.raises(Conflict, match="there is a draft for offer=1 already"):
        plan(offer)
    with pytest.raises(Conflict, match="there is another draft for offer=1"):
        change_plan(ANN, other.id, {"partner": None})
    assert change_plan(ANN, other.id, {"goal": "lead"}).key == "offer=1,partner=1,goal=lead"


def test_published_rows_are_ended_and_drafts_discarded() -> None:
    offer, partner = shoes(), lagoon()
    row, coupon = plan(offer), create_coupon(ANN, {"code": "B", "offer": offer, "partner": partner})
    with pytest.raises(Conflict, match="is draft; only a published one can be ended"):
        end(ANN, Plan, row.id)
    publish(ANN)
    for change in (
        lambda: change_plan(ANN, row.id, {"percent_e6": 1}),
        lambda: change_coupon(ANN, coupon.id, {"code": "C"}),
        lambda: discard(ANN, Plan, row.id),
        lambda: discard(ANN, Coupon, coupon.id),
    ):
        with pytest.raises(Conflict, match="is published and never changes"):
            change()
    draft = plan(offer)
    discard(ANN, Plan, draft.id)
    assert list(Plan.objects.values_list("state", flat=True)) == ["published"]
    with pytest.raises(NotFound, match="there is no plan"):
        discard(ANN, Plan, uuid4())


def _day(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts", "ends", "free"),
    [
        (None, _day(10), True),
        (_day(20), None, True),
        (None, None, False),
        (_day(19), None, False),
        (None, _day(11), False),
        (_day(12), _day(13), False),
        (_day(1), _day(30), False),
    ],
)
def test_a_code_is_used_by_one_coupon_at_a_time(starts: datetime | None, ends: datetime | None, free: bool) -> None:
    values = {"offer": shoes(), "partner": lagoon()}
    create_coupon(ANN, {**values, "code": "BLUE10", "starts": _day(10), "ends": _day(20)})
    if free:
        create_coupon(ANN, {**values, "code": "blue10", "starts": starts, "ends": ends})
    else:
        with pytest.raises(Invalid, match="code: BLUE10 is in use for partner 1"):
            create_coupon(ANN, {**values, "code": "blue10", "starts": starts, "ends": ends})


def test_mistakes_in_a_coupon() -> None:
    values = {"code": "B", "offer": shoes(), "partner": lagoon()}
    for wrong, field in (
        ({"starts": _day(2), "ends": _day(2)}, "ends"), ({"code": " B"}, "code"), ({"partner": None}, "partner")
    ):  # fmt: skip
        with pytest.raises(Invalid) as caught:
            create_coupon(ANN, {**values, **wrong})
        assert fields_of(caught) == {field}


# ------------------------------------------------------------------------------------------- approvals and settings


def test_access_is_asked_for_once_where_it_is_for_asking() -> None:
    offer, partner = shoes(access="approval"), lagoon()
    request_access(ANN, offer.number, partner.number, "please")
    with pytest.raises(Conflict, match="has asked for offer 1 already"):
        request_access(ANN, offer.number, partner.number)
    change_offer(ANN, offer.number, {"access": "private"})
    with pytest.raises(Conflict, match="nobody asks for access"):
        request_access(ANN, offer.number, lagoon("Red Sea").number)
    with pytest.raises(Invalid, match="status: must be approved or rejected"):
        decide_access(ANN, offer.number, partner.number, "requested")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"currency": "usd"}, "currency"),
        ({"timezone": "Mars"}, "timezone"),
        ({"fallback_url": "acme.example"}, "fallback_url"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "trusted_proxies"),
        ({"report_models": ["guess"]}, "report_models"),
        ({"link_user_id": "maybe"}, "link_user_id"),
        ({"id": 2}, "id"),
    ],
)
def test_mistakes_in_settings(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        change_program_settings(ANN, values)
    assert fields_of(caught) == {field}
