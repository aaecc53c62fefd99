"""Followers get what they lack, and nothing else, on both databases."""

from collections.abc import Sequence

import msgspec
import pytest

from control.distribution.feed import Feed, Marks, bounded_contents, note, read_marks
from control.distribution.models import Follower
from control.distribution.selectors import spread_of
from control.partners.services import transition
from control.program.publishing import publish
from control.program.services.links import create_link
from control.program.services.offers import rotate_postback_secret
from control.program.versions import current
from program.feed import SECRETS_PURPOSE, Answer, Asked
from program.labels import Labels
from program.program import Secrets
from program.received import routes_after
from program.routes import NO_ROUTES
from program.routes_tree import RoutesTree, tree_of
from program.terms import from_canonical, hash_of
from runtime.clock import ManualClock
from runtime.sealed_bytes import unseal_bytes
from tests.control.databases import TestDatabase
from tests.control.program.sample import ANN, lagoon, plan, shoes

KEY = "key-of-the-machines-of-this-test-is-long"
EDGE = Asked(name="vm/edge-0", kind="edge")
ENGINE = Asked(name="vm/engine", kind="engine")
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def feed() -> Feed:
    return Feed(KEY, ManualClock(0))


def news(feed: Feed, asked: Asked) -> Answer:
    answer = feed.answer(asked, read_marks())
    assert answer is not None
    return answer


def having(asked: Asked, answer: Answer) -> Asked:
    """Describe a follower that has applied an answer."""
    return msgspec.structs.replace(
        asked,
        sequence=answer.sequence,
        root=answer.root.hex() if asked.kind == "edge" else "",
        terms=answer.terms[-1].hash if answer.terms else asked.terms,
        secrets=answer.secrets.digest if answer.secrets else asked.secrets,
        labels=answer.labels.digest if answer.labels else asked.labels,
    )


