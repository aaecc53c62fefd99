"""Ids of public links that join nothing, stored parameters of ad networks, and parameters that are passed on."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import identity
from schemas.events import Kind, Touch, Untrusted
from tests.schemas.samples import touch
from tests.tracker.edge_fixture import OFFERS, Stage, program
from tracker.request.params import read_params
from tracker.request.text import pairs_of

AD = {name: f"{name}-1" for name in ("gclid", "gbraid", "wbraid", "fbclid", "msclkid", "ttclid", "li_fat_id", "twclid")}


def stage_of(*, trusted: bool = False, passing: bool = False) -> Stage:
    offers = [msgspec.structs.replace(offer, pass_through=passing) for offer in OFFERS]
    return Stage(program=program(offers=offers, link_user_id="trusted" if trusted else "untrusted"))


def stored(stage: Stage) -> Touch:
    ((_, event),) = stage.stored("hits")
    return event


@pytest.mark.parametrize("target", ["/c/bl-shoes", "/i/bl-shoes.gif"])
def test_ids_of_public_links_are_stored_and_join_nothing(target: str) -> None:
    stage = stage_of()
    stage.get(f"{target}?user_id=u1&visitor_id=v1")
    event = stored(stage)
    assert (event.user_id, event.visitor_id) == ("u1", "v1")
    assert event.untrusted == Untrusted.USER | Untrusted.VISITOR
    assert identity.of_touch(Kind.CLICK, event) == (identity.of_token(event.touch_id),)


def test_a_program_may_trust_its_links() -> None:
    stage = stage_of(trusted=True)
    stage.get("/c/bl-shoes?user_id=u1&visitor_id=v1")
    event = stored(stage)
    assert event.untrusted == 0
    assert set(identity.of_touch(Kind.CLICK, event)) == {
        identity.of_token(event.touch_id), identity.of_visitor("v1"), identity.of_user("u1")
    }  # fmt: skip


def test_the_cookie_joins_touches_in_any_program() -> None:
    stage = stage_of()
    stage.get("/c/bl-shoes?user_id=u1", headers=[(b"cookie", b"clew_v=" + b"a" * 22)])
    event = stored(stage)
    assert event.untrusted == Untrusted.USER
    assert identity.of_visitor("a" * 22) in identity.of_touch(Kind.CLICK, event)
    assert identity.of_user("u1") not in identity.of_touch(Kind.CLICK, event)


def test_touches_from_before_keep_their_identities() -> None:
    old = msgspec.structs.replace(touch(1), visitor_id="v1", user_id="u1")
    assert {identity.of_visitor("v1"), identity.of_user("u1")} <= set(identity.of_touch(Kind.CLICK, old))


def test_parameters_of_ad_networks_are_stored(stage: Stage) -> None:
    query = "&".join(f"{name}={value}" for name, value in AD.items())
    stage.get(f"/c/bl-shoes?utm_source=news&UTM_Campaign=a%20b&utm_=x&utm_term=&other=1&yclid=%FF&{query}")
    assert stored(stage).params == {"utm_source": "news", "utm_campaign": "a b", "yclid": "\ufffd", **AD}


def test_pixels_store_them_too_and_their_number_is_bounded(stage: Stage) -> None:
    stage.get("/i/bl-shoes.gif?" + "&".join(f"utm_{n}={'x' * 3_000 if n == 0 else n}" for n in range(60)))
    params = stored(stage).params
    assert len(params) == 32 and len(params["utm_0"]) == 2_048


def test_unknown_parameters_are_passed_on_as_they_came() -> None:
    stage = stage_of(passing=True)
    answer = stage.get("/c/bl-shoes?utm_source=a%20b&sub1=s&x=%EE%2f+&flag&user_id=u&cid=evil&x=2")
    click_id = answer.param("cid")
    assert answer.location == (
        f"https://shop.example/?cid={click_id}&p=7&s=s&utm_source=a%20b&x=%EE%2f+&flag&x=2"
    )  # fmt: skip
    assert stage.get("/c/bl-shoes").location.endswith("&s=")


def test_they_come_before_the_fragment_of_a_deep_link() -> None:
    stage = stage_of(passing=True)
    answer = stage.get("/c/bl-shoes?url=https%3A%2F%2Fpay.example%2Fp%3Fa%3D1%23top&a=2&gclid=g")
    assert answer.location == "https://pay.example/p?a=1&gclid=g#top"
    kept = stage.get("/c/bl-shoes?url=https://pay.example/p?a=1&gclid=g")
    assert kept.location == "https://pay.example/p?a=1&gclid=g"


def test_nothing_is_passed_on_unless_the_offer_says_so() -> None:
    assert "utm_source" not in stage_of().get("/c/bl-shoes?utm_source=a").location


@given(st.lists(st.tuples(st.binary(max_size=6), st.binary(max_size=6)), max_size=6))
def test_a_query_with_nothing_encoded_reads_as_any_other(pairs: list[tuple[bytes, bytes]]) -> None:
    plain = b"&".join(name + b"=" + value for name, value in pairs).replace(b"%", b"").replace(b"+", b"")
    plain = plain.replace(b"url=", b"").replace(b"amp;", b"")
    expected: dict[str, str] = {}
    for name, value in pairs_of(plain, "surrogateescape"):
        expected.setdefault(name, value)
    assert read_params(plain) == (expected, False)
