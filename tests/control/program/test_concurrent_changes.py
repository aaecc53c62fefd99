"""Changes of the program at the same time: none is lost, none waits for ever, and routes agree with the rows."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction
from django.test import Client

from control.accounts.keys import make_key
from control.partners.services import transition
from control.program.models import Link, Offer, Plan
from control.program.publishing import publish
from control.program.routing import rebuild_routes
from control.program.selectors import versions
from control.program.services.links import create_link, set_link_status
from control.program.services.offers import set_offer_status
from tests.control.program.sample import ANN, lagoon, live, plan, shoes


@pytest.fixture
def shop(committed_database: object) -> Offer:
    offer = shoes()
    lagoon()
    publish(ANN)
    return offer


@pytest.mark.usefixtures("shop")
def test_different_changes_at_once_never_wait_for_each_other() -> None:
    """Each of these locks other rows; in another order than the others, PostgreSQL would end one of two."""

    def switch(n: int) -> None:
        set_offer_status(ANN, 1, "paused" if n % 2 == 0 else "active")

    def suspend(n: int) -> None:
        transition(ANN, 1, "suspended" if n % 2 == 0 else "active", "x")

    def pay(n: int) -> None:
        plan(Offer.objects.get(number=1), percent_e6=n + 1)
        publish(ANN)

    def link(_: int) -> None:
        create_link(ANN, 1, 1)

    def repeat(change: Callable[[int], None]) -> None:
        try:
            for n in range(6):
                change(n)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(repeat, [switch, suspend, pay, link, link, link]))
    with transaction.atomic():
        assert rebuild_routes() is None
    assert [p.percent_e6 for p in live().terms.plans] == [6]
    assert Plan.objects.filter(state="ended").count() == 5
    assert len(live().routes.links) == 18


@pytest.mark.usefixtures("shop")
def test_eight_writers_at_once_lose_no_link() -> None:
    def write(_: int) -> None:
        try:
            for _ in range(5):
                create_link(ANN, 1, 1)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert [version.seq for version in versions(ANN)] == list(range(41, 0, -1))
    assert live().routes.links.keys() == set(Link.objects.values_list("code", flat=True))
    with transaction.atomic():
        assert rebuild_routes() is None


@pytest.mark.usefixtures("shop")
def test_patches_of_the_api_take_the_locks_in_the_order_of_other_changes() -> None:
    """A patch locks its row before it compares the ETag; on PostgreSQL the lock of the program has to come first."""
    code = create_link(ANN, 1, 1).code
    headers = {"HTTP_AUTHORIZATION": f"Bearer {make_key(ANN, 'patches', 'admin')[1]}", "HTTP_IF_MATCH": "*"}

    def patch(path: str, bodies: list[dict[str, str]]) -> Callable[[int], None]:
        def send(n: int) -> None:
            client = Client(HTTP_HOST="localhost", **headers)
            answer = client.patch(f"/api/v1/{path}", json.dumps(bodies[n % 2]), "application/json")
            assert answer.status_code == 200, answer.content

        return send

    def switch(n: int) -> None:
        set_offer_status(ANN, 1, "paused" if n % 2 == 0 else "active")

    def suspend(n: int) -> None:
        transition(ANN, 1, "suspended" if n % 2 == 0 else "active", "x")

    def turn(n: int) -> None:
        set_link_status(ANN, code, "inactive" if n % 2 == 0 else "active")

    def repeat(change: Callable[[int], None]) -> None:
        try:
            for n in range(6):
                change(n)
        finally:
            connections.close_all()

    patches = [
        patch("partners/1", [{"kind": "direct"}, {"kind": "partner"}]),
        patch("offers/1", [{"landing_url": "https://shop.example/sale"}, {"landing_url": "https://shop.example/"}]),
        patch(f"links/{code}", [{"status": "inactive"}, {"status": "active"}]),
    ]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(repeat, [switch, suspend, turn, *patches]))
    with transaction.atomic():
        assert rebuild_routes() is None