def tree_after(before: RoutesTree, answer: Answer) -> RoutesTree:
    """Return the tree; what the answer lacks is asked for."""

    def find(hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        found = bounded_contents([digest for digest in hashes if digest not in answer.contents])
        return {**answer.contents, **{bytes.fromhex(name): content for name, content in found.items()}}

    return routes_after(before, answer.root, find)


def test_nothing_is_published_at_first(feed: Feed) -> None:
    answer = news(feed, EDGE)
    assert (answer.sequence, answer.root, answer.terms) == (0, b"", ())
    assert feed.answer(having(EDGE, answer), read_marks()) is None


def test_an_edge_gets_all_then_one_part(feed: Feed) -> None:
    offer = shoes()
    plan(offer)
    publish(ANN)
    first = news(feed, EDGE)
    [terms] = first.terms
    assert hash_of(first.contents[bytes.fromhex(terms.hash)]) == terms.hash
    assert list(from_canonical(first.contents[bytes.fromhex(terms.hash)]).offers) == [offer.number]
    tree = tree_after(tree_of(NO_ROUTES), first)
    assert tree.offer(offer.number) is not None
    edge = having(EDGE, first)
    assert feed.answer(edge, read_marks()) is None
    partner = lagoon()
    create_link(ANN, offer.number, partner.number, "bl-shoes")
    second = news(feed, edge)
    assert 4 <= len(second.contents) <= 7, "one root, and for each of two rows the hashes of a node and a part"
    after = routes_after(tree, second.root, lambda hashes: second.contents)
    assert after.link("bl-shoes") is not None and after.partner(partner.number) == "active"
    transition(ANN, partner.number, "suspended", "test")
    third = news(feed, having(edge, second))
    assert tree_after(after, third).partner(partner.number) == "inactive"


def test_an_engine_gets_every_terms_with_their_time(feed: Feed) -> None:
    offer = shoes()
    plan(offer)
    publish(ANN)
    first = news(feed, ENGINE)
    assert len(first.terms) == 1 and not first.contents
    create_link(ANN, offer.number, lagoon("Red Rock").number)  # makes routes, no terms
    plan(offer, percent_e6=9_000_000)
    version = publish(ANN)
    later = news(feed, having(ENGINE, first))
    assert [name.hash for name in later.terms][-1] == version.terms_hash
    whole = news(feed, ENGINE)
    assert [name.hash for name in whole.terms] == list(
        dict.fromkeys([first.terms[0].hash, *(name.hash for name in later.terms)])
    )
    assert [name.from_us for name in whole.terms] == sorted({name.from_us for name in whole.terms})
    labels = msgspec.json.decode(whole.labels.content if whole.labels else b"", type=Labels)
    assert labels.offers == {offer.number: "Shoes"}


def test_secrets_travel_sealed_and_again_when_they_change(feed: Feed) -> None:
    offer = shoes()
    plan(offer)
    secret = rotate_postback_secret(ANN, offer.number)
    publish(ANN)
    first = news(feed, EDGE)
    assert first.secrets is not None and secret.encode() not in msgspec.msgpack.encode(first)
    text = unseal_bytes(KEY, SECRETS_PURPOSE, first.secrets.content)
    assert msgspec.json.decode(text, type=Secrets).postback_secrets == {offer.number: secret}
    edge = having(EDGE, first)
    second = rotate_postback_secret(ANN, offer.number)
    answer = news(feed, edge)
    assert answer.secrets is not None and answer.sequence == edge.sequence
    assert second in unseal_bytes(KEY, SECRETS_PURPOSE, answer.secrets.content).decode()


def test_a_follower_of_a_lost_history_gets_all_again(feed: Feed) -> None:
    """A restored database has given its numbers to other versions."""
    offer = shoes()
    plan(offer)
    publish(ANN)
    known = having(EDGE, news(feed, EDGE))
    lost = msgspec.structs.replace(known, root="0" * 32)
    answer = news(feed, lost)
    assert answer.root.hex() == known.root and answer.root in answer.contents
    ahead = msgspec.structs.replace(known, sequence=99)
    assert news(feed, ahead).sequence == known.sequence
    engine = having(ENGINE, news(feed, ENGINE))
    assert len(news(feed, msgspec.structs.replace(engine, terms="f" * 32)).terms) == 1


def test_names_are_read_again_after_a_while_only(database: TestDatabase) -> None:
    clock = ManualClock(0)
    feed = Feed(KEY, clock)
    engine = having(ENGINE, news(feed, ENGINE))
    lagoon("Red Rock")
    assert feed.answer(engine, read_marks()) is None
    clock.us += 6_000_000
    answer = news(feed, engine)
    assert answer.labels is not None and b"Red Rock" in answer.labels.content


def test_contents_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    plan(shoes())
    version = publish(ANN)
    monkeypatch.setattr("control.distribution.feed.CONTENTS_BYTES_MAX", 1)
    hashes = [bytes.fromhex(version.routes_root), bytes.fromhex(version.terms_hash), b"\0" * 16]
    found = bounded_contents(hashes)
    assert len(found) == 1 and found.keys() <= {version.routes_root, version.terms_hash}
    assert bounded_contents([b"\0" * 16]) == {}


def test_the_console_counts_edges_that_have_a_version(feed: Feed) -> None:
    plan(shoes())
    version = publish(ANN)
    edge = having(EDGE, news(feed, EDGE))
    note(EDGE)
    note(msgspec.structs.replace(edge, name="vm/edge-1"))
    note(having(ENGINE, news(feed, ENGINE)))
    spread = spread_of(version)
    assert (spread.live, spread.edges, spread.is_everywhere) == (1, 2, False)
    note(edge)
    assert spread_of(version).is_everywhere and Follower.objects.count() == 3
    seen = Follower.objects.get(name="vm/edge-0").seen
    note(edge)
    assert Follower.objects.get(name="vm/edge-0").seen == seen, "its row is not written with every poll"
    Follower.objects.update(seen="2020-01-01T00:00:00Z")
    assert spread_of(version).edges == 0
    assert current() == version and read_marks() == Marks(version.seq, read_marks().event)
