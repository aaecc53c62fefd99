"""Names in the warehouse: only changes are written, the last load counts, and no price depends on them."""

import msgspec

from attribution.store.labels import store_labels, stored_labels
from attribution.store.programs import Programs, newest_program
from installation.engine import newest_of
from program.entries import Plan
from program.labels import Labels
from schemas.columns import to_arrow
from schemas.tables import ProgramRow
from tests.attribution.random_cases import program_of
from tests.program.test_terms import WHOLE
from warehouse.port import Warehouse, scalar_of

PROGRAM = program_of((Plan(1, percent_e6=10_000_000),))


def rows(warehouse: Warehouse) -> int:
    return int(scalar_of(warehouse.query("SELECT count() FROM clew.labels")))


def test_only_changes_are_stored(warehouse: Warehouse) -> None:
    assert stored_labels(warehouse) == Labels()
    first = Labels("Acme", {7: "Blue", 8: "Red"}, {1: "Shoes"}, {1: {"1": "Sale", "lead": "Lead"}})
    store_labels(warehouse, first, 10)
    assert (stored_labels(warehouse), rows(warehouse)) == (first, 6)
    store_labels(warehouse, first, 20)
    assert rows(warehouse) == 6
    second = msgspec.structs.replace(first, partners={7: "Green", 9: "New"})
    store_labels(warehouse, second, 5)  # a clock that is behind
    assert (stored_labels(warehouse), rows(warehouse)) == (second, 9), "one renamed, one new, one removed"
    store_labels(warehouse, Labels(), 30)
    assert stored_labels(warehouse) == Labels()


def test_many_names_are_stored_in_blocks(warehouse: Warehouse) -> None:
    labels = Labels("Acme", {number: f"Partner {number}" for number in range(1, 150_001)}, {}, {})
    store_labels(warehouse, labels, 10)
    assert stored_labels(warehouse) == labels


def test_another_name_stores_no_terms(warehouse: Warehouse) -> None:
    renamed = msgspec.structs.replace(PROGRAM, labels=Labels("Test", {1: "Another name"}))
    for program in (PROGRAM, renamed, PROGRAM, renamed):
        Programs(warehouse).load(program, 1)
    assert scalar_of(warehouse.query("SELECT count() FROM clew.programs")) == 1
    newest = newest_of(warehouse)
    assert newest is not None and (newest.terms, newest.labels) == (PROGRAM.terms, renamed.labels)
    assert newest.hash == PROGRAM.hash


def test_a_whole_program_of_an_earlier_version_is_the_newest(warehouse: Warehouse) -> None:
    assert newest_of(warehouse) is None
    row = ProgramRow("0" * 32, 1, WHOLE.decode())
    warehouse.insert("programs", to_arrow("programs", [(row,)]), "test")
    found, stored = newest_of(warehouse), newest_program(warehouse)
    assert found is not None and found.labels.partners == {7: "Blue Lagoon", 8: "Gone"}
    assert stored is not None and stored.hash == "0" * 32
    pricing = Programs(warehouse).get("0" * 32)
    assert pricing is not None and (pricing.program_hash, pricing.terms) == ("0" * 32, found.terms)
