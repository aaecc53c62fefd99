"""Postback URL for an advertiser, and the postback in whatever somebody pastes."""

import pytest

from control.console.postback_url import postback_url
from control.engine.postback_text import Pasted, read_pasted

EDGE = "https://t.acme.example"


def test_the_url_of_an_offer_names_what_the_server_puts_in() -> None:
    made = postback_url(EDGE, "https://shop.example/?a=1&cid={click_id}", "lead", "EUR", has_secret=True)
    assert made.url == (
        f"{EDGE}/postback?click_id={{click_id}}&goal=lead&txn_id={{order_id}}&amount={{amount}}&currency=EUR"
        "&status=approved&secret={secret}"
    )
    assert made.macros[0].meaning == "the value of cid in the landing URL, unchanged: 36 characters"
    assert [macro.name for macro in made.macros if macro.required] == ["click_id", "goal", "secret"]
    plain = postback_url(EDGE, "https://shop.example/", "1", "USD", has_secret=False)
    assert "goal" not in plain.url and "secret" not in plain.url
    assert "click_id of the landing URL" in plain.macros[0].meaning


@pytest.mark.parametrize(
    "text",
    [
        f"{EDGE}/postback?a=1&b=%26",
        f"  {EDGE.upper().replace('HTTPS', 'https')}/postback/?a=1&b=%26#part ",
        f"curl -s '{EDGE}/postback?a=1&b=%26' -H 'X: y'",
        '10.0.0.1 - - "GET /postback?a=1&b=%26 HTTP/1.1" 200',
        "/postback?a=1&b=%26",
        "?a=1&b=%26",
        "a=1&b=%26",
    ],
)
def test_the_query_is_found_in_what_is_pasted(text: str) -> None:
    assert read_pasted(text, EDGE) == Pasted("a=1&b=%26")


def test_a_wrong_address_is_a_mistake() -> None:
    assert "the path is /postbacks" in read_pasted(f"{EDGE}/postbacks?a=1", EDGE).address_mistake
    assert "the host is other.example" in read_pasted("http://other.example/postback?a=1", EDGE).address_mistake
    assert read_pasted("http://other.example/postback?a=1", "").address_mistake == ""
    assert read_pasted("just words", EDGE) == Pasted("")
