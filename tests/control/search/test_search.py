"""Search over everything: each kind is found, and nobody finds what is not theirs."""

import pytest
from django.test import Client

from control.accounts.actor import command_line
from control.accounts.keys import make_key
from control.audit.origin import acting
from control.program.services.links import create_link
from control.search.find import search
from tests.control.console.installation import Console

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def found(made: Console, role: str, words: str) -> dict[str, list[str]]:
    results = search(made.actor(role), words, 10)
    assert "CLEW_ENGINE__URL" in results.trouble  # there is no engine here, and the rest is found all the same
    return {kind: [row.title for row in rows] for kind, rows in results.by_kind.items()}


def test_every_kind_is_found(console: Console) -> None:
    console.publish_program()
    assert found(console, "owner", "LAGOON") == {"partner": ["Blue Lagoon"], "coupon": ["LAGOON10"]}
    assert found(console, "owner", "shoes") == {"offer": ["Shoes"], "plan": ["Shoes"]}
    assert console.offer is not None
    by_number = found(console, "owner", str(console.offer.number))
    assert by_number["offer"] == by_number["plan"] == ["Shoes"]
    assert found(console, "owner", "bl-") == {"link": ["bl-shoes"]}
    assert found(console, "owner", "analyst@acme") == {"user": ["Analyst Person"]}
    assert search(console.actor("owner"), " \0 ", 10).by_kind == {}
    assert list(search(console.actor("owner"), "lagoon", 10, "coupon").by_kind) == ["coupon"]


def test_nobody_finds_what_is_not_theirs(console: Console) -> None:
    console.publish_program()
    assert console.foreign is not None and console.offer is not None and console.own is not None
    with acting(command_line()):
        create_link(command_line(), console.offer.number, console.foreign.number, "rr-shoes")
    assert found(console, "partner_manager", "red rock") == found(console, "partner_manager", "rr-") == {}
    assert found(console, "partner_manager", "lagoon.example") == {"partner": ["Blue Lagoon"]}
    assert found(console, "analyst", "lagoon.example") == {}
    assert "user" not in found(console, "support", "acme.example")


def test_the_api_answers_a_partner_with_the_own_objects(console: Console) -> None:
    console.publish_program()
    assert console.own is not None and console.foreign is not None
    with acting(command_line()):
        _, own = make_key(command_line(), "own", "read", console.own.number)
        _, other = make_key(command_line(), "other", "read", console.foreign.number)
    client = Client(HTTP_HOST="localhost")

    def titles(key: str, words: str) -> list[tuple[str, str]]:
        answer = client.get("/api/v1/search", {"q": words}, HTTP_AUTHORIZATION=f"Bearer {key}")
        assert answer.status_code == 200 and answer.json()["next"] is None
        return [(item["kind"], item["title"]) for item in answer.json()["items"]]

    assert titles(own, "lagoon") == [("partner", "Blue Lagoon"), ("coupon", "LAGOON10")]
    assert titles(own, "bl-shoes") == [("link", "bl-shoes")]
    assert titles(other, "lagoon") == titles(other, "bl-shoes") == []
    assert client.get("/api/v1/search", {"q": "x"}).status_code == 401


def test_the_page_lists_pages_too_and_says_what_was_not_searched(console: Console) -> None:
    page = console.browser("owner").get("/console/search/?q=live").content.decode()
    assert "Live view" in page and "Conversions were not searched" in page
    assert "Audit trail" not in console.browser("support").get("/console/search/?q=audit").content.decode()
