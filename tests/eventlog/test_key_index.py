"""The key index of an edge: whatever is lost or repeated, it says what a plain fold of the log says."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.kafka.key_index import KeyIndex
from eventlog.port import AppendId, Partition, Record
from schemas.dedup.rules import Decision, decide
from schemas.events import CONVERSIONS
from schemas.wire import WIRE_VERSION, UnknownSchemaVersion
from tests.schemas.samples import conversion, refund, rejected, status, wire

SALES = Partition(CONVERSIONS, 0)
LOG, OTHER_LOG = "a" * 32, "b" * 32
MINE = b"m" * 16
ORIGINS = (MINE, b"n" * 16)


def log_of(values: Sequence[bytes], origin: bytes = MINE, first: int = 0) -> list[Record]:
    return [Record(n, value, AppendId(origin, n)) for n, value in enumerate(values, first)]


@dataclass
class Plain:
    """The fold as it is defined: append ids that came before are dropped, the rest is decided in order."""

    states: dict[bytes, bytes] = field(default_factory=dict)
    seen: set[tuple[bytes, int]] = field(default_factory=set)

    def add(self, record: Record) -> Decision | None:
        assert record.append_id is not None
        append_id = (record.append_id.origin, record.append_id.sequence)
        if append_id in self.seen:
            return None
        self.seen.add(append_id)
        decision = decide(self.states.get, record.value)
        self.states |= decision.puts
        return decision


class Stored:
    """The state of a log that a warehouse holds up to an offset."""

    def __init__(self, records: Sequence[Record], offset: int) -> None:
        self._offset, self._plain = offset, Plain()
        for record in records[:offset]:
            self._plain.add(record)

    def position(self, partition: Partition, log_id: str) -> int:
        return self._offset

    def states(self, partition: Partition, log_id: str, offset: int) -> Iterator[tuple[bytes, bytes]]:
        yield from self._plain.states.items()

    def origins(self, partition: Partition, log_id: str, offset: int) -> Iterator[tuple[bytes, int, int]]:
        for origin, sequence in self._plain.seen:
            yield origin, sequence, sequence


def fold_all(index: KeyIndex, records: Sequence[Record], at: int = 0, log_id: str = LOG) -> list[str]:
    return [
        one.decision.verdict if isinstance(one.decision, Decision) else type(one.decision).__name__
        for one in index.fold(SALES, log_id, records[at:], MINE)
    ]


# -- any log, any trouble

TXNS = ("t0", "t1")


@st.composite
def candidates(draw: st.DrawFn) -> bytes:
    """Sales and what may follow them, few enough to meet often."""
    key = conversion(draw(st.sampled_from(TXNS))).conversion_id
    match draw(st.integers(0, 3)):
        case 0:
            return wire(status(key, draw(st.sampled_from(["hold", "approved", "declined"]))))
        case 1:
            return wire(refund(key, draw(st.sampled_from(["r0", "r1"])), draw(st.sampled_from([-1, 10_000, 50_000]))))
        case _:
            txn, ref = draw(st.sampled_from(TXNS)), draw(st.sampled_from(["", "a0"]))
            return wire(conversion(txn, amount_minor=draw(st.sampled_from([750, 900])), ref=ref))


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """A partition that several edges write, with repeats anywhere after the first."""
    counts = dict.fromkeys(ORIGINS, 0)
    records: list[Record] = []
    for offset in range(draw(st.integers(1, 30))):
        again = records and draw(st.integers(0, 3)) == 0
        if again:
            before = draw(st.sampled_from(records))
            records.append(before._replace(offset=offset))
        else:
            origin = draw(st.sampled_from(ORIGINS))
            counts[origin] += draw(st.sampled_from([1, 1, 2]))  # a sequence may never arrive
            records.append(Record(offset, draw(candidates()), AppendId(origin, counts[origin])))
    return records


def quick_index(path: Path, template: Path) -> KeyIndex:
    """An index that syncs nothing; a new one is a copy of an empty one."""
    if not path.exists():
        shutil.copy(template, path)
    index = KeyIndex(path, decide)
    index._connection.execute("PRAGMA synchronous = OFF")
    return index


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "keys.sqlite"
    KeyIndex(path, decide).close()
    return path


class Edge:
    """An edge of one origin that reads two partitions, and is stopped in between in one way or another."""

    def __init__(self, folder: Path, empty: Path, origin: bytes, records: Sequence[Sequence[Record]]) -> None:
        self._path, self._copy, self._empty = folder / "keys.sqlite", folder / "copy.sqlite", empty
        self._origin, self._records = origin, records
        self.index = quick_index(self._path, empty)
        self.verdicts: dict[tuple[int, int], str] = {}

    def read(self, count: int) -> bool:
        """Read on in each partition; whether there was anything left."""
        found = False
        for number, records in enumerate(self._records):
            partition = Partition(CONVERSIONS, number)
            at = self.index.position(partition, LOG) or 0
            if chunk := records[at : at + count]:
                found = True
                for one in self.index.fold(partition, LOG, chunk, self._origin):
                    assert isinstance(one.decision, Decision)
                    before = self.verdicts.setdefault((number, one.offset), one.decision.verdict)
                    assert before == one.decision.verdict
        return found

    def restart(self, how: str) -> None:
        self.index.close()
        if how == "older" and self._copy.exists():
            shutil.copy(self._copy, self._path)
        elif how in ("lost", "stored"):
            self._path.unlink()
        else:
            shutil.copy(self._path, self._copy)
        self.index = quick_index(self._path, self._empty)
        if how == "stored":
            for number, records in enumerate(self._records):
                self.index.load(Partition(CONVERSIONS, number), LOG, Stored(records, len(records) // 2))


restarts = st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["kept", "lost", "older", "stored"])), max_size=4)


@given(records=st.tuples(logs(), logs()), steps=st.tuples(restarts, restarts))
@settings(max_examples=40, deadline=None)
def test_every_edge_says_what_a_plain_fold_says(
    empty: Path, records: tuple[list[Record], list[Record]], steps: tuple[list[tuple[int, str]], list[tuple[int, str]]]
) -> None:
    """Two edges, two partitions, restarts with an index that is kept, lost, older, or built from the warehouse."""
    plains = (Plain(), Plain())
    expected = [[plain.add(record) for record in log] for plain, log in zip(plains, records, strict=True)]
    for origin, restarts_of_it in zip(ORIGINS, steps, strict=True):
        with TemporaryDirectory() as folder:
            edge = Edge(Path(folder), empty, origin, records)
            for count, how in restarts_of_it:
                edge.read(count)
                edge.restart(how)
            while edge.read(7):
                pass
            known = edge.index.reader()
            for number, plain in enumerate(plains):
                partition, value = Partition(CONVERSIONS, number), records[number][0].value
                assert {key: known(partition, key) for key in plain.states} == plain.states
                (again,) = edge.index.try_out(partition, [value])
                assert again.verdict == decide(plain.states.get, value).verdict
            for (number, offset), verdict in edge.verdicts.items():
                decision = expected[number][offset]
                assert decision is not None and decision.verdict == verdict
            edge.index.close()


@given(logs())
@settings(max_examples=100, deadline=None)
def test_a_record_is_never_accepted_twice(records: list[Record]) -> None:
    """So a candidate may be sent again under another append id: at most one of the two makes a difference."""
    states: dict[bytes, bytes] = {}
    accepted: set[bytes] = set()
    for record in records:
        decision = decide(states.get, record.value)
        states |= decision.puts
        if decision.verdict == "accepted":
            assert record.value not in accepted
            accepted.add(record.value)


# -- one thing each


@pytest.fixture
def index(tmp_path: Path) -> Iterator[KeyIndex]:
    opened = KeyIndex(tmp_path / "keys.sqlite", decide)
    yield opened
    opened.close()


def sale(txn_id: str) -> bytes:
    return wire(conversion(txn_id))


def test_only_decisions_on_own_records_are_reported(index: KeyIndex) -> None:
    records = [*log_of([sale("a"), sale("b")], b"n" * 16), *log_of([sale("a"), sale("c")], first=2)]
    folded = index.fold(SALES, LOG, [*records, Record(4, sale("d"))], MINE)
    assert [
        (one.sequence, one.offset, one.decision.verdict) for one in folded if isinstance(one.decision, Decision)
    ] == [
        (2, 2, "duplicate"),
        (3, 3, "accepted"),
    ]
    assert index.position(SALES, LOG) == 5


def test_partitions_know_nothing_of_each_other(index: KeyIndex) -> None:
    other = Partition(CONVERSIONS, 1)
    assert fold_all(index, log_of([sale("a")])) == ["accepted"]
    (one,) = index.fold(other, LOG, log_of([sale("a")]), MINE)
    assert isinstance(one.decision, Decision) and one.decision.verdict == "accepted"
    assert (index.position(SALES, LOG), index.position(other, LOG)) == (1, 1)


def test_a_topic_that_is_remade_is_read_from_its_beginning_and_forgets_no_key(index: KeyIndex) -> None:
    assert fold_all(index, log_of([sale("a"), sale("b")])) == ["accepted", "accepted"]
    assert index.position(SALES, OTHER_LOG) is None
    index.begin_at(SALES, OTHER_LOG, 0)
    assert fold_all(index, log_of([sale("a"), sale("c")]), log_id=OTHER_LOG) == ["duplicate", "accepted"]
    assert (index.position(SALES, OTHER_LOG), index.position(SALES, LOG)) == (2, None)
    index.begin_at(SALES, OTHER_LOG, 5)  # of the same log: what came before is still known
    assert fold_all(index, [Record(5, sale("c"), AppendId(MINE, 1))], log_id=OTHER_LOG) == []


def test_a_load_that_breaks_leaves_no_position(index: KeyIndex) -> None:
    fold_all(index, log_of([sale("a")]))

    class Broken(Stored):
        def origins(self, partition: Partition, log_id: str, offset: int) -> Iterator[tuple[bytes, int, int]]:
            raise OSError("the warehouse is away")

    with pytest.raises(OSError, match="away"):
        index.load(SALES, LOG, Broken(log_of([sale("a"), sale("b")]), 2))
    assert index.position(SALES, LOG) is None
    assert index.load(SALES, LOG, Stored(log_of([sale("a"), sale("b")]), 2)) == 2
    assert [one.verdict for one in index.try_out(SALES, [sale("b"), sale("c"), sale("c")])] == [
        "duplicate", "accepted", "duplicate",
    ]  # fmt: skip
    assert index.position(SALES, LOG) == 2


def test_records_that_claim_nothing_are_passed_over(index: KeyIndex) -> None:
    records = log_of([b"", b"\1\3no record", wire(rejected()), sale("a")])
    verdicts = fold_all(index, records)
    assert verdicts == ["UndecodableRecord", "UndecodableRecord", "TypeError", "accepted"]


def test_a_record_from_the_future_stops_the_fold_before_it(index: KeyIndex) -> None:
    future = bytes((WIRE_VERSION + 1,)) + sale("b")[1:]
    fold_all(index, log_of([sale("a")]))
    with pytest.raises(UnknownSchemaVersion):
        index.fold(SALES, LOG, log_of([sale("c"), future], first=1), MINE)
    assert index.position(SALES, LOG) == 1
    assert [one.verdict for one in index.try_out(SALES, [sale("c")])] == ["accepted"]


def test_a_file_that_is_no_index_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "keys.sqlite"
    path.write_bytes(b"not a database, and long enough to be looked at as one " * 100)
    index = KeyIndex(path, decide)
    assert fold_all(index, log_of([sale("a")])) == ["accepted"]
    assert path.with_suffix(".broken").exists()
    index.close()
