"""The stored program: what is saved is loaded, a crash leaves the last version, old blobs go, damage is found."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installation import blob_file, program_store
from installation.program_store import (
    GARBAGE_BYTES_MIN,
    EffectiveTerms,
    ProgramStore,
    PublishedProgram,
    StoreDamaged,
    load_published,
)
from program.entries import Link, Plan
from program.hash_tree import FAN_OUT, HASH_BYTES
from program.routes import Routes
from program.routes_tree import RoutesChange, RoutesTree, tree_of
from program.terms import GoalTerms, OfferTerms, Terms
from runtime.file_lock import FileLocked

OFFER = OfferTerms(click_window_us=5, impression_window_us=6, goals=(GoalTerms("1"),))


def terms_of(percent: int) -> Terms:
    return Terms(
        currency="USD", timezone="UTC", offers={1: OFFER}, plans=(Plan(1, percent_e6=percent),), models=("last_click",)
    )


def routes_of(count: int) -> RoutesTree:
    links = {f"link-{n}": Link(f"link-{n}", 1, 1 + n) for n in range(count)}
    return tree_of(Routes(links=links, partners={1: "active"}, fallback_url="https://none.example/"))


def version_of(sequence: int, routes: RoutesTree, percent: int = 8_000_000) -> PublishedProgram:
    return PublishedProgram(sequence, (EffectiveTerms(10, terms_of(percent)),), routes)


SMALL = routes_of(100)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "program"


@pytest.fixture
def store(folder: Path) -> Iterator[ProgramStore]:
    opened = ProgramStore(folder)
    yield opened
    opened.close()


def assert_same(found: PublishedProgram | None, wanted: PublishedProgram) -> None:
    assert found is not None
    assert (found.sequence, found.terms) == (wanted.sequence, wanted.terms)
    assert found.routes.hashes == wanted.routes.hashes and found.routes.parts == wanted.routes.parts


def test_nothing_is_stored_at_first(tmp_path: Path, folder: Path, store: ProgramStore) -> None:
    assert load_published(folder) is None and load_published(tmp_path / "none") is None


def test_a_saved_version_is_loaded(folder: Path, store: ProgramStore) -> None:
    later = EffectiveTerms(20, terms_of(9_000_000))
    version = PublishedProgram(7, (EffectiveTerms(10, terms_of(8_000_000)), later), SMALL)
    store.save(version)
    assert_same(load_published(folder), version)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder, *folder.glob("blobs-*"), folder / "current"))


def test_a_new_link_or_plan_appends_what_is_new(folder: Path, store: ProgramStore) -> None:
    before = routes_of(40_000)
    store.save(version_of(1, before))
    [blobs] = folder.glob("blobs-*")
    size = blobs.stat().st_size
    after = before.changed(RoutesChange({"new": Link("new", 1, 1)}))
    store.save(version_of(2, after))
    [part] = before.hashes.differing(after.hashes)
    lists = 2 * FAN_OUT * HASH_BYTES
    assert blobs.stat().st_size - size == len(after.encoded(part)) + lists + 3 * 20
    size = blobs.stat().st_size
    store.save(version_of(3, after, percent=9_000_000))
    assert 0 < blobs.stat().st_size - size < 1_000
    size = blobs.stat().st_size
    store.save(version_of(4, before))
    assert blobs.stat().st_size == size, "all of an old version is still there"
    assert_same(load_published(folder), version_of(4, before))


def test_a_store_is_continued(folder: Path) -> None:
    routes = SMALL
    for sequence in range(1, 6):
        opened = ProgramStore(folder)
        routes = routes.changed(RoutesChange({f"new-{sequence}": Link(f"new-{sequence}", 1, 1)}))
        opened.save(version_of(sequence, routes))
        opened.close()
        assert_same(load_published(folder), version_of(sequence, routes))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.booleans()), min_size=1, max_size=12))
def test_any_history_gives_the_last_version(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bool]]
) -> None:
    folder, routes = tmp_path_factory.mktemp("store") / "program", SMALL
    opened = ProgramStore(folder)
    for sequence, (link, offer, reopened) in enumerate(steps):
        routes = routes.changed(RoutesChange({f"link-{link}": Link(f"link-{link}", offer, 1) if offer > 1 else None}))
        opened.save(version_of(sequence, routes, percent=offer))
        if reopened:
            opened.close()
            opened = ProgramStore(folder)
        assert_same(load_published(folder), version_of(sequence, routes, percent=offer))
    opened.close()


def test_old_blobs_are_removed(folder: Path, store: ProgramStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_store, "GARBAGE_BYTES_MIN", 10_000)
    store.save(version_of(0, SMALL))
    live = next(folder.glob("blobs-*")).stat().st_size
    sizes, names, routes = [], set(), SMALL
    for sequence in range(1, 200):
        routes = routes.changed(RoutesChange({"one": Link("one", 1 + sequence, 1)}))
        store.save(version_of(sequence, routes))
        [blobs] = folder.glob("blobs-*")
        sizes.append(blobs.stat().st_size)
        names.add(blobs.name)
    assert max(sizes) < 2 * live + 10_000 + 5_000 and min(sizes) < 1.1 * live and len(names) > 3
    assert_same(load_published(folder), version_of(199, routes))
    assert GARBAGE_BYTES_MIN == 1 << 20


def test_a_reader_finds_a_file_that_was_just_replaced(
    folder: Path, store: ProgramStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(version_of(1, SMALL))
    read, calls = blob_file.read_blobs, []

    def read_late(path: Path, length: int) -> dict[bytes, memoryview]:
        calls.append(path)
        if len(calls) == 1:
            store._rewrite(version_of(1, SMALL))
        return read(path, length)

    monkeypatch.setattr(program_store, "read_blobs", read_late)
    assert_same(load_published(folder), version_of(1, SMALL))
    assert len(calls) == 2
    monkeypatch.setattr(program_store, "read_blobs", lambda path, length: read(path.with_name("none"), length))
    with pytest.raises(StoreDamaged, match="names a file that does not exist"):
        load_published(folder)


def test_only_one_process_writes(folder: Path, store: ProgramStore) -> None:
    with pytest.raises(FileLocked):
        ProgramStore(folder)


def _full(*_: object) -> None:
    raise OSError("no space left on device")


def test_a_full_disk_keeps_the_last_version(folder: Path, store: ProgramStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(version_of(1, SMALL))
    routes = SMALL.changed(RoutesChange({"new": Link("new", 1, 1)}))
    for module, name in ((program_store, "write_private"), (os, "fsync")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, _full)
            with pytest.raises(OSError, match="no space left"):
                store.save(version_of(2, routes))
        assert_same(load_published(folder), version_of(1, SMALL))
    store.save(version_of(3, routes))
    assert_same(load_published(folder), version_of(3, routes))
    with monkeypatch.context() as patch:
        patch.setattr(program_store, "GARBAGE_BYTES_MIN", -(10**9))
        patch.setattr(blob_file.BlobFile, "append", _full)
        patch.setattr(store._blobs, "append", lambda blobs: None, raising=False)
        store.save(version_of(3, routes))
    assert_same(load_published(folder), version_of(3, routes))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-1], "is longer than the file"),
        (lambda data: data[:30], "is longer than the file"),
        (lambda data: data[:10], "the file ends at byte 10"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "does not have the hash"),
        (lambda data: bytes([data[0] ^ 1]) + data[1:], "does not contain version 1"),
    ],
)
def test_damage_is_found(folder: Path, store: ProgramStore, damage: Callable[[bytes], bytes], says: str) -> None:
    store.save(version_of(1, SMALL))
    [blobs] = folder.glob("blobs-*")
    blobs.write_bytes(damage(blobs.read_bytes()))
    with pytest.raises(StoreDamaged, match=says):
        load_published(folder)


@pytest.mark.parametrize("text", ["", "{}", '{"form":2,"sequence":1,"file":"blobs-1","length":0,"root":"","terms":[]}',
                                  '{"sequence":1,"file":"../blobs-1","length":0,"root":"","terms":[]}',
                                  '{"sequence":1,"file":"blobs-1","length":0,"root":"x","terms":[]}'])  # fmt: skip
def test_a_current_file_that_cannot_be_used(folder: Path, store: ProgramStore, text: str) -> None:
    store.save(version_of(1, SMALL))
    (folder / "current").write_text(text)
    with pytest.raises(StoreDamaged, match=r"cannot be read|newer version|does not contain version 1"):
        load_published(folder)


WRITER = """
import sys
from pathlib import Path
from installation import program_store
from installation.program_store import ProgramStore, load_published
from program.entries import Link
from program.routes_tree import RoutesChange
from tests.installation.test_program_store import SMALL, version_of
program_store.GARBAGE_BYTES_MIN = 5_000
store, last = ProgramStore(Path(sys.argv[1])), load_published(Path(sys.argv[1]))
sequence, routes = (last.sequence, last.routes) if last else (0, SMALL)
while True:
    sequence += 1
    routes = routes.changed(RoutesChange({"n": Link("n", sequence, 1), f"l{sequence}": Link(f"l{sequence}", 1, 1)}))
    store.save(version_of(sequence, routes))
    sys.stdout.write(f"{sequence}\\n")
    sys.stdout.flush()
"""


def test_a_killed_writer_leaves_a_whole_version(folder: Path) -> None:
    random, known = Random(3), 0
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        said = [int(writer.stdout.readline())]
        time.sleep(random.random() / 4)
        writer.send_signal(signal.SIGKILL)
        said += map(int, writer.stdout.read().split())
        writer.wait()
        writer.stdout.close()
        found = load_published(folder)
        assert found is not None and found.sequence in (said[-1], said[-1] + 1) and said[0] > known
        assert found.routes.link("n") == Link("n", found.sequence, 1)
        assert found.routes.link(f"l{found.sequence}") and not found.routes.link(f"l{found.sequence + 1}")
        known = found.sequence
    ProgramStore(folder).close()
    assert len(list(folder.glob("blobs-*"))) == 1, "files that a crash has left are removed"
