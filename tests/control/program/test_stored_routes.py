"""Trees of routes in the store: a change gives the root that the whole rows have, and reads only what it touches."""

from collections.abc import Mapping, Sequence

from control.program.stored_routes import changed, differing_branches, differing_routes, read_hashes, read_routes, whole
from program.entries import Link
from program.hash_tree import FAN_OUT
from program.route_part import RoutesHead, part_of_link, part_of_partner
from program.routes import OfferRoute, Routes
from program.routes_tree import RoutesChange, tree_of


class Store:
    """Contents by hash, with the names that were read."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []

    def read(self, names: Sequence[str]) -> Mapping[str, bytes]:
        self.asked += names
        return {name: self.contents[name] for name in names}


def _link(code: str, partner: int = 1) -> Link:
    return Link(code, 1, partner, "active")


def _routes(links: int) -> Routes:
    return Routes(
        partners={1: "active", 2: "active"}, offers={1: OfferRoute(landing_url="https://shop.example/")},
        links={f"{n:05}": _link(f"{n:05}") for n in range(links)},
    )  # fmt: skip


def _stored(routes: Routes) -> tuple[Store, str]:
    store, made = Store(), whole(routes)
    store.contents |= made.contents
    return store, made.root


def test_a_change_gives_the_tree_of_the_changed_rows() -> None:
    store, root = _stored(_routes(3_000))
    change = RoutesChange(
        links={"new": _link("new", 2), "00007": None, "00008": _link("00008", 2)},
        partners={2: "inactive", 3: "active"},
        offers={1: OfferRoute(landing_url="https://shop.example/sale"), 9: None},
        head=RoutesHead("https://shop.example/away"),
    )
    made = changed(root, change, store.read)
    store.contents |= made.contents
    after = read_routes(made.root, store.read)
    links = {code: link for code, link in _routes(3_000).links.items() if code not in ("00007", "00008")}
    assert after.links == {**links, "new": _link("new", 2), "00008": _link("00008", 2)}
    assert after.partners == {1: "active", 2: "inactive", 3: "active"}
    assert after.fallback_url == "https://shop.example/away"
    assert made.root == tree_of(after).root.hex()
    assert read_hashes(made.root, store.read) == tree_of(after).hashes


def test_a_link_reads_and_writes_one_part_and_the_hashes_above_it() -> None:
    store, root = _stored(_routes(3_000))
    made = changed(root, RoutesChange(links={"new": _link("new")}), store.read)
    assert len(store.asked) == len(made.contents) == 3
    assert store.asked[0] == root and made.root in made.contents
    assert set(made.contents).isdisjoint(store.contents)


def test_a_change_that_changes_nothing_keeps_the_root() -> None:
    store, root = _stored(_routes(10))
    made = changed(root, RoutesChange(links={"00001": _link("00001"), "none": None}), store.read)
    assert (made.root, made.contents) == (root, {})


def test_the_difference_of_two_trees_reads_only_the_nodes_that_differ() -> None:
    store, root = _stored(_routes(3_000))
    made = changed(root, RoutesChange(links={"new": _link("new")}, partners={1: "inactive"}), store.read)
    store.contents |= made.contents
    before, after = differing_branches(root, made.root, store.read)
    numbers = {part_of_link("new"), part_of_partner(1)}
    assert set(before.differing(after)) == numbers
    assert before.parts.keys() == after.parts.keys() == {number // FAN_OUT for number in numbers}
    old, new = differing_routes(root, made.root, store.read)
    assert (old.partners[1], new.partners[1]) == ("active", "inactive")
    assert new.links.keys() - old.links.keys() == {"new"}
