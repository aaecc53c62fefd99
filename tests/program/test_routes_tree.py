"""Routes as a tree: equal rows give one root, a change costs its parts, and nothing wrong is accepted."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from program.entries import Link, Status
from program.hash_tree import (
    FAN_OUT,
    HASH_BYTES,
    PARTS,
    BadTree,
    HashTree,
    checked_nodes,
    checked_parts,
    differing,
    hash_of_part,
    tree_of_hashes,
)
from program.route_part import (
    PART_OF_HEAD,
    RoutesHead,
    decode_part,
    encode_part,
    part_of_link,
    part_of_offer,
    part_of_partner,
)
from program.routes import OfferRoute, Routes
from program.routes_tree import RoutesChange, RoutesTree, tree_of, tree_of_parts

numbers = st.integers(1, 2**32 - 1)
statuses: st.SearchStrategy[Status] = st.sampled_from(["active", "inactive"])
codes = st.text("abcXYZ019._~-", min_size=1, max_size=4)
LINKS = st.builds(
    Link,
    codes,
    numbers,
    numbers,
    statuses,
    st.sampled_from(["", "", "https://a.example/own?c={click_id}"]),
    st.sampled_from([(), (), (("sub1", "mail"), ("sub10", "ü"))]),
)
OFFERS = st.builds(
    OfferRoute,
    landing_url=st.sampled_from(["https://a.example/", "https://b.example/?c={click_id}"]),
    status=statuses,
    allowed_hosts=st.sampled_from([(), ("a.example", "*.a.example")]),
    pass_through=st.booleans(),
)
ROUTES = st.builds(
    Routes,
    fallback_url=st.sampled_from(["", "https://none.example/"]),
    trusted_proxies=st.sampled_from([(), ("10.0.0.0/8",)]),
    partners=st.dictionaries(numbers, statuses, max_size=5),
    offers=st.dictionaries(numbers, OFFERS, max_size=3),
    links=st.lists(LINKS, max_size=8).map(lambda links: {link.code: link for link in links}),
)


def routes_of(tree: RoutesTree) -> Routes:
    """Return all rows of a tree."""
    links = [part.link(code) for part in tree.parts for code in part.links]
    return Routes(
        fallback_url=tree.head.fallback_url,
        trusted_proxies=tree.head.trusted_proxies,
        partners={number: status for part in tree.parts for number, status in part.partners.items()},
        offers={number: offer for part in tree.parts for number, offer in part.offers.items()},
        links={link.code: link for link in links if link is not None},
    )


def change_of(old: Routes, new: Routes) -> RoutesChange:
    """Return the rows that turn one version into another."""
    return RoutesChange(
        {code: new.links.get(code) for code in old.links.keys() | new.links.keys()},
        {number: new.partners.get(number) for number in old.partners.keys() | new.partners.keys()},
        {number: new.offers.get(number) for number in old.offers.keys() | new.offers.keys()},
        RoutesHead(new.fallback_url, new.trusted_proxies),
    )


def shuffled(routes: Routes, random: Random) -> Routes:
    def turned(rows: dict) -> dict:  # type: ignore[type-arg]
        items = list(rows.items())
        random.shuffle(items)
        return dict(items)

    return msgspec.structs.replace(
        routes, links=turned(routes.links), partners=turned(routes.partners), offers=turned(routes.offers)
    )


EMPTY = tree_of(Routes())


@given(ROUTES, st.randoms())
def test_a_tree_has_the_rows_of_its_routes_whatever_their_order(routes: Routes, random: Random) -> None:
    tree = tree_of(routes)
    assert routes_of(tree) == routes
    assert tree_of(shuffled(routes, random)).root == tree.root
    for code, link in routes.links.items():
        assert tree.link(code) == link and tree.link(code + "!") is None
    for number, status in routes.partners.items():
        assert tree.partner(number) == status
    for number, offer in routes.offers.items():
        assert tree.offer(number) == offer


@given(ROUTES, ROUTES)
def test_a_change_gives_the_tree_of_the_new_routes(old: Routes, new: Routes) -> None:
    before, wanted = tree_of(old), tree_of(new)
    after = before.changed(change_of(old, new))
    assert (after.root, after.hashes) == (wanted.root, wanted.hashes) and routes_of(after) == new
    assert routes_of(before) == old, "the old tree has not changed"
    assert (before.root == after.root) == (old == new)
    numbers = before.hashes.differing(after.hashes)
    assert all(before.parts[n] is after.parts[n] for n in range(PARTS) if n not in numbers)
    assert after.changed(change_of(new, old)).hashes == before.hashes


@given(ROUTES, ROUTES)
def test_parts_that_differ_are_enough(old: Routes, new: Routes) -> None:
    """An edge that has one version asks for hashes, then for the parts that differ."""
    before, target = tree_of(old), tree_of(new)
    nodes = checked_nodes(target.root, b"".join(target.hashes.nodes))
    hashes = list(before.hashes.parts)
    for node in differing(before.hashes.nodes, nodes):
        of_node = target.hashes.parts[node * FAN_OUT : (node + 1) * FAN_OUT]
        hashes[node * FAN_OUT : (node + 1) * FAN_OUT] = checked_parts(nodes[node], b"".join(of_node))
    known = tree_of_hashes(hashes)
    assert known == target.hashes
    parts = {number: target.encoded(number) for number in before.hashes.differing(known)}
    after = before.received(parts, known)
    assert after.hashes == target.hashes and routes_of(after) == new


@settings(max_examples=20)
@given(ROUTES)
def test_bytes_are_read_as_they_were_written(routes: Routes) -> None:
    tree = tree_of(routes)
    parts = [tree.encoded(number) for number in range(PARTS)]
    assert [hash_of_part(part) for part in parts] == list(tree.hashes.parts)
    again = tree_of_parts(parts, tree.root)
    assert again.hashes == tree.hashes and routes_of(again) == routes
    assert all(encode_part(decode_part(part)) == part for part in parts)


def test_one_link_costs_one_part() -> None:
    routes = Routes(links={f"link-{n}": Link(f"link-{n}", 1 + n % 9, 1 + n) for n in range(20_000)})
    before = tree_of(routes)
    after = before.changed(RoutesChange({"new": Link("new", 101, 7)}))
    assert before.hashes.differing(after.hashes) == [part_of_link("new")]
    assert after.link("new") == Link("new", 101, 7) and before.link("new") is None
    assert sum(a is not b for a, b in zip(before.parts, after.parts, strict=True)) == 1
    same = after.changed(RoutesChange({"new": Link("new", 101, 7), "unknown": None}))
    assert (same.root, same.parts) == (after.root, after.parts)


def test_rows_are_spread_over_the_parts() -> None:
    places = {part_of_link(f"link-{n}") for n in range(40_000)}
    assert len(places) == PARTS and min(places) == 0 and max(places) == PARTS - 1
    assert len({part_of_partner(n) for n in range(40_000)}) == PARTS == len({part_of_offer(n) for n in range(40_000)})
    assert part_of_partner(7) != part_of_offer(7)


def test_the_form_of_the_tree_is_fixed() -> None:
    """Edges and publishers of different versions must compute the same root."""
    routes = Routes(
        fallback_url="https://none.example/", trusted_proxies=("10.0.0.0/8",), partners={7: "active", 8: "inactive"},
        offers={101: OfferRoute(landing_url="https://a.example/", allowed_hosts=("a.example",))},
        links={"bl-shoes": Link("bl-shoes", 101, 7)},
    )  # fmt: skip
    assert (EMPTY.root.hex(), tree_of(routes).root.hex()) == (
        "941d3f837c47a1d7ddcf1cbf81b348a0",
        "1f0cd6322f4428a2075568ccfafa999c",
    )
    assert (part_of_link("bl-shoes"), part_of_partner(7), part_of_offer(101), PART_OF_HEAD) == (896, 2, 1222, 1756)


class _EarlierLink(msgspec.Struct, array_like=True):
    """Row of a link in versions without landing pages and subs of links."""

    code: str
    offer_id: int
    partner_id: int
    active: bool


def test_rows_of_links_with_more_columns() -> None:
    """An ordinary link keeps its bytes. Earlier versions read a link with a page of its own without that page."""
    plain, own = Link("bl", 101, 7), Link("bl", 101, 7, "active", "https://a.example/x", (("sub1", "mail"),))
    number = part_of_link("bl")
    bytes_of = {link: EMPTY.changed(RoutesChange({"bl": link})).encoded(number) for link in (plain, own)}
    assert msgspec.msgpack.decode(bytes_of[plain])[0] == [["bl", 101, 7, True]]
    assert msgspec.msgpack.decode(bytes_of[own])[0] == [["bl", 101, 7, True, "https://a.example/x", [["sub1", "mail"]]]]
    rows, _, _, _ = msgspec.msgpack.decode(
        bytes_of[own], type=tuple[list[_EarlierLink], list[object], list[object], object]
    )
    assert rows == [_EarlierLink("bl", 101, 7, True)]
    assert decode_part(bytes_of[plain]).links == {"bl": (101 << 32 | 7) << 1 | 1}
    assert decode_part(bytes_of[own]).link("bl") == own


def test_wrong_bytes_are_refused() -> None:
    tree = EMPTY.changed(RoutesChange({"a": Link("a", 1, 2)}))
    number = part_of_link("a")
    good = tree.encoded(number)
    with pytest.raises(BadTree, match="does not have the hash"):
        EMPTY.received({number: good + b"\0"}, tree.hashes)
    with pytest.raises(BadTree, match="1 parts are missing"):
        EMPTY.received({}, tree.hashes)
    with pytest.raises(BadTree, match="2 parts are missing or were not asked for"):
        EMPTY.received({number + 1: good}, tree.hashes)
    parts = [tree.encoded(n) for n in range(PARTS)]
    with pytest.raises(BadTree, match="the parts have the root"):
        tree_of_parts(parts, EMPTY.root)
    with pytest.raises(BadTree, match="a tree has 4096 hashes"):
        tree_of_parts(parts[:-1], tree.root)
    with pytest.raises(BadTree, match="a tree has 4096 hashes"):
        tree_of_hashes([b"short"] * PARTS)


@pytest.mark.parametrize("data", [b"", b"\xc1", msgspec.msgpack.encode([[["a", 1]], [], [], None]),
                                  msgspec.msgpack.encode([[["a", 2**32, 1, True]], [], [], None])])  # fmt: skip
def test_parts_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(BadTree, match="a part cannot be read"):
        decode_part(data)


def test_wrong_hashes_are_refused() -> None:
    hashes: HashTree = EMPTY.hashes
    nodes, node = b"".join(hashes.nodes), b"".join(hashes.parts[:FAN_OUT])
    assert checked_nodes(hashes.root, nodes) == hashes.nodes and len(nodes) == FAN_OUT * HASH_BYTES
    for received in (nodes[:-1], nodes + b"\0", b"", bytes([nodes[0] ^ 1]) + nodes[1:], node):
        with pytest.raises(BadTree, match="bytes of hashes do not have the hash"):
            checked_nodes(hashes.root, received)
    with pytest.raises(BadTree):
        checked_parts(hashes.root, nodes)
