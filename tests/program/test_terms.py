"""Terms, routes and labels: each part holds only what it decides, and the form of terms is fixed."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from program.entries import Coupon, Fit, Goal, Link, Offer, Partner, Plan
from program.labels import LabelKey, Labels, labels_of, labels_of_whole
from program.program import Program
from program.terms import PartnerTerms, canonical, from_canonical, hash_of
from tests.program.test_file import GOOD, read
from tests.programs import program_of_entries


def good(change: Callable[[str], str] = lambda text: text) -> Program:
    program = read(change(GOOD)).program
    assert program is not None
    return program


def replaced(old: str, new: str) -> Callable[[str], str]:
    assert old in GOOD
    return lambda text: text.replace(old, new, 1)


LINK = '[[link]]\ncode = "{}"\noffer = 101\npartner = 7\n'


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + LINK.format("new"),
        lambda text: text + '[[partner]]\nid = 9\nname = "New"\n',
        replaced('code = "bl-shoes"', 'code = "bl-shoes"\nstatus = "inactive"'),
        replaced('fallback_url = "https://acme.example/"', 'fallback_url = "https://else.example/"'),
        replaced('trusted_proxies = ["10.0.0.0/8", "::1"]', "trusted_proxies = []"),
        replaced('landing_url = "https://hats', 'status = "inactive"\nlanding_url = "https://hats'),
        replaced('allowed_hosts = ["shop.example", "*.Shop.example"]', "pass_through = true"),
    ],
)
def test_a_change_of_routes_makes_no_new_price(change: Callable[[str], str]) -> None:
    before, after = good(), good(change)
    assert (after.hash, after.terms) == (before.hash, before.terms) and after.routes != before.routes


@pytest.mark.parametrize(
    "change",
    [
        replaced('name = "Blue Lagoon"', 'name = "Red Lagoon"'),
        replaced('name = "Shoes"', 'name = "Boots"'),
        replaced('name = "Acme Partners"', 'name = "Acme"'),
        replaced('name = "Purchase"', 'name = "Sale"'),
    ],
)
def test_another_name_changes_only_the_labels(change: Callable[[str], str]) -> None:
    before, after = good(), good(change)
    assert (after.hash, after.terms, after.routes) == (before.hash, before.terms, before.routes)
    assert after.labels != before.labels


@pytest.mark.parametrize(
    "change",
    [
        replaced('percent = "8.5"', 'percent = "8.6"'),
        replaced('hold = "14d"', 'hold = "15d"'),
        replaced('click_window = "90m"', 'click_window = "91m"'),
        replaced('click_window = "90m"', 'click_window = "90m"\nreopen = false'),
        replaced('{ key = "lead" }', '{ key = "lead" }, { key = "trial" }'),
        replaced("id = 7\n", 'id = 7\nkind = "direct"\n'),
        replaced("id = 7\n", 'id = 7\nstatus = "inactive"\n'),
        replaced('timezone = "Europe/Berlin"', 'timezone = "UTC"'),
        replaced("[program]\n", '[program]\nlink_user_id = "trusted"\n'),
        lambda text: text + '[attribution]\nmodels = ["time_decay"]\n',
        lambda text: text + '[[coupon]]\ncode = "BLUE"\noffer = 101\npartner = 7\n',
    ],
)
def test_a_change_of_terms_makes_a_new_price(change: Callable[[str], str]) -> None:
    before, after = good(), good(change)
    assert after.hash != before.hash and from_canonical(canonical(after.terms)) == after.terms


def test_written_defaults_are_not_a_change() -> None:
    explicit = GOOD.replace("[program]\n", '[program]\nlink_user_id = "untrusted"\n')
    explicit = explicit.replace("[[offer]]\n", '[[offer]]\nreopen = true\npass_through = false\nstatus = "active"\n')
    explicit = explicit.replace("[[partner]]\nid = 7\n", '[[partner]]\nid = 7\nstatus = "active"\nkind = "partner"\n')
    explicit = explicit.replace('hold = "14d"\n', 'hold = "14d"\nmodel = "last_click"\n')
    explicit = explicit.replace('click_window = "90m"\n', 'click_window = "90m"\nimpression_window = "24h"\n')
    assert len(explicit) > len(GOOD) and good(lambda _: explicit) == good()
    assert good(lambda _: explicit).hash == good().hash


def test_the_form_of_terms_is_fixed() -> None:
    """Conversions refer to terms by their hash, so every later version must write the same bytes for the same terms."""
    assert good().hash == "b3112f9e4c89f1b2736a9c37e964caa4"


# ------------------------------------------------------------------------------------------------- random terms

numbers = st.integers(1, 5)
windows = st.none() | st.sampled_from([1, 30 * 86_400_000_000, 2**40])
texts = st.text(min_size=1, max_size=3)
PLANS = st.lists(
    st.builds(
        Plan, numbers, st.none() | numbers, st.none() | st.sampled_from(["1", "lead"]), st.integers(0, 10**9),
        st.integers(0, 10**6), st.sampled_from(["", "USD", "EUR"]), st.integers(0, 10**12),
        st.sampled_from(["last_click", "linear", "time_decay(7d)"]), windows, windows, st.none() | st.integers(1, 500),
    ),
    max_size=6, unique_by=lambda plan: plan.name,
)  # fmt: skip
PARTNERS = st.lists(
    st.builds(
        Partner, numbers, texts, st.sampled_from(["active", "inactive"]), st.sampled_from(["partner", "direct"])
    ),
    max_size=4, unique_by=lambda partner: partner.id,
)  # fmt: skip
GOALS = st.lists(
    st.builds(Goal, st.sampled_from(["1", "lead"]), texts), min_size=1, max_size=2, unique_by=lambda goal: goal.key
)
OFFERS = st.lists(
    st.builds(
        Offer, numbers, texts, st.just("https://shop.example/"), click_window_us=st.integers(1, 2**40),
        impression_window_us=st.integers(1, 2**40), goals=GOALS.map(tuple), reopen=st.booleans(),
    ),
    max_size=4, unique_by=lambda offer: offer.id,
)  # fmt: skip
COUPONS = st.lists(
    st.builds(Coupon, texts, numbers, numbers, st.none() | st.just(0), st.none() | st.integers(1, 2**40)),
    max_size=2, unique_by=lambda coupon: coupon.code.strip().casefold(),
)  # fmt: skip
FITS = st.lists(
    st.builds(
        Fit, model=st.just("markov"), run=st.just("ab" * 16), as_of=st.just("2026-01-01T00:00:00Z"),
        conversions=st.integers(1, 9), weights=st.dictionaries(numbers, st.integers(1, 9)),
    ),
    max_size=2, unique_by=lambda fit: fit.id,
)  # fmt: skip


@given(PARTNERS, OFFERS, PLANS, COUPONS, FITS, st.randoms())
def test_terms_are_read_as_they_were_written(partners, offers, plans, coupons, fits, random) -> None:  # type: ignore[no-untyped-def]
    program = program_of_entries(partners=partners, offers=offers, plans=plans, coupons=coupons, fits=fits)
    text = canonical(program.terms)
    read = from_canonical(text)
    assert (canonical(read), hash_of(text)) == (text, program.hash)
    assert msgspec.structs.replace(read, plans=()) == msgspec.structs.replace(program.terms, plans=())
    assert sorted(read.plans, key=repr) == sorted(program.terms.plans, key=repr)
    for entries in (partners, offers, plans, coupons, fits):
        random.shuffle(entries)
    again = program_of_entries(partners=partners, offers=offers, plans=plans, coupons=coupons, fits=fits)
    assert canonical(again.terms) == text


@given(PARTNERS, OFFERS)
def test_labels_by_key_give_the_same_labels(partners: list[Partner], offers: list[Offer]) -> None:
    labels = program_of_entries(partners=partners, offers=offers, links=[Link("x", 1, 1)]).labels
    assert labels_of(labels.by_key()) == labels
    assert labels_of({}) == Labels() == labels_of({LabelKey("program"): ""})


# ----------------------------------------------------------------------------------- whole programs of earlier versions

WHOLE = (
    b'{"name":"Acme","currency":"USD","timezone":"UTC","fallback_url":"","trusted_proxies":[],"partners":'
    b'{"7":{"id":7,"name":"Blue Lagoon","status":"active","kind":"partner"},'
    b'"8":{"id":8,"name":"Gone","status":"inactive","kind":"direct"}},"offers":{"101":{"id":101,"name":"Shoes",'
    b'"landing_url":"https://shop.example/","status":"active","allowed_hosts":[],"click_window_us":5,'
    b'"impression_window_us":6,"goals":[{"key":"1","name":"Sale"}],"reopen":false,"pass_through":true}},"links":'
    b'{"bl":{"code":"bl","offer_id":101,"partner_id":7,"status":"active"}},"plans":[{"offer_id":101,"partner_id":null,'
    b'"goal":null,"percent_e6":8500000,"fixed_minor":0,"fixed_currency":"","hold_us":0,"model":"last_click",'
    b'"click_window_us":null,"impression_window_us":3}],"models":["last_click"]}'
)


def test_whole_programs_give_terms_and_labels() -> None:
    terms = from_canonical(WHOLE)
    assert terms.partners == {8: PartnerTerms("inactive", "direct")}
    assert (terms.currency, terms.link_user_id, terms.coupons, terms.fits) == ("USD", "untrusted", {}, {})
    assert terms.plans == (Plan(101, percent_e6=8_500_000, impression_window_us=3),)
    offer = terms.offers[101]
    assert (offer.click_window_us, offer.impression_window_us, offer.reopen) == (5, 6, False)
    assert from_canonical(canonical(terms)) == terms
    labels = labels_of_whole(WHOLE)
    assert labels == Labels("Acme", {7: "Blue Lagoon", 8: "Gone"}, {101: "Shoes"}, {101: {"1": "Sale"}})
    assert labels_of_whole(canonical(terms)) == Labels(), "terms of this version have no names"
