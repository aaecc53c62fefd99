"""1,000,000 links, 100,000 partners, 1,000 offers: publishing the program, one new link, one new plan, and an edge."""

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

from benchmarks.measure import Result, median
from installation.program_store import EffectiveTerms, ProgramStore, PublishedProgram, load_published
from program.entries import Link, Plan
from program.hash_tree import FAN_OUT, HASH_BYTES, PARTS
from program.routes import OfferRoute, Routes
from program.routes_tree import RoutesChange, RoutesTree, tree_of, tree_of_parts
from program.terms import GoalTerms, OfferTerms, Terms, canonical, hash_of

LINKS, PARTNERS, OFFERS, PARTNER_PLANS = 1_000_000, 100_000, 1_000, 4_500
_LOOKUPS = 200_000
_DAY_US = 86_400_000_000
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
T = TypeVar("T")


def run(folder: Path) -> Iterator[Result]:
    """Measure bytes and seconds of publishing, and memory and look-ups of an edge."""
    codes, routes = _routes()
    tree, seconds = _timed(lambda: tree_of(routes))
    parts = [tree.encoded(number) for number in range(PARTS)]
    yield Result("first tree of 1,000,000 links", seconds, "s")
    yield Result("first tree, all parts", sum(map(len, parts)) / 1e6, "MB")
    yield from _one_link(tree)
    yield from _one_plan()
    (folder / "parts").write_bytes(msgspec.msgpack.encode((tree.root, parts, codes[:_LOOKUPS])))
    yield from _edge(folder / "parts")
    yield from _store(folder / "program", tree)


def _routes() -> tuple[list[str], Routes]:
    random = Random(7)
    codes = list({"".join(random.choices(_ALPHABET, k=7)) for _ in range(LINKS + LINKS // 100)})[:LINKS]
    offers = {
        number: OfferRoute(landing_url=f"https://shop-{number}.example/landing?cid={{click_id}}", allowed_hosts=())
        for number in range(1, OFFERS + 1)
    }
    links = {code: Link(code, random.randint(1, OFFERS), random.randint(1, PARTNERS)) for code in codes}
    return codes, Routes(partners=dict.fromkeys(range(1, PARTNERS + 1), "active"), offers=offers, links=links)


def _one_link(tree: RoutesTree) -> Iterator[Result]:
    seconds, sizes = [], []
    for number in range(21):
        change = RoutesChange({f"new-{number}": Link(f"new-{number}", 1, 1)})
        after, took = _changed(tree, change)
        [part] = tree.hashes.differing(after.hashes)
        seconds.append(took)
        sizes.append(len(after.encoded(part)) + 2 * FAN_OUT * HASH_BYTES)
    yield Result("one new link: the next tree", median(seconds) * 1e3, "ms")
    yield Result("one new link: its part and two lists of hashes", median(sizes) / 1e3, "kB")


def _one_plan() -> Iterator[Result]:
    terms = _terms(PARTNER_PLANS)
    text, seconds = _timed(lambda: canonical(terms))
    yield Result(f"one new plan among {PARTNER_PLANS + OFFERS:,}: terms and hash", seconds * 1e3, "ms")
    yield Result(f"one new plan among {PARTNER_PLANS + OFFERS:,}: all terms", len(text) / 1e3, "kB")
    many = _terms(100_000)
    _, seconds = _timed(lambda: hash_of(canonical(many)))
    yield Result("one new plan among 101,000: terms and hash", seconds * 1e3, "ms")


def _terms(partner_plans: int) -> Terms:
    plans = [Plan(offer, percent_e6=8_500_000, hold_us=14 * _DAY_US) for offer in range(1, OFFERS + 1)]
    plans += [
        Plan(1 + number % OFFERS, 1 + number, percent_e6=9_000_000, hold_us=14 * _DAY_US)
        for number in range(partner_plans)
    ]
    offers = {
        number: OfferTerms(
            click_window_us=30 * _DAY_US, impression_window_us=_DAY_US, goals=(GoalTerms("1"), GoalTerms("lead"))
        )
        for number in range(1, OFFERS + 1)
    }
    return Terms(currency="USD", timezone="UTC", offers=offers, plans=tuple(plans), models=("last_click",))


def _edge(path: Path) -> Iterator[Result]:
    """Measure an edge in a fresh process: memory that a process has freed would be counted otherwise."""
    code = f"from benchmarks.bench_program import measure_edge; measure_edge({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    yield Result("an edge reads all parts", found["seconds"], "s")
    yield Result("memory of an edge per link", found["bytes"] / LINKS, "bytes", "limit", 200)
    yield Result("look-up of a link", found["lookup_us"], "us", "one dictionary", found["dictionary_us"])


def _store(folder: Path, tree: RoutesTree) -> Iterator[Result]:
    """Measure the program on disk: the first version, one new link, and a start from it."""
    terms = (EffectiveTerms(0, _terms(PARTNER_PLANS)),)
    store = ProgramStore(folder)
    _, seconds = _timed(lambda: store.save(PublishedProgram(1, terms, tree)))
    yield Result("first version to disk", seconds, "s")
    after = tree.changed(RoutesChange({"new": Link("new", 1, 1)}))
    _, seconds = _timed(lambda: store.save(PublishedProgram(2, terms, after)))
    yield Result("one new link to disk", seconds * 1e3, "ms")
    store.close()
    found, seconds = _timed(lambda: load_published(folder))
    assert found is not None and found.routes.root == after.root
    yield Result("a process starts from disk", seconds, "s")


def measure_edge(path: str) -> None:
    """Read all parts from a file and print what it takes, as JSON."""
    root, parts, codes = msgspec.msgpack.decode(Path(path).read_bytes(), type=tuple[bytes, list[bytes], list[str]])
    gc.collect()
    before = _resident_bytes()
    tree, seconds = _timed(lambda: tree_of_parts(parts, root))
    gc.collect()
    held = _resident_bytes() - before
    asked = Random(8).sample(codes, k=len(codes))
    _, lookups = _timed(lambda: [tree.link(code) for code in asked])
    plain = {code: tree.link(code) for code in codes}
    _, in_one = _timed(lambda: [plain.get(code) for code in asked])
    per_us = 1e6 / len(asked)
    found = {"seconds": seconds, "bytes": held, "lookup_us": lookups * per_us, "dictionary_us": in_one * per_us}
    sys.stdout.write(json.dumps(found))


def _changed(tree: RoutesTree, change: RoutesChange) -> tuple[RoutesTree, float]:
    return _timed(lambda: tree.changed(change))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
