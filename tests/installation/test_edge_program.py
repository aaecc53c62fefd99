"""An edge's copy: applied whole or not at all, handed on, stored, and read by the next start."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from installation.edge_program import EMPTY, EdgeCopy, EdgeHolding, newest_copy
from program.entries import Link, Offer, Plan
from program.feed import SECRETS_PURPOSE, Answer, Extra, TermsName
from program.hash_tree import BadTree
from program.program import Program, Secrets
from program.routes_tree import RoutesChange, RoutesTree, tree_of
from program.terms import canonical
from runtime.sealed_bytes import seal_bytes
from tests.program.test_received import contents_of
from tests.programs import program_of_entries

KEY = "key-of-the-machines-of-this-test-is-long"
PROGRAM = program_of_entries(
    offers=[Offer(101, "Shoes", "https://shop.example/")], plans=[Plan(101, percent_e6=8_000_000)],
    links=[Link("bl-shoes", 101, 7)],
)  # fmt: skip
SECRETS = Secrets(("key-of-events",), {101: "s3cret-of-shoes"})


def answer_of(sequence: int, program: Program, tree: RoutesTree, secrets: Secrets | None = SECRETS) -> Answer:
    sealed = None
    if secrets is not None:
        sealed = Extra(f"{sequence:032x}", seal_bytes(KEY, SECRETS_PURPOSE, msgspec.json.encode(secrets)))
    terms = {bytes.fromhex(program.hash): canonical(program.terms)}
    return Answer(
        sequence=sequence, root=tree.root, terms=(TermsName(sequence * 10, program.hash),),
        contents={**contents_of(tree), **terms}, secrets=sealed,
    )  # fmt: skip


@pytest.fixture
def heard() -> list[EdgeCopy]:
    return []


@pytest.fixture
def holding(tmp_path: Path, heard: list[EdgeCopy]) -> Iterator[EdgeHolding]:
    opened = EdgeHolding("vm/edge-0", tmp_path / "program" / "edge-0", KEY, heard.append)
    yield opened
    opened.close()


def take(holding: EdgeHolding, answer: Answer) -> None:
    def find(hashes: object) -> Mapping[bytes, bytes]:
        return answer.contents

    holding.take(answer, find)


def test_an_edge_has_nothing_at_first(holding: EdgeHolding, heard: list[EdgeCopy]) -> None:
    asked = holding.asked()
    assert (asked.sequence, asked.root, asked.terms, asked.secrets) == (0, "", "", "")
    assert not holding.was_stored and holding.copy is EMPTY and not EMPTY.program.terms.offers
    take(holding, Answer(sequence=0, secrets=Extra("d" * 32, seal_bytes(KEY, SECRETS_PURPOSE, b"{}"))))
    assert holding.asked().secrets == "d" * 32 and len(heard) == 1


def test_a_version_is_handed_on_and_stored_for_the_next_start(
    tmp_path: Path, holding: EdgeHolding, heard: list[EdgeCopy]
) -> None:
    tree = tree_of(PROGRAM.routes)
    take(holding, answer_of(1, PROGRAM, tree))
    [copy] = heard
    assert copy.routes.link("bl-shoes") == Link("bl-shoes", 101, 7) and copy.secrets == SECRETS
    assert copy.program.terms == PROGRAM.terms
    asked = holding.asked()
    assert (asked.sequence, asked.root, asked.terms) == (1, tree.root.hex(), PROGRAM.hash)
    after = tree.changed(RoutesChange({"bl-shoes": None, "new": Link("new", 101, 7)}))
    take(holding, answer_of(2, PROGRAM, after, None))
    assert heard[1].program.secrets is heard[0].program.secrets, "the index of the secrets is kept"
    found = newest_copy(tmp_path / "program", KEY)
    assert found is not None and found.published.sequence == 2 and found.secrets == SECRETS
    assert found.routes.link("bl-shoes") is None and found.routes.link("new") is not None
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"s3cret-of-shoes" not in files and b"key-of-events" not in files


def test_a_new_edge_starts_with_the_newest_copy_of_the_others(tmp_path: Path, holding: EdgeHolding) -> None:
    take(holding, answer_of(1, PROGRAM, tree_of(PROGRAM.routes)))
    second = EdgeHolding("vm/edge-1", tmp_path / "program" / "edge-1", KEY, lambda _: None)
    assert second.was_stored and second.copy.routes.link("bl-shoes") is not None
    take(second, answer_of(2, PROGRAM, tree_of(PROGRAM.routes), None))
    second.close()
    assert (tmp_path / "program" / "edge-1" / "secrets").is_file()
    newest = newest_copy(tmp_path / "program", KEY)
    assert newest is not None and newest.published.sequence == 2


def test_a_wrong_answer_changes_nothing(holding: EdgeHolding, heard: list[EdgeCopy]) -> None:
    tree = tree_of(PROGRAM.routes)
    take(holding, answer_of(1, PROGRAM, tree))
    before = holding.copy
    after = answer_of(2, PROGRAM, tree.changed(RoutesChange({"x": Link("x", 101, 7)})))
    other = program_of_entries(offers=[Offer(102, "Hats", "https://hats.example/")])
    lies = answer_of(2, other, tree)
    digest = bytes.fromhex(other.hash)
    wrong = [
        msgspec.structs.replace(after, contents=dict.fromkeys(after.contents, b"?")),
        msgspec.structs.replace(lies, contents={**lies.contents, digest: canonical(PROGRAM.terms)}),
        msgspec.structs.replace(after, secrets=Extra("e" * 32, seal_bytes("x" * 32, SECRETS_PURPOSE, b"{}"))),
        msgspec.structs.replace(after, terms=()),
    ]
    for answer in wrong:
        with pytest.raises(BadTree):
            take(holding, answer)
    assert holding.copy is before and len(heard) == 1


def test_a_damaged_copy_is_replaced(tmp_path: Path, holding: EdgeHolding) -> None:
    take(holding, answer_of(1, PROGRAM, tree_of(PROGRAM.routes)))
    holding.close()
    folder = tmp_path / "program" / "edge-0"
    (folder / "current").write_text("{")
    again = EdgeHolding("vm/edge-0", folder, KEY, lambda _: None)
    assert not again.was_stored
    take(again, answer_of(1, PROGRAM, tree_of(PROGRAM.routes)))
    again.close()
    assert newest_copy(folder.parent, KEY) is not None
    assert newest_copy(folder.parent, "another-key-that-is-long-enough-as-well") is None
